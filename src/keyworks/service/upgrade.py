"""Bringing an installation's database to the present release."""

from dataclasses import dataclass
from pathlib import Path

from keyworks.ledger.records import insert_entries
from keyworks.service.installation import (
    Installation,
    location_of,
    open_installation,
    operator,
    settings_of,
)
from keyworks.service.policy.apply import apply, propose
from keyworks.service.policy.history import present_policy
from keyworks.settings.factory import Draft
from keyworks.store.clock import Clock, SystemClock
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
    settings = settings_of(home)
    location = location_of(home, settings.database)
    upgrade = Upgrade(version_of(location), HEAD)
    if upgrade.before != upgrade.now:
        detail = (("from", upgrade.before), ("to", upgrade.now))
        at = (clock or SystemClock()).now()
        entry = operator().entry(at, f"node:{settings.node.name}", "installation.upgraded", detail)
        migrate(location, lambda tx: insert_entries(tx, [entry]))
    # Whatever was killed before it came so far is finished by the next, which finds the present version.
    async with open_installation(home, clock) as installation:
        await _begin_history(installation)
    return upgrade


async def _begin_history(installation: Installation) -> None:
    """Make what is in force the first version of the policy, where the former release had no versions."""
    proposal = await propose(installation, Draft(await present_policy(installation)))
    if proposal.number == 0:
        await apply(installation, proposal, "upgrade")
