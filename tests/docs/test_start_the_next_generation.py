"""Starting an authority's next generation."""

from typing import Final

from tests.docs.console import ROOT, typed_in

PAGE: Final = ROOT / "docs" / "howto" / "start-the-next-generation.md"


def test_a_new_root_is_handed_out_before_anything_stands_below_it() -> None:
    typed = "\n".join(one.command for one in typed_in(PAGE))
    place = 0
    for step in ("next root", "export root --generation 1", "export root >>", "next issuing --yes"):
        place = typed.index(step, place) + 1
