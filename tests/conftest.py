"""What every test may ask for."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from keyworks.errors import KeyworksError
from keyworks.ledger.events import EVENTS
from keyworks.service.installation import Installation, open_installation
from keyworks.service.setup import create_installation
from keyworks.testing import FixedClock, ledger_entries, small_installation


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI, what was skipped has failed: nobody looks for it there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _made(folder: Path, preset: str) -> Path:
    home = folder / preset
    asyncio.run(create_installation(small_installation(home, preset), FixedClock()))
    return home


@pytest.fixture(scope="session")
def supplier_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A supplier's installation, never opened: copy it."""
    return _made(tmp_path_factory.mktemp("template"), "supplier")


@pytest.fixture(scope="session")
def operator_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An operator's installation, never opened: copy it."""
    return _made(tmp_path_factory.mktemp("template"), "operator")


@pytest.fixture
def supplier_home(supplier_template: Path, tmp_path: Path) -> Path:
    """A supplier's installation of the test's own, created at the fixed clock's ``NOON``."""
    return Path(shutil.copytree(supplier_template, tmp_path / "supplier"))


@pytest.fixture
def operator_home(operator_template: Path, tmp_path: Path) -> Path:
    """An operator's installation of the test's own, created at the fixed clock's ``NOON``."""
    return Path(shutil.copytree(operator_template, tmp_path / "operator"))


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
