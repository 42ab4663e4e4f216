"""What a document shows is compared for real: whatever is wrong about it is noticed."""

import subprocess
from pathlib import Path

import pytest

from tests.docs.console import Typed, differences, free_ports, left_in, typed_in, typing


def _document(folder: Path, *lines: str) -> Path:
    document = folder / "document.md"
    document.write_text("\n".join(("# Title", "", "```console", *lines, "```", "")))
    return document


def _differences(folder: Path, *lines: str, seconds: float = 20.0) -> list[str]:
    home = folder / "home"
    home.mkdir()
    commands = list(typed_in(_document(folder, *lines)))
    return differences(commands, typing(commands, folder, home, seconds))


@pytest.mark.parametrize(
    "lines",
    [
        ("$ echo one; echo two", "one", "two"),
        ("$ echo one \\", ">     two", "one two"),
        ("$ word=here", "$ cd ~", "$ echo $word ${PWD##*/}", "here home"),
        ("$ echo one 17 two", "one … two"),
        ("$ seq 5", "1", "…", "5"),
        ("$ echo 'Error: no.' >&2; false", "Error: no."),
        ("$ true",),
    ],
)
def test_what_is_shown_as_it_is_has_no_difference(tmp_path: Path, lines: tuple[str, ...]) -> None:
    assert _differences(tmp_path, *lines) == []


@pytest.mark.parametrize(
    "lines",
    [
        ("$ echo one", "two"),
        ("$ echo one",),
        ("$ echo one", "one", "two"),
        ("$ echo one; echo two", "one"),
        ("$ seq 5", "1", "…", "6"),
        ("$ echo one two", "one … two"),
        ("$ echo one; false", "one"),
        ("$ echo 'Error: no.'", "Error: no."),
        ("$ if", ""),
    ],
)
def test_what_is_shown_wrongly_is_a_difference(tmp_path: Path, lines: tuple[str, ...]) -> None:
    [difference] = _differences(tmp_path, *lines)
    assert difference.startswith(lines[0])


def test_nothing_is_typed_after_a_command_that_failed(tmp_path: Path) -> None:
    assert len(_differences(tmp_path, "$ false", "$ touch here")) == 1
    assert not (tmp_path / "here").exists()


def test_a_command_that_does_not_end_is_named_and_stopped(tmp_path: Path) -> None:
    [difference] = _differences(tmp_path, "$ true", "$ sleep 1000", seconds=0.5)
    assert difference == "$ sleep 1000\ndid not end"


def test_a_process_that_was_left_behind_is_seen(tmp_path: Path) -> None:
    assert left_in(tmp_path) == []
    with subprocess.Popen(["cat"], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"running\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"running\n"
        assert left_in(tmp_path) == ["cat"]
        process.communicate()
    assert left_in(tmp_path) == []


def test_words_are_replaced_in_commands_and_in_what_they_print(tmp_path: Path) -> None:
    document = _document(tmp_path, "$ echo 8443 18443", "8443 18443")
    assert list(typed_in(document, {"8443": "9"})) == [Typed("echo 9 18443", "9 18443\n")]


def test_free_ports_are_different_ones() -> None:
    assert len(set(free_ports(["8443", "8444", "8080"]).values())) == 3
