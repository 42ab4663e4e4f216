"""Importing an order."""

from typing import Final

from keyworks.devices.lifecycle import STEPS
from tests.docs.console import ROOT

PAGE: Final = ROOT / "docs" / "howto" / "import-an-order.md"


def test_the_table_has_every_step_and_what_it_revokes() -> None:
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    listed = {row[0].strip("| `"): (row[2], "revoked (" in row[3]) for row in rows}
    assert listed == {verb: (step.target, step.revokes is not None) for verb, step in STEPS.items()}
