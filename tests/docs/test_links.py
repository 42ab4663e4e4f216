"""What the documents point to is there: links, headings, files, modules, make targets."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
SOURCE: Final = ROOT / "src" / "keyworks"
DOCUMENTS: Final = tuple(
    sorted(
        found.relative_to(ROOT)
        for pattern in ("*.md", "changelog.d/*.md", "demo/**/*.md", "docs/**/*.md", "tests/**/*.md")
        for found in ROOT.glob(pattern)
    )
)
ELSEWHERE: Final = frozenset({"keyworks.toml", "factory.toml"})
"""Files of an installation, not of the repository."""

_FENCE: Final = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_SEQUENCE: Final = re.compile(r"^```mermaid\nsequenceDiagram$(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK: Final = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_HEADING: Final = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)
_SPAN: Final = re.compile(r"`(?P<text>[^`\n]+)`")
_FILE: Final = re.compile(r"[\w./-]*\w\.(?:py|md|toml|lock)")
_FOLDER: Final = re.compile(r"(?:src|docs|tests|tools|changelog\.d)/[\w./-]*")
_MODULE: Final = re.compile(r"keyworks(?:\.(?!(?:toml|db)\b)[a-z_0-9]+)+")
_TARGET: Final = re.compile(r"make (?P<name>[a-z]+)\b")


def _text(document: Path) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def _prose(document: Path) -> str:
    return _FENCE.sub("", _text(document))


def _spans(document: Path) -> Iterator[str]:
    return (found["text"] for found in _SPAN.finditer(_prose(document)))


def _anchor(heading: str) -> str:
    """Return a heading's anchor as forges make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def _anchors(document: Path) -> set[str]:
    return {_anchor(found["text"]) for found in _HEADING.finditer(_prose(document))}


def _exists(name: str) -> bool:
    """Return whether the repository has a file, named from its root, from the package, or by its name alone."""
    return any((place / name).exists() for place in (ROOT, SOURCE)) or (
        "/" not in name and next(SOURCE.rglob(name), None) is not None
    )


def test_there_are_documents() -> None:
    names = {str(document) for document in DOCUMENTS}
    assert {"CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/adr/README.md"} <= names


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    broken = []
    for found in _LINK.finditer(_prose(document)):
        path, _, anchor = found["target"].partition("#")
        if "://" in path:
            continue
        target = (ROOT / document).parent / path if path else ROOT / document
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(found["target"])
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_file_and_folder_it_names_exists(document: Path) -> None:
    named = [one for one in _spans(document) if _FILE.fullmatch(one) or _FOLDER.fullmatch(one)]
    beside = (ROOT / document).parent
    missing = [one for one in named if not (_exists(one) or (beside / one).exists() or one in ELSEWHERE)]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_module_it_names_exists(document: Path) -> None:
    named = [one.removeprefix("keyworks.") for one in _spans(document) if _MODULE.fullmatch(one)]
    paths = {one: SOURCE.joinpath(*one.split(".")) for one in named}
    missing = [one for one, path in paths.items() if not (path.is_dir() or path.with_suffix(".py").exists())]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_make_target_it_names_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(_TARGET.findall(" ".join(_spans(document)))) <= targets


def test_no_diagram_has_text_that_its_language_cuts_off() -> None:
    """In a Mermaid sequence diagram a number sign or a semicolon ends the text."""
    diagrams = [(one, text) for one in DOCUMENTS for text in _SEQUENCE.findall(_text(one))]
    assert diagrams
    assert [str(one) for one, text in diagrams if set("#;") & set(text)] == []


def test_the_index_lists_every_decision_by_its_title() -> None:
    index = (ROOT / "docs" / "adr" / "README.md").read_text()
    decisions = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [int(one.name[:4]) for one in decisions] == list(range(1, len(decisions) + 1))
    for one in decisions:
        number, _, title = one.read_text().splitlines()[0].removeprefix("# ").partition(": ")
        assert f"| [{number}]({one.name}) | {title} |" in index


@pytest.mark.parametrize(
    "decision", sorted((ROOT / "docs" / "adr").glob("[0-9]*.md")), ids=lambda one: one.name
)
def test_a_decision_says_context_options_decision_and_cost(decision: Path) -> None:
    headings = [found["text"] for found in _HEADING.finditer(decision.read_text())]
    assert headings[1:] == ["Context", "Options", "Decision", "What it costs"]
