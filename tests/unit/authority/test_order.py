"""What makes one initial request identical to another."""

from typing import Final

import pytest

from keyworks import oids
from keyworks.algorithms.public_key import PublicKey
from keyworks.authority.order import request_key
from keyworks.authority.profile import Wanted
from keyworks.testing import software_signer
from keyworks.x509.general_name import SubjectAltName
from keyworks.x509.name import Name

KEY: Final = software_signer().public_key
OTHER_KEY: Final = software_signer().public_key
WANTED: Final = Wanted(Name.of((oids.COMMON_NAME, "one")))
OTHER_SUBJECT: Final = Wanted(Name.of((oids.COMMON_NAME, "other")))
OTHER_NAMES: Final = Wanted(WANTED.subject, SubjectAltName(dns=("one.example",)))


def test_the_same_request_has_the_same_key() -> None:
    again = Wanted(Name.of((oids.COMMON_NAME, "one")))
    key = PublicKey.parse(KEY.spki)
    assert request_key("c", KEY, WANTED, b"station") == request_key("c", key, again, b"station")


@pytest.mark.parametrize(
    "other",
    [
        ("d", KEY, WANTED, b"station"),
        ("c", OTHER_KEY, WANTED, b"station"),
        ("c", KEY, OTHER_SUBJECT, b"station"),
        ("c", KEY, OTHER_NAMES, b"station"),
        ("c", KEY, WANTED, b"another station"),
    ],
)
def test_another_channel_key_name_or_credential_makes_another_request(
    other: tuple[str, PublicKey, Wanted, bytes],
) -> None:
    assert request_key(*other) != request_key("c", KEY, WANTED, b"station")


def test_no_part_can_be_moved_into_its_neighbor() -> None:
    """Each part goes in with its length."""
    named = Wanted(WANTED.subject)
    assert request_key("ab", KEY, named, b"") != request_key("a", KEY, named, b"b")
