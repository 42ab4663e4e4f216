"""What is wrong with a settings file, in words that need no programming language, and on which line."""

import datetime as dt
from typing import Any, Final

import msgspec
import pytest

from keyworks.settings.complaint import in_words, line_of
from keyworks.settings.node import NodeSettings

TEXT: Final = "[first]\na = 1\n\n[ second ] # comment\n'a' = 2\n# b\nb = 3\n"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (1, "has to be text in quotes, not a whole number"),
        (1.5, "has to be text in quotes, not a number with a point"),
        (True, "has to be text in quotes, not true or false"),
        ([], "has to be text in quotes, not a list"),
        ({}, "has to be text in quotes, not a section"),
        (dt.date(2026, 9, 21), "has to be text in quotes, not a date"),
        (dt.time(12), "has to be text in quotes, not a time"),
        (dt.datetime(2026, 9, 21, tzinfo=dt.UTC), "has to be text in quotes, not a date and time"),
    ],
)
@pytest.mark.parametrize("section", [{"database": "file"}, {"keys": "passphrase_env"}])
def test_every_kind_of_value_in_toml_has_a_name(section: dict[str, str], found: Any, words: str) -> None:
    """What msgspec says of it is asked, so that another wording of a later release is noticed."""
    [(name, setting)] = section.items()
    node = {"name": "n", "organization": "o"}
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert({"node": node, name: {setting: found}}, NodeSettings, strict=True)
    assert in_words(str(refused.value)) == words


def test_what_is_missing_is_named() -> None:
    assert in_words("Object missing required field `name`") == "lacks 'name', which has to be there"


def test_what_has_no_words_of_ours_is_passed_on() -> None:
    assert in_words("Expected `int` >= 1") == "is wrong: Expected `int` >= 1"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("first",), 1),
        (("first", "a"), 2),
        (("second",), 4),
        (("second", "a"), 5),
        (("second", "b"), 7),
        (("second", "c"), 4),
        (("third",), 1),
        ((), 1),
    ],
)
def test_a_setting_is_found_in_its_section(path: tuple[str, ...], line: int) -> None:
    assert line_of(TEXT, path) == line
