"""``keyworks clock``."""

from datetime import timedelta

import pytest

from keyworks.testing import NOON, FixedClock
from keyworks.x509.certificate import time_text
from tests.unit.cli.typed import Typed

LATER = timedelta(days=400)
LOT = ("--manufacturer", "Maker", "--product", "P7")


@pytest.fixture
def stuck_cli(supplier_cli: Typed, clock: FixedClock) -> Typed:
    """Commands at an installation whose last record lies in the future."""
    clock.advance(LATER)
    supplier_cli.done("device", "add", "SN-1", *LOT)
    clock.advance(-LATER)
    assert "clock was set back" in supplier_cli.refused("device", "add", "SN-2", *LOT, code=3)
    return supplier_cli


def test_the_present_time_and_the_last_record_s_are_shown(stuck_cli: Typed) -> None:
    assert stuck_cli.json("clock", "show") == {
        "now": time_text(NOON),
        "last_record": time_text(NOON + int(LATER.total_seconds())),
        "behind_seconds": int(LATER.total_seconds()),
        "records": False,
    }


@pytest.mark.parametrize(("words", "answer"), [(("--yes",), ""), ((), "y\n")])
def test_after_a_correction_everything_is_recorded_again(
    stuck_cli: Typed, words: tuple[str, ...], answer: str
) -> None:
    assert f"from {time_text(NOON)}" in stuck_cli.done("clock", "correct", *words, stdin=answer)
    stuck_cli.done("device", "add", "SN-2", *LOT)
    [entry] = stuck_cli.json("ledger", "show", "--action", "clock.")["entries"]
    assert entry["detail"]["to"] == time_text(NOON)


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_without_a_yes_nothing_is_corrected(stuck_cli: Typed, answer: str) -> None:
    assert "Nothing was corrected." in stuck_cli.refused("clock", "correct", stdin=answer)
    assert not stuck_cli.json("clock", "show")["records"]


def test_a_clock_that_is_not_behind_needs_no_correction_and_no_answer(supplier_cli: Typed) -> None:
    assert "nothing was changed" in supplier_cli.done("clock", "correct")
    assert supplier_cli.json("clock", "correct")["corrected"] is False
