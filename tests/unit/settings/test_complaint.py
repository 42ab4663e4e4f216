"""What is wrong with a settings file, in words that need no programming language."""

import datetime as dt
from typing import Any

import msgspec
import pytest

from keyworks.settings.complaint import Complaint, missing_name, unknown_name, wrong_type

PATH = ("first", "a")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (1, "first.a has to be text in quotes, not a whole number."),
        (1.5, "first.a has to be text in quotes, not a number with a point."),
        (True, "first.a has to be text in quotes, not true or false."),
        ([], "first.a has to be text in quotes, not a list."),
        ({}, "first.a has to be text in quotes, not a section."),
        (dt.date(2026, 9, 21), "first.a has to be text in quotes, not a date."),
        (dt.time(12), "first.a has to be text in quotes, not a time."),
        (dt.datetime(2026, 9, 21, tzinfo=dt.UTC), "first.a has to be text in quotes, not a date and time."),
    ],
)
@pytest.mark.parametrize("kind", [str, str | None])
def test_every_kind_of_value_in_toml_has_a_name(kind: type, found: Any, words: str) -> None:
    """What msgspec says of it is asked, so that another wording of a later release is noticed."""
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(found, kind, strict=True)
    assert wrong_type(PATH, str(refused.value)) == Complaint(PATH, words)


def test_what_is_wrong_inside_a_list_is_an_entry_of_it() -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(["x", 3], tuple[str, ...], strict=True)
    assert wrong_type(PATH, str(refused.value)).sentence.startswith("an entry of first.a has to be text")


def test_what_has_no_words_of_ours_is_passed_on() -> None:
    assert wrong_type(PATH, "Expected `int` >= 1").sentence == "first.a is wrong: Expected `int` >= 1."


def test_a_name_that_is_unknown_or_missing_is_told_with_those_there_are() -> None:
    assert unknown_name(("first", "lable"), ("label", "name")).sentence == (
        "there is no setting 'first.lable'; did you mean 'label'?"
    )
    assert unknown_name(("x",), ("label", "name")).sentence == (
        "there is no setting 'x'; known are label, name."
    )
    assert missing_name(("first",), "a").sentence == "first lacks 'a', which has to be there."
    assert missing_name((), "first").sentence == "the file lacks 'first', which has to be there."
