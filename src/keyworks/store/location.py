"""Where a database is: a file of this machine, or a server."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SQLiteFile:
    """A SQLite database.

    Args:
        path: Its file.
    """

    path: Path

    def __str__(self) -> str:
        """Return it as a sentence names it."""
        return str(self.path)


@dataclass(frozen=True, slots=True)
class PostgreSQLServer:
    """A PostgreSQL database.

    Args:
        url: ``postgresql://…`` as libpq takes it, without a password.
        password: For the server, if it asks for one; libpq looks further where this is ``None``.
    """

    url: str
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Return it as a sentence names it."""
        return self.url


Location = SQLiteFile | PostgreSQLServer
