"""What every test may ask for."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from keyworks.errors import KeyworksError
from keyworks.ledger.events import EVENTS
from keyworks.service.installation import Installation, open_installation
from keyworks.service.setup import create_installation
from keyworks.testing import (
    Databases,
    FixedClock,
    ledger_entries,
    small_installation,
    throwaway_databases,
    use_databases,
)
from keyworks.testing.postgresql import QUICK, SETTINGS, Cluster, ServerDatabases, running_cluster


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the tests run on any database."""
    parser.addoption(
        "--database", choices=("sqlite", "postgresql"), default="sqlite", help="where throwaway databases are"
    )
    parser.addoption("--kills", type=int, default=20, help="how often tests/faults kills processes, at least")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, on a server, what is about a database in a file."""
    if config.getoption("--database") != "sqlite":
        items[:] = [one for one in items if one.get_closest_marker("file") is None]


@pytest.fixture(scope="session", autouse=True)
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Where this run has its throwaway databases."""
    if request.config.getoption("--database") == "sqlite":
        yield throwaway_databases()
        return
    own = request.getfixturevalue("servers")
    use_databases(own)
    yield own


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of the tests' own."""
    with running_cluster({**SETTINGS, **QUICK}) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def servers(cluster: Cluster) -> ServerDatabases:
    """Databases on that server."""
    return ServerDatabases(cluster)


@pytest.fixture(autouse=True)
def _forgetting(databases: Databases) -> Iterator[None]:
    """Remove the databases of each test."""
    yield
    databases.forget()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI, what was skipped has failed: nobody looks for it there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _made(folder: Path, preset: str, databases: Databases) -> Path:
    home = folder / preset
    asyncio.run(create_installation(small_installation(home, preset), FixedClock()))
    databases.keep()
    return home


@pytest.fixture(scope="session")
def supplier_template(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Path:
    """A supplier's installation, never opened: copy it."""
    return _made(tmp_path_factory.mktemp("template"), "supplier", databases)


@pytest.fixture(scope="session")
def operator_template(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Path:
    """An operator's installation, never opened: copy it."""
    return _made(tmp_path_factory.mktemp("template"), "operator", databases)


@pytest.fixture
def supplier_home(supplier_template: Path, tmp_path: Path, databases: Databases) -> Path:
    """A supplier's installation of the test's own, created at the fixed clock's ``NOON``."""
    databases.copy(supplier_template, tmp_path / "supplier")
    return tmp_path / "supplier"


@pytest.fixture
def operator_home(operator_template: Path, tmp_path: Path, databases: Databases) -> Path:
    """An operator's installation of the test's own, created at the fixed clock's ``NOON``."""
    databases.copy(operator_template, tmp_path / "operator")
    return tmp_path / "operator"


@pytest.fixture
def clock() -> FixedClock:
    """The clock of ``supplier`` and ``operator``."""
    return FixedClock()


async def _check_entries(installation: Installation) -> None:
    """What a test made happen is entered as ``ledger/events.py`` says, unless it broke the database."""
    try:
        entries = await ledger_entries(installation.store)
    except (KeyworksError, LookupError, ValueError):
        return
    for entry in entries:
        event = EVENTS.get(entry["action"])
        where = f"the ledger has '{entry['action']}' with {sorted(entry['detail'])}"
        assert event is not None, f"{where}: add a line for it in ledger/events.py"
        assert event.allows(frozenset(entry["detail"])), f"{where}: name its fields in ledger/events.py"


@pytest.fixture
async def supplier(supplier_home: Path, clock: FixedClock) -> AsyncIterator[Installation]:
    """A supplier's installation, open."""
    async with open_installation(supplier_home, clock) as installation:
        yield installation
        await _check_entries(installation)


@pytest.fixture
async def operator(operator_home: Path, clock: FixedClock) -> AsyncIterator[Installation]:
    """An operator's installation, open."""
    async with open_installation(operator_home, clock) as installation:
        yield installation
        await _check_entries(installation)
