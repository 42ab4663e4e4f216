"""Describing a factory, typed as the page says."""

from pathlib import Path
from typing import Final

from tests.docs.console import ROOT, differences, left_in, typed_in, typing

PAGE: Final = ROOT / "docs" / "howto" / "describe-your-factory.md"
SECONDS: Final = 120.0


def test_every_command_of_the_page_does_what_it_shows(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    commands = list(typed_in(PAGE))
    assert differences(commands, typing(commands, ROOT, home, SECONDS)) == []
    assert left_in(tmp_path) == []


def test_a_change_is_planned_before_it_is_applied() -> None:
    typed = "\n".join(one.command for one in typed_in(PAGE))
    assert typed.index("plan factory.toml") < typed.index("apply factory.toml")
