"""Importing an order, typed as the page says."""

from pathlib import Path
from typing import Final

from keyworks.devices.lifecycle import STEPS
from tests.docs.console import ROOT, differences, left_in, typed_in, typing

PAGE: Final = ROOT / "docs" / "howto" / "import-an-order.md"
SECONDS: Final = 120.0


def test_every_command_of_the_page_does_what_it_shows(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    commands = list(typed_in(PAGE))
    assert differences(commands, typing(commands, ROOT, home, SECONDS)) == []
    assert left_in(tmp_path) == []


def test_the_table_has_every_step_and_what_it_revokes() -> None:
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    listed = {row[0].strip("| `"): (row[2], "revoked (" in row[3]) for row in rows}
    assert listed == {verb: (step.target, step.revokes is not None) for verb, step in STEPS.items()}
