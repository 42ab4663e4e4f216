"""Fragments can be assembled into a changelog: each is of a known kind, and is a list."""

from pathlib import Path
from typing import Final

FRAGMENTS: Final = Path(__file__).parents[2] / "changelog.d"
KINDS: Final = ("added", "changed", "removed", "fixed", "security")


def test_every_fragment_is_a_list_of_a_known_kind() -> None:
    for fragment in FRAGMENTS.iterdir():
        if fragment.name == "README.md":
            continue
        _, kind, extension = fragment.name.split(".")
        assert (fragment.name, kind in KINDS, extension) == (fragment.name, True, "md")
        lines = fragment.read_text().splitlines()
        assert [line for line in lines if not line.startswith(("- ", "  "))] == []
        assert lines[0].startswith("- ")


def test_the_kinds_are_explained() -> None:
    explained = (FRAGMENTS / "README.md").read_text()
    assert [kind for kind in KINDS if f"| `{kind}` |" not in explained] == []
