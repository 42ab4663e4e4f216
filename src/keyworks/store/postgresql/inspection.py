"""A look at a server as a whole, for who looks after it."""

from contextlib import closing
from dataclasses import dataclass
from typing import Final

import psycopg

from keyworks.store.location import PostgreSQLServer
from keyworks.store.postgresql.connection import connect, translated

_QUERY: Final = """
    SELECT split_part(current_setting('server_version'), ' ', 1), pg_is_in_recovery(),
    current_setting('fsync') = 'on', current_setting('full_page_writes') = 'on',
    current_setting('synchronous_commit'),
    current_setting('synchronous_standby_names') != ''
"""


@dataclass(frozen=True, slots=True)
class ServerInspection:
    """How a server is.

    Args:
        version: Its own.
        recovering: Whether it is a standby.
        fsync: Whether it writes to the disk what it says it has written.
        full_page_writes: Whether a page that a power cut tore can be put together again.
        synchronous_commit: For whom a commit of ours waits.
        standbys: Whether a standby has to have written it too.
    """

    version: str
    recovering: bool
    fsync: bool
    full_page_writes: bool
    synchronous_commit: str
    standbys: bool


def inspect_server(location: PostgreSQLServer) -> ServerInspection:
    """Return how a server is.

    Raises:
        KeyworksError: It cannot be reached, or refuses.
    """
    try:
        with closing(connect(location, looks=True)) as connection:
            [row] = connection.execute(_QUERY).fetchall()
    except psycopg.Error as error:
        raise translated(error) from error
    return ServerInspection(*row)
