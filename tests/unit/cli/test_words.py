"""Values as words."""

import pytest

from keyworks.cli.words import as_json, counted, shown, visible


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "-"),
        ("", "-"),
        ([], "-"),
        (0, "0"),
        (True, "yes"),
        ({"a": 1, "b": None}, "a 1, b -"),
        ("one\ntwo", "one\\x0atwo"),
        ("Müller", "Müller"),
        ("\u202eevil", "\\x202eevil"),
    ],
)
def test_a_value_is_words_on_one_line(value: object, words: str) -> None:
    assert shown(value) == words


def test_what_a_terminal_would_obey_is_shown_instead() -> None:
    assert visible("a\x1b]0;title\x07\r\nb") == "a\\x1b]0;title\\x07\\x0d\nb"


@pytest.mark.parametrize(
    ("count", "noun", "words"), [(1, "entry", "1 entry"), (2, "entry", "2 entries"), (0, "device", "0 devices")]
)
def test_things_are_counted_in_words(count: int, noun: str, words: str) -> None:
    assert counted(count, noun) == words


def test_json_survives_a_terminal_that_knows_only_ascii() -> None:
    assert as_json({"name": "Müller\u202e"}) == '{\n  "name": "M\\u00fcller\\u202e"\n}'
