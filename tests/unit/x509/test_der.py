"""The few DER steps done by hand."""

import pytest
from cryptography.hazmat import asn1

from keyworks.errors import MalformedRequest
from keyworks.x509.der import encode, encode_length, octets_of, sequence_of, tlv, values_of, wrap


@pytest.mark.parametrize(
    ("length", "octets"),
    [
        (0, "00"),
        (127, "7f"),
        (128, "8180"),
        (255, "81ff"),
        (256, "820100"),
        (65535, "82ffff"),
        (65536, "83010000"),
    ],
)
def test_lengths_are_the_shortest(length: int, octets: str) -> None:
    """X.690 §8.1.3, §10.1."""
    assert encode_length(length) == bytes.fromhex(octets)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65536])
def test_what_is_wrapped_by_hand_is_what_the_library_encodes(size: int) -> None:
    assert wrap(0x04, bytes(size)) == asn1.encode_der(bytes(size))
    assert octets_of(tlv(wrap(0x04, bytes(size)))) == wrap(0x04, bytes(size))


def test_a_sequence_gives_its_parts_back() -> None:
    parts = [encode(1), encode("two"), encode(b"three")]
    assert values_of(sequence_of(parts), "this") == parts


@pytest.mark.parametrize(
    "der", [b"", b"\x31\x00", b"\x30\x01\x02", b"\x30\x03\x02\x01\x01\x00", b"\x30\x80\x00\x00"]
)
def test_what_is_no_sequence_is_refused_by_its_name(der: bytes) -> None:
    with pytest.raises(MalformedRequest, match=r"^this is malformed"):
        values_of(der, "this")


def test_an_empty_sequence_is_refused_by_its_name() -> None:
    with pytest.raises(MalformedRequest, match=r"^this is empty"):
        values_of(b"\x30\x00", "this")
