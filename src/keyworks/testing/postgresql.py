"""A PostgreSQL server of one's own: in its own folder, reached by a private socket, gone with its maker."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from keyworks.errors import OperatorError
from keyworks.service.tables import TABLES
from keyworks.settings.node import Database
from keyworks.store.location import PostgreSQLServer
from keyworks.store.migrate import migrate
from keyworks.testing import Databases

_PROGRAMS: Final = Path("/usr/lib/postgresql")
_ACCOUNT: Final = "postgres"
_PATIENCE_SECONDS: Final = 30
_PAUSE_SECONDS: Final = 0.02
SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
}
"""What differs from the server's own settings."""

QUICK: Final[Mapping[str, str]] = {"fsync": "off", "full_page_writes": "off"}
"""For tests that pull no plugs."""


class Cluster:
    """A running server.

    Args:
        folder: Its data; a directory that only its account enters.
        process: The server.
    """

    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]") -> None:
        self.folder = folder
        self.process = process

    def url(self, database: str) -> str:
        """Return the address of a database."""
        return f"postgresql://{_ACCOUNT}@/{database}?host={self.folder}"

    def has(self, database: str) -> bool:
        """Return whether there is a database of this name."""
        with closing(psycopg.connect(self.url("postgres"), autocommit=True)) as connection:
            query = "SELECT count(*) FROM pg_database WHERE datname = %s"
            return connection.execute(query, [database]).fetchone() == (1,)

    def execute(self, statement: str, *names: str) -> list[tuple[Any, ...]]:
        """Execute a statement outside of any database of ours; ``{}`` in it stands for a name each."""
        composed = sql.SQL(statement).format(*map(sql.Identifier, names))
        with closing(psycopg.connect(self.url("postgres"), autocommit=True)) as connection:
            cursor = connection.execute(composed)
            return cursor.fetchall() if cursor.description is not None else []


def programs() -> Path:
    """Return the folder of the newest server's programs.

    Raises:
        OperatorError: None is installed.
    """
    found = sorted(_PROGRAMS.glob("*/bin/postgres"), key=lambda one: int(one.parent.parent.name))
    if not found:
        raise OperatorError("PostgreSQL is not installed; run: apt-get install postgresql")
    return found[-1].parent


