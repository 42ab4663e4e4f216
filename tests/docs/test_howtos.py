"""Every how-to page, typed as it says: what it shows is what comes."""

from pathlib import Path
from typing import Final

import pytest

from keyworks.testing.postgresql import ServerDatabases
from tests.docs.console import ROOT, differences, free_ports, left_in, typed_in, typing

PAGES: Final = sorted(page for page in (ROOT / "docs" / "howto").glob("*.md") if any(typed_in(page)))
PORTS: Final = ("8443", "9443", "8080", "8444", "9444", "8081")
"""Those of the pages; in a test, free ones take their place."""

DATABASES: Final = tuple(f"postgresql://keyworks@db.plant.example/{name}" for name in ("keyworks", "practice"))
"""Those of the pages; in a test, empty ones of a server of its own take their place."""

SECONDS: Final = 120.0


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_every_command_of_a_page_does_what_it_shows(
    page: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    replaced = free_ports(PORTS)
    for database in DATABASES:
        if database in page.read_text(encoding="utf-8"):
            servers: ServerDatabases = request.getfixturevalue("servers")
            replaced[database] = servers.setting(tmp_path / database.rpartition("/")[2]).url or ""
    commands = list(typed_in(page, replaced))
    assert differences(commands, typing(commands, ROOT, home, SECONDS)) == []
    assert left_in(tmp_path) == []
