"""Every how-to page, typed as it says: what it shows is what comes."""

from pathlib import Path
from typing import Final

import pytest

from tests.docs.console import ROOT, differences, free_ports, left_in, typed_in, typing

PAGES: Final = sorted(page for page in (ROOT / "docs" / "howto").glob("*.md") if any(typed_in(page)))
PORTS: Final = ("8443", "9443", "8080")
"""Those of the pages; in a test, free ones take their place."""

SECONDS: Final = 120.0


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_every_command_of_a_page_does_what_it_shows(page: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    commands = list(typed_in(page, free_ports(PORTS)))
    assert differences(commands, typing(commands, ROOT, home, SECONDS)) == []
    assert left_in(tmp_path) == []
