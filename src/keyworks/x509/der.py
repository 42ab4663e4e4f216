"""The few DER steps that declared types cannot express: values whose type is known only at run time."""

from collections.abc import Sequence

from cryptography.hazmat import asn1

from keyworks.errors import MalformedRequest


def encode(value: object) -> bytes:
    """Return the DER of a declared type's value."""
    return asn1.encode_der(value)


def tlv(der: bytes) -> asn1.TLV:
    """Return octets that are one TLV as a value for a declared type.

    Raises:
        ValueError: They are not exactly one.
    """
    return asn1.decode_der(asn1.TLV, der)


def octets_of(value: asn1.TLV) -> bytes:
    """Return a TLV's octets, header included."""
    return asn1.encode_der(value)


def encode_length(length: int) -> bytes:
    """Return a DER length."""
    if length < 0x80:
        return bytes((length,))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets


def wrap(tag: int, content: bytes) -> bytes:
    """Return a TLV with a one-octet tag."""
    return bytes((tag,)) + encode_length(len(content)) + content


def sequence_of(parts: Sequence[bytes]) -> bytes:
    """Return a SEQUENCE of encoded parts."""
    return wrap(0x30, b"".join(parts))


@asn1.sequence
class _Several:
    values: list[asn1.TLV]


def values_of(der: bytes, what: str) -> list[bytes]:
    """Return the parts of a non-empty SEQUENCE OF, each with its header.

    Args:
        der: The SEQUENCE.
        what: What it is, for the error's sentence.

    Raises:
        MalformedRequest: It is none, or empty.
    """
    try:
        found = [octets_of(value) for value in asn1.decode_der(_Several, wrap(0x30, der)).values]
    except ValueError as error:
        raise MalformedRequest(f"{what} is malformed.") from error
    if not found:
        raise MalformedRequest(f"{what} is empty.")
    return found
