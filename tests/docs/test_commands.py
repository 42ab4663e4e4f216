"""Every command that a document or a sentence of ours names exists, with the options named."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest

from keyworks.cli.root import root

ROOT: Final = Path(__file__).parents[2]
_NAMED: Final = re.compile(r"`(?P<line>keyworks(?: [^`\n]+)?)`")


def _places() -> Iterator[Path]:
    yield from ROOT.glob("*.md")
    yield from ROOT.glob("changelog.d/*.md")
    yield from ROOT.glob("docs/**/*.md")
    yield from ROOT.glob("src/**/*.py")


NAMED: Final = sorted(
    {found["line"] for place in _places() for found in _NAMED.finditer(place.read_text(encoding="utf-8"))}
)


_KIND: Final = re.compile(r"\{kind(?:\.value)?\}")
"""Stands for a kind of account, whose commands are alike."""


def _walk(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that words name, and the words behind it."""
    command: click.Command = root
    if words[:1] == ["--home"]:
        words = words[2:]
    while words and isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            break
        command, words = found, words[1:]
    return command, words


def test_commands_are_named_in_documents_and_sentences() -> None:
    assert {"keyworks init", "keyworks ledger verify", "keyworks device add"} <= set(NAMED)


@pytest.mark.parametrize("kind", ["station", "service", "person"])
@pytest.mark.parametrize("line", NAMED)
def test_a_named_command_exists(line: str, kind: str) -> None:
    command, rest = _walk(_KIND.sub(kind, line).split()[1:])
    assert not isinstance(command, click.Group) or not rest, f"there is no '{line}'"
    options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= options
