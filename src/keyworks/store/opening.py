"""Opening a database, wherever it is. The server's driver is imported for a server alone: it is heavy."""

from keyworks.store.clock import Clock
from keyworks.store.engine import Database, Store
from keyworks.store.location import Location, SQLiteFile
from keyworks.store.sqlite import ATTEMPTS, SQLiteDatabase


def open_store(location: Location, clock: Clock, attempts: int = ATTEMPTS, *, looks: bool = False) -> Store:
    """Return an opened database.

    Args:
        location: Where it is; it has the present schema.
        clock: For the high-water mark.
        attempts: How often to try while other processes hold a file.
        looks: Whether it is for looking only: nothing can be written, and nothing of a file changes.

    Raises:
        OperatorError: There is none, or it cannot be used; the sentence says why.
    """
    return Store(_database(location, attempts, looks=looks), clock)


def _database(location: Location, attempts: int, *, looks: bool) -> Database:
    if isinstance(location, SQLiteFile):
        return SQLiteDatabase(location.path, attempts, reads=looks)
    from keyworks.store.postgresql.database import PostgreSQLDatabase

    return PostgreSQLDatabase(location, looks=looks)
