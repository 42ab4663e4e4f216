"""Whoever starts at the README finds every document."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
_LINK: Final = re.compile(r"\]\((?P<target>[^)#\s]+\.md)(?:#[^)\s]*)?\)")


def _reachable(start: Path) -> set[Path]:
    found: set[Path] = set()
    waiting = [start]
    while waiting:
        document = waiting.pop()
        if document in found:
            continue
        found.add(document)
        targets = (one["target"] for one in _LINK.finditer(document.read_text(encoding="utf-8")))
        waiting.extend((document.parent / one).resolve() for one in targets if "://" not in one)
    return found


@pytest.mark.parametrize("start", ["README.md", "docs/README.md"])
def test_every_document_is_found_by_following_links(start: str) -> None:
    documents = {*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")}
    assert len(documents) > 20
    assert sorted(documents - _reachable(ROOT / start)) == []


def test_every_folder_of_documents_stands_in_their_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    folders = {one.relative_to(ROOT / "docs").parts[0] for one in ROOT.glob("docs/*/*.md")}
    assert folders == {found["target"].split("/")[0] for found in _LINK.finditer(index)} - {".."}
