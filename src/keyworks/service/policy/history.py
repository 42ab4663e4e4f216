"""The policy in force, and every version that ever was."""

from dataclasses import dataclass

from keyworks.authority.register import read_register
from keyworks.errors import OperatorError
from keyworks.service.installation import Installation
from keyworks.service.policy import records
from keyworks.service.policy.document import compose, resolve, written
from keyworks.service.policy.plan import Change, differences
from keyworks.settings.factory import FactoryDocument
from keyworks.settings.toml import Source
from keyworks.store.engine import Transaction


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the policy.

    Args:
        number: From 1.
        at: When it came into force.
        actor: Who applied it.
        what: What was done, such as ``apply factory.toml``.
        sha256: Of its document; the ledger has it too.
    """

    number: int
    at: int
    actor: str
    what: str
    sha256: str


async def present_policy(installation: Installation) -> FactoryDocument:
    """Return the policy in force, resolved."""
    return await installation.store.read(lambda tx: compose(tx, read_register(tx)))


async def export_policy(installation: Installation) -> str:
    """Return the policy in force as a factory.toml; applying it changes nothing."""
    return written(await present_policy(installation))


async def versions(installation: Installation) -> list[Version]:
    """Return every version, oldest first."""
    rows = await installation.store.read(lambda tx: tx.execute(records.SELECT_VERSIONS))
    return [Version(*row) for row in rows]


async def version_text(installation: Installation, number: int) -> str:
    """Return the document of a version.

    Raises:
        OperatorError: There is no such version.
    """
    return await installation.store.read(lambda tx: _text(tx, number))


def _text(tx: Transaction, number: int) -> str:
    for row in tx.execute(records.SELECT_VERSION, {"number": number}):
        return str(row[5])
    raise OperatorError(f"There is no version {number} of the policy; see `keyworks policy history`.")


async def difference(installation: Installation, first: int, second: int) -> tuple[Change, ...]:
    """Return what differs between two versions.

    Raises:
        OperatorError: There is no such version.
    """
    texts = [await version_text(installation, number) for number in (first, second)]
    before, after = (resolve(Source("version", text).read(FactoryDocument)) for text in texts)
    return differences(before, after)
