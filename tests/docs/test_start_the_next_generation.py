"""Starting an authority's next generation, typed as the page says."""

from pathlib import Path
from typing import Final

from tests.docs.console import ROOT, differences, left_in, typed_in, typing

PAGE: Final = ROOT / "docs" / "howto" / "start-the-next-generation.md"
SECONDS: Final = 120.0


def test_every_command_of_the_page_does_what_it_shows(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    commands = list(typed_in(PAGE))
    assert differences(commands, typing(commands, ROOT, home, SECONDS)) == []
    assert left_in(tmp_path) == []


def test_a_new_root_is_handed_out_before_anything_stands_below_it() -> None:
    typed = "\n".join(one.command for one in typed_in(PAGE))
    place = 0
    for step in ("next root", "export root --generation 1", "export root >>", "next issuing --yes"):
        place = typed.index(step, place) + 1
