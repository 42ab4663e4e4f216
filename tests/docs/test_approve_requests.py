"""Approving a request."""

from typing import Final

from keyworks.authority.pending import LIFETIME, MAX_PENDING
from tests.docs.console import ROOT

PAGE: Final = ROOT / "docs" / "howto" / "approve-requests.md"


def test_its_limits_are_the_code_s() -> None:
    assert (LIFETIME.days, MAX_PENDING) == (7, 100)
