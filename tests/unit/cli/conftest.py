"""Installations that commands are typed at."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyworks.testing import FixedClock
from tests.unit.cli.shop import Shop, enrolled, open_shop
from tests.unit.cli.typed import Typed


@pytest.fixture
def supplier_cli(supplier_home: Path, clock: FixedClock) -> Typed:
    """Commands at a supplier's installation."""
    return Typed(supplier_home, clock)


@pytest.fixture
def operator_cli(operator_home: Path, clock: FixedClock) -> Typed:
    """Commands at an operator's installation."""
    return Typed(operator_home, clock)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A supplier's server that runs."""
    with open_shop(tmp_path_factory.mktemp("shop") / "supplier") as one:
        yield one


@pytest.fixture
def line(shop: Shop, tmp_path: Path) -> tuple[str, ...]:
    """Return what a station types for a device, with its certificate as credential."""
    station, out = shop.station(), tmp_path / "station"
    enrolled(shop, out, "--user", station.name, KEYWORKS_SECRET=station.secret)
    return (shop.url, "--label", "idevid", "--trust", shop.pin, "--credential", str(out))
