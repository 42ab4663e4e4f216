"""One-time secrets as people and scripts carry them."""

import re

from keyworks.access.secret import SECRET_OCTETS, new_secret


def test_nobody_guesses_a_secret() -> None:
    """At least 128 random bits."""
    assert SECRET_OCTETS * 8 >= 128
    assert len({new_secret() for _ in range(100)}) == 100


def test_a_secret_can_be_typed_and_needs_no_quoting() -> None:
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{27}", new_secret()) for _ in range(100))
