"""Backing up and restoring, typed as the page says: what was confirmed is in the copy, and the fork is seen."""

from pathlib import Path
from typing import Final

from tests.docs.console import ROOT, differences, free_ports, left_in, typed_in, typing

PAGE: Final = ROOT / "docs" / "howto" / "back-up-and-restore.md"
PORTS: Final = ("8443", "9443", "8080")
"""Those of the page; in a test, free ones take their place."""

SECONDS: Final = 120.0


def test_every_command_of_the_page_does_what_it_shows(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    commands = list(typed_in(PAGE, free_ports(PORTS)))
    assert differences(commands, typing(commands, ROOT, home, SECONDS)) == []
    assert left_in(tmp_path) == []


def test_the_page_backs_up_while_the_server_runs_and_restores_while_it_does_not() -> None:
    typed = "\n".join(one.command for one in typed_in(PAGE))
    steps = [
        *(
            "serve",
            "VACUUM INTO",
            "integrity_check",
            "ledger export ledger-at-noon",
            "kill",
            "mv plant/keyworks.db*",
        ),
        *("cp backup/keyworks.db plant/", "serve", "ledger export ledger-after", "--checkpoint", "kill"),
    ]
    place = 0
    for step in steps:
        place = typed.index(step, place) + 1
    assert [one.status for one in typed_in(PAGE)].count(1) == 1
