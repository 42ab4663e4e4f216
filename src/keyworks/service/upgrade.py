"""Bringing an installation's database to the present release."""

from dataclasses import dataclass
from pathlib import Path

from keyworks.ledger.records import enter
from keyworks.service.event import event
from keyworks.service.installation import Installation, location_of, open_installation, settings_of
from keyworks.service.policy.apply import apply, propose
from keyworks.service.policy.history import present_policy
from keyworks.settings.factory import Draft
from keyworks.store.clock import Clock
from keyworks.store.migrate import HEAD, migrate, version_of


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What an upgrade did.

    Args:
        before: The schema version it had.
        now: The one it has.
    """

    before: str
    now: str


async def upgrade_installation(home: Path, clock: Clock | None = None) -> Upgrade:
    """Bring the database of the installation in ``home`` to the present version, and record that.

    Raises:
        OperatorError: There is no installation or no database, or a newer release made it.
    """
    location = location_of(home, settings_of(home).database)
    upgrade = Upgrade(version_of(location), HEAD)
    if upgrade.before != upgrade.now:
        migrate(location)
        async with open_installation(home, clock) as installation:
            detail = (("from", upgrade.before), ("to", upgrade.now))
            entry = event(
                installation, "installation.upgraded", f"node:{installation.settings.node.name}", detail
            )
            await installation.store.write(enter, entry)
            await _begin_history(installation)
    return upgrade


async def _begin_history(installation: Installation) -> None:
    """Make what is in force the first version of the policy, where the former release had no versions."""
    proposal = await propose(installation, Draft(await present_policy(installation)))
    if proposal.number == 0:
        await apply(installation, proposal, "upgrade")