def as_its_account(*command: str | Path) -> list[str]:
    """Return a command that ends with this process, run by an account that PostgreSQL agrees to."""
    account = [f"--reuid={_ACCOUNT}", f"--regid={_ACCOUNT}", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", "--pdeathsig=INT", *account, "--", *map(str, command)]


@contextmanager
def running_cluster(settings: Mapping[str, str] = SETTINGS, within: Sequence[str] = ()) -> Iterator[Cluster]:
    """Make a server, run it, and remove it in the end.

    Args:
        settings: What differs from the server's own.
        within: A command that runs it elsewhere, such as in a network of its own.

    Raises:
        OperatorError: PostgreSQL is not installed.
        RuntimeError: It does not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="keyworks-postgresql-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, _ACCOUNT, _ACCOUNT)
        make = as_its_account(programs() / "initdb", "-D", folder, "-U", _ACCOUNT, "-A", "trust", "-E", "UTF8")
        done = subprocess.run([*make, "--no-sync", "--locale=C"], capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr.decode(errors='replace')}")
        process = start(folder, settings, within)
        try:
            yield Cluster(folder, process)
        finally:
            stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def start(folder: Path, settings: Mapping[str, str], within: Sequence[str] = ()) -> "subprocess.Popen[bytes]":
    """Start the server whose data are in ``folder``, and wait until it answers.

    Raises:
        RuntimeError: It does not.
    """
    options = [f"-c{name}={value}" for name, value in {"unix_socket_directories": folder, **settings}.items()]
    log = folder / "log"
    with log.open("ab") as output:
        command = [*within, *as_its_account(programs() / "postgres", "-D", folder, *options)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    ends = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        try:
            psycopg.connect(f"postgresql://{_ACCOUNT}@/postgres?host={folder}").close()
        except psycopg.OperationalError:
            time.sleep(_PAUSE_SECONDS)
        else:
            return process
    stop(process)
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')[-2000:]}")


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a server and what is connected to it."""
    process.terminate() if process.poll() is not None else process.send_signal(2)
    process.wait(_PATIENCE_SECONDS)


class ServerDatabases(Databases):
    """Throwaway databases on a server: emptied and used again, because making one costs a tenth of a second.

    Args:
        cluster: The server.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._free: list[str] = []
        self._used: dict[Path, str] = {}
        self._contents: dict[Path, tuple[str, Contents]] = {}
        self._shape = _shape(cluster.url(self._database(Path("shape"))))
        self.forget()

    def empty(self, folder: Path) -> PostgreSQLServer:
        """Return a database with the present schema, always the same one for a folder."""
        return PostgreSQLServer(self._cluster.url(self._database(folder)))

    def setting(self, home: Path) -> Database:
        """Return what an installation in ``home`` has in its settings; its database has no tables yet."""
        name = self._new_name()
        self._cluster.execute("CREATE DATABASE {}", name)
        self._used[home] = name
        return Database(url=self._cluster.url(name))

    def copy(self, template: Path, home: Path) -> None:
        """Copy an installation that is not open, with its database."""
        super().copy(template, home)
        settings = home / "keyworks.toml"
        former, contents = self._contents[template]
        name = self._database(home)
        contents.fill(self._cluster.url(name))
        settings.write_text(settings.read_text().replace(f"/{former}?", f"/{name}?"))

    def keep(self) -> None:
        """Keep what was made so far, as a template for others."""
        for home, name in self._used.items():
            self._contents[home] = name, Contents.of(self._cluster.url(name))
        self._used.clear()

    def forget(self) -> None:
        """Take back what was made since; what was changed in its shape is thrown away."""
        for name in self._used.values():
            with closing(psycopg.connect(self._cluster.url(name), autocommit=True)) as connection:
                connection.execute(_END_OTHERS)
            if _shape(self._cluster.url(name)) == self._shape:
                self._free.append(name)
            else:
                self._cluster.execute("DROP DATABASE {} WITH (FORCE)", name)
        self._used.clear()

    def _database(self, folder: Path) -> str:
        """Return the name of a folder's database: empty, if the folder had none yet."""
        if folder not in self._used:
            name = self._free.pop() if self._free else self._new_name()
            if not self._cluster.has(name):
                self._cluster.execute("CREATE DATABASE {}", name)
                migrate(PostgreSQLServer(self._cluster.url(name)))
            Contents(()).fill(self._cluster.url(name))
            self._used[folder] = name
        return self._used[folder]

    def _new_name(self) -> str:
        self._count += 1
        return f"throwaway_{self._count}"

    _count = 0


@dataclass(frozen=True, slots=True)
class Contents:
    """The rows of a database.

    Args:
        rows: Of each table, as COPY writes them.
    """

    rows: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, url: str) -> "Contents":
        """Return what is in a database."""
        with closing(psycopg.connect(url)) as connection:
            return cls(
                tuple((table.name, b"".join(map(bytes, _copied(connection, table.name)))) for table in TABLES)
            )

    def fill(self, url: str) -> None:
        """Make these the contents of a database, in the place of what is in it."""
        with closing(psycopg.connect(url)) as connection, connection, connection.cursor() as cursor:
            for table in reversed(TABLES):
                cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)))
            for name, octets in self.rows:
                if octets:
                    with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))) as copy:
                        copy.write(octets)


def _copied(connection: "psycopg.Connection[Any]", table: str) -> list[Any]:
    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
        return list(copy)


_END_OTHERS: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid != pg_backend_pid()
"""
_SHAPE: Final = """
    SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_attribute),
    (SELECT count(*) FROM pg_trigger), (SELECT count(*) FROM pg_constraint)
"""


def _shape(url: str) -> Any:
    """Return what differs once tables, columns or triggers were added or removed."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        return connection.execute(_SHAPE).fetchone()
