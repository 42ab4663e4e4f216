"""One-time secrets as people and scripts carry them."""

import re

import pytest

from keyworks.access.principal import Kind
from keyworks.access.secret import SECRET_OCTETS, OneTimeSecret, new_secret


def test_nobody_guesses_a_secret() -> None:
    """At least 128 random bits."""
    assert SECRET_OCTETS * 8 >= 128
    assert len({new_secret() for _ in range(100)}) == 100


def test_a_secret_can_be_typed_and_needs_no_quoting() -> None:
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{27}", new_secret()) for _ in range(100))


@pytest.mark.parametrize(
    ("bound_key", "spent", "replaced"),
    [(None, False, False), (None, True, True), (b"key", False, False), (b"key", True, False)],
)
def test_only_a_secret_that_was_never_used_is_known_to_be_replaced(
    bound_key: bytes | None, spent: bool, replaced: bool
) -> None:
    secret = OneTimeSecret("id", Kind.STATION, "line-1", "stations", 0, bound_key, spent)
    assert secret.replaced is replaced
