"""Patterns as ranges."""

import pytest

from keyworks.errors import OperatorError
from keyworks.store.search import bounds

TEXTS = ("", "A", "A-1", "A-10", "A-2", "A\U0001f600", "B", "a-1", "ä")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("A-1", ["A-1"]),
        ("A-1*", ["A-1", "A-10"]),
        ("A*", ["A", "A-1", "A-10", "A-2", "A\U0001f600"]),
        ("A-100*", []),
        ("a*", ["a-1"]),
        ("%", []),
        ("_*", []),
        ("*", list(TEXTS)),
    ],
)
def test_a_pattern_stands_for_a_range_of_texts(pattern: str, found: list[str]) -> None:
    first, last = bounds(pattern)
    assert [text for text in TEXTS if first <= text <= last] == found


@pytest.mark.parametrize("pattern", ["A*1", "*1", "A**", "A*1*"])
def test_a_star_elsewhere_is_refused_with_what_to_try(pattern: str) -> None:
    beginning = pattern.split("*", maxsplit=1)[0]
    with pytest.raises(OperatorError, match=r"a \* stands at the end, once") as caught:
        bounds(pattern)
    assert caught.value.detail.endswith(f"try '{beginning}*'.")
