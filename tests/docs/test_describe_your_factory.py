"""Describing a factory."""

from typing import Final

from tests.docs.console import ROOT, typed_in

PAGE: Final = ROOT / "docs" / "howto" / "describe-your-factory.md"


def test_a_change_is_planned_before_it_is_applied() -> None:
    typed = "\n".join(one.command for one in typed_in(PAGE))
    assert typed.index("plan factory.toml") < typed.index("apply factory.toml")
