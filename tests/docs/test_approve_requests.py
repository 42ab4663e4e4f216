"""Approving a request, typed as the page says."""

from pathlib import Path
from typing import Final

from keyworks.authority.pending import LIFETIME, MAX_PENDING
from tests.docs.console import ROOT, differences, free_ports, left_in, typed_in, typing

PAGE: Final = ROOT / "docs" / "howto" / "approve-requests.md"
PORTS: Final = ("8443", "9443", "8080")
SECONDS: Final = 120.0


def test_every_command_of_the_page_does_what_it_shows(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    commands = list(typed_in(PAGE, free_ports(PORTS)))
    assert differences(commands, typing(commands, ROOT, home, SECONDS)) == []
    assert left_in(tmp_path) == []


def test_its_limits_are_the_code_s() -> None:
    assert (LIFETIME.days, MAX_PENDING) == (7, 100)
