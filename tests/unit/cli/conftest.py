"""Installations that commands are typed at."""

from pathlib import Path

import pytest

from keyworks.testing import FixedClock
from tests.unit.cli.typed import Typed


@pytest.fixture
def supplier_cli(supplier_home: Path, clock: FixedClock) -> Typed:
    """Commands at a supplier's installation."""
    return Typed(supplier_home, clock)


@pytest.fixture
def operator_cli(operator_home: Path, clock: FixedClock) -> Typed:
    """Commands at an operator's installation."""
    return Typed(operator_home, clock)
