"""Every table of an installation: whoever copies or removes them has to know all of them.

A room declares its tables where it is imported, and a command imports what it needs: so a process may know some
of them only. This module imports every room that has any.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Table

from keyworks.access import records as access
from keyworks.authority import records as authority
from keyworks.devices import records as devices
from keyworks.keys import records as keys
from keyworks.ledger import records as ledger
from keyworks.service.policy import records as policy
from keyworks.store import engine as store
from keyworks.store.schema import metadata

ROOMS: Final = (access, authority, devices, keys, ledger, policy, store)

TABLES: Final[Sequence[Table]] = tuple(metadata.sorted_tables)
"""In an order in which none refers to a later one."""
