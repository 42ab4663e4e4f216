"""What every table has in common."""

import pytest
from sqlalchemy import Integer, Table

from keyworks.access import records as access
from keyworks.authority import records as authority
from keyworks.devices import records as devices
from keyworks.keys import records as keys
from keyworks.ledger import records as ledger
from keyworks.store.schema import clock_mark

ROOMS = (access, authority, devices, keys, ledger)
TABLES = [one for room in ROOMS for one in vars(room).values() if isinstance(one, Table)] + [clock_mark]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_constraint_has_a_name_by_which_a_later_version_can_change_it(table: Table) -> None:
    assert [constraint for constraint in table.constraints if not constraint.name] == []
    assert table.primary_key.columns


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_instants_are_whole_epoch_seconds(table: Table) -> None:
    """The second after the year 9999 overflows a datetime."""
    instants = [
        one for one in table.columns if one.name == "at" or one.name.endswith(("_at", "_after", "_before"))
    ]
    assert [one.name for one in instants if not isinstance(one.type, Integer)] == []
