"""Connections to a PostgreSQL server, whose waits let the event loop go on; and what its errors mean."""

import asyncio
import logging
import re
from typing import Any, Final

import psycopg
from psycopg import errors as refusals
from psycopg.conninfo import conninfo_to_dict
from psycopg.waiting import wait_async

from keyworks.errors import DatabaseLost, InternalError, KeyworksError, Unavailable
from keyworks.store.location import PostgreSQLServer
from keyworks.store.switching import can_wait, wait_for

_CONNECT_SECONDS: Final = 3
_ANSWER_SECONDS: Final = 10
"""Longer than anything that is asked here takes: after that, the server or the network is given up."""

_LOCK_SECONDS: Final = 5
_IDLE_SECONDS: Final = 5
"""How long a node that stands still may keep the others from writing: then the server ends its transaction."""

_PREPARED_AFTER: Final = 2
_SESSION: Final = (
    f"-c lock_timeout={_LOCK_SECONDS}s -c idle_in_transaction_session_timeout={_IDLE_SECONDS}s "
    f"-c statement_timeout={_ANSWER_SECONDS}s -c client_min_messages=warning"
)
_LOOKS: Final = "SET default_transaction_isolation = 'repeatable read'; SET default_transaction_read_only = on"
"""What is asked between two syncs of a pipeline is one transaction, so it has one snapshot.

No option of the connection: ``target_session_attrs=read-write`` would take the server for one that only reads.
"""

_DURABLE: Final = """
    SELECT set_config('synchronous_commit', CASE WHEN now IN ('off', 'local') THEN 'on' ELSE now END, false)
    FROM current_setting('synchronous_commit') AS now
"""
"""Said in any case: a setting of the session's own stays when the server's changes."""

WRITE_LOCK: Final = 0x6B6579776F726B73
"""Of the advisory lock that whoever writes holds: "keyworks", read as a number."""


# What it tells of a connection that breaks, the error that is raised says too; a log has lines of ours alone.
logging.getLogger("psycopg").setLevel(logging.CRITICAL)


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection for code that ``switched`` runs, and for any other.

    Attributes:
        patient: Whether a statement may take as long as it takes.
    """

    patient = False

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the server's answer; a server that gives none in time is given up."""
        limit = timeout or _ANSWER_SECONDS + 1.0
        try:
            if not can_wait():
                return super().wait(gen, interval, None if self.patient else limit)
            return wait_for(wait_async(gen, self.pgconn.socket, 1.0, limit))
        except (refusals._WaitTimeout, asyncio.CancelledError) as error:
            self.close()
            if isinstance(error, asyncio.CancelledError):
                raise
            raise psycopg.OperationalError("the server does not answer") from error


def connect(location: PostgreSQLServer, *, patient: bool = False, looks: bool = False) -> Connection:
    """Return a connection on which every commit is durable; for where waiting is no harm.

    Args:
        location: Of the database.
        patient: Whether a statement may take as long as it takes, as those that change the schema do.
        looks: Whether it is for looking only: nothing can be written.

    Raises:
        psycopg.Error: There is no server, or it refuses.
    """
    given = conninfo_to_dict(location.url)
    options = ["" if patient else _SESSION, str(given.pop("options", ""))]
    parameters: dict[str, Any] = {
        "connect_timeout": _CONNECT_SECONDS,
        "application_name": "keyworks",
        **given,
        "options": " ".join(options),
    }
    if location.password is not None:
        parameters["password"] = location.password
    connection = Connection.connect(autocommit=True, prepare_threshold=_PREPARED_AFTER, **parameters)
    connection.patient = patient
    connection.execute(_LOOKS if looks else _DURABLE)
    return connection


_NO_ROOM: Final = (refusals.InsufficientResources, refusals.IoError)
_LOST: Final = (
    refusals.AdminShutdown,
    refusals.CrashShutdown,
    refusals.CannotConnectNow,
    refusals.IdleInTransactionSessionTimeout,
    refusals.TooManyConnections,
)
BUSY: Final = (
    refusals.LockNotAvailable,
    refusals.QueryCanceled,
    refusals.SerializationFailure,
    refusals.DeadlockDetected,
)
_REFUSED: Final = re.compile(
    r"FATAL: .*(authentication failed|does not exist|pg_hba\.conf|permission denied|not permitted)", re.DOTALL
)
"""What a server says that will say so again; when a connection is made, the driver has only its words."""


def translated(error: psycopg.Error) -> KeyworksError:
    """Return an error of ours that says what the server's means."""
    # What the server adds in detail may hold values of a row.
    private = f"{type(error).__name__}: {error.diag.message_primary or error}".strip()
    match error:
        case refusals.ReadOnlySqlTransaction():
            return Unavailable("The database cannot be written now: it is read-only.", private=private)
        case _ if isinstance(error, BUSY):
            return Unavailable("The database is busy; ask again.", private=private)
        case _ if _REFUSED.search(str(error)):
            return DatabaseLost(
                "The database server refuses this node; the operator has to look at address and password.",
                private=private,
            )
        case _ if isinstance(error, _LOST):
            return DatabaseLost("The database cannot be reached; ask again.", private=private)
        case _ if isinstance(error, _NO_ROOM):
            return Unavailable(
                "The database cannot be written; the operator has to look at the disk.", private=private
            )
        case psycopg.OperationalError():
            return DatabaseLost("The database cannot be reached; ask again.", private=private)
        case _:
            return InternalError("The database refused a statement.", private=private)
