"""The tutorial, typed from its first command to its last: every command does what the page shows."""

from pathlib import Path
from typing import Final

from tests.docs.console import ROOT, differences, free_ports, left_in, typed_in, typing

TUTORIAL: Final = ROOT / "docs" / "tutorial" / "your-first-factory.md"
PORTS: Final = ("8443", "9443", "8080", "8444", "9444", "8081")
"""Those of the page; in a test, free ones take their place."""

SECONDS: Final = 180.0


def test_every_command_of_the_tutorial_does_what_the_page_shows(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    commands = list(typed_in(TUTORIAL, free_ports(PORTS)))
    assert differences(commands, typing(commands, ROOT, home, SECONDS)) == []
    assert left_in(tmp_path) == []


def test_the_tutorial_goes_the_whole_way() -> None:
    typed = "\n".join(one.command for one in typed_in(TUTORIAL))
    steps = [
        *("init supplier", "init operator", "station add", "--label idevid", "--csr second.csr", "anchor add"),
        *("--label ldevid", "--force", "certificate revoke", "ledger export", "ledger verify", "kill"),
    ]
    places = [typed.index(step) for step in steps]
    assert places == sorted(places)
    assert {one.status for one in typed_in(TUTORIAL)} == {0, 1}
