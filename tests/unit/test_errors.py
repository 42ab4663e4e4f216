"""The one exception tree."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from keyworks import errors
from keyworks.errors import KeyworksError, Unavailable


def _drawn() -> list[tuple[int, str]]:
    """Return (depth, name) of every line of the drawing at the top of the module."""
    lines = (errors.__doc__ or "").splitlines()
    found = (re.match(r"    ((?:[│ ] {3}|[├└]── )*)([A-Z]\w+)", line) for line in lines)
    return [(len(match[1]) // 4, match[2]) for match in found if match]


def _declared(cause: type[KeyworksError] = KeyworksError, depth: int = 0) -> Iterator[tuple[int, str]]:
    yield depth, cause.__name__
    for child in cause.__subclasses__():
        yield from _declared(child, depth + 1)


def test_the_tree_is_as_it_is_drawn() -> None:
    assert _drawn() == list(_declared())


@pytest.mark.parametrize("cause", [name for _, name in _declared()])
def test_what_a_stranger_reads_never_holds_what_only_the_log_may_hold(cause: str) -> None:
    error = getattr(errors, cause)("The key is weak.", private="token 7, slot 3")
    assert error.detail == str(error) == "The key is weak."
    assert error.private == "token 7, slot 3"


def test_unavailable_says_when_to_ask_again() -> None:
    assert Unavailable("Busy.").retry_after == timedelta(seconds=5)
    assert Unavailable("Busy.", retry_after=timedelta(minutes=1)).retry_after == timedelta(minutes=1)
