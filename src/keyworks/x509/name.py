"""Distinguished names.

Source: RFC 5280 §4.1.2.4 (encoding), appendix A.1 (upper bounds); RFC 4514 (text).
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from keyworks import oids
from keyworks.asn1.rfc5280 import AttributeTypeAndValue, NameRest
from keyworks.errors import MalformedRequest, RejectedName
from keyworks.x509.der import sequence_of, wrap

MAX_NAME_OCTETS: Final = 4096
MAX_RDNS: Final = 32
_UPPER_BOUNDS: Final = {
    oids.COMMON_NAME: 64,
    oids.SERIAL_NUMBER: 64,
    oids.ORGANIZATION_NAME: 64,
    oids.ORGANIZATIONAL_UNIT_NAME: 64,
    oids.COUNTRY_NAME: 2,
    oids.LOCALITY_NAME: 128,
    oids.STATE_OR_PROVINCE_NAME: 128,
    oids.TITLE: 64,
    oids.EMAIL_ADDRESS: 255,
}
_ANY_BOUND: Final = 256
_COUNTRY_LENGTH: Final = 2
_SHORT: Final = {
    oids.COMMON_NAME: "CN",
    oids.SERIAL_NUMBER: "serialNumber",
    oids.COUNTRY_NAME: "C",
    oids.LOCALITY_NAME: "L",
    oids.STATE_OR_PROVINCE_NAME: "ST",
    oids.ORGANIZATION_NAME: "O",
    oids.ORGANIZATIONAL_UNIT_NAME: "OU",
    oids.DOMAIN_COMPONENT: "DC",
    oids.EMAIL_ADDRESS: "emailAddress",
    oids.TITLE: "title",
    oids.SURNAME: "SN",
    oids.GIVEN_NAME: "GN",
    oids.DN_QUALIFIER: "dnQualifier",
}
BY_SHORT_NAME: Final = {short.lower(): oid for oid, short in _SHORT.items()}
"""Object identifiers by the short names that people type."""

_PRINTABLE_TYPES: Final = frozenset({oids.COUNTRY_NAME, oids.SERIAL_NUMBER, oids.DN_QUALIFIER})
_IA5_TYPES: Final = frozenset({oids.DOMAIN_COMPONENT, oids.EMAIL_ADDRESS})
PRINTABLE: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?")
"""What a PrintableString may hold (X.680)."""

_SPECIAL: Final = re.compile(r'[,+"\\<>;=]|^[ #]| $')
"""What RFC 4514 §2.4 has escaped."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""What no name needs, and what would write lines of its own into logs and replies."""

_UTF8, _PRINTABLE, _IA5, _TELETEX, _BMP = b"\x0c", b"\x13", b"\x16", b"\x14", b"\x1e"
_CODECS: Final = {_PRINTABLE: "ascii", _IA5: "ascii", _TELETEX: "latin-1", _BMP: "utf-16-be"}


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a name."""

    oid: str
    value: str


@dataclass(frozen=True, slots=True)
class Name:
    """A distinguished name.

    Two names are equal if they say the same; RFC 5280 compares chains by ``der``.

    Args:
        rdns: Relative distinguished names in order, each one or more attributes.
        der: As it came, or as we encode it.
    """

    rdns: tuple[tuple[Attribute, ...], ...]
    der: bytes = field(compare=False)

    @classmethod
    def parse(cls, der: bytes) -> "Name":
        """Return the name in ``der``.

        Raises:
            MalformedRequest: It is none, or longer than RFC 5280's upper bounds.
        """
        return _parse(der)

    @classmethod
    def of(cls, *pairs: tuple[str, str]) -> "Name":
        """Return a name of single attributes in the given order.

        Args:
            pairs: Object identifier and value of each attribute.

        Raises:
            RejectedName: A value is empty, too long, or has characters that its type does not allow.
        """
        return _of(pairs)

    @property
    def text(self) -> str:
        """Return the name as RFC 4514 writes it: last RDN first; values of types without a name as text too."""
        return ",".join("+".join(_shown(attribute) for attribute in rdn) for rdn in reversed(self.rdns))

    @property
    def is_empty(self) -> bool:
        """Return whether it names nothing."""
        return not self.rdns

    def values(self, oid: str) -> tuple[str, ...]:
        """Return every value of one attribute type."""
        return tuple(attribute.value for rdn in self.rdns for attribute in rdn if attribute.oid == oid)


@lru_cache(maxsize=256)
def _parse(der: bytes) -> Name:
    if len(der) > MAX_NAME_OCTETS:
        raise MalformedRequest(
            f"A name of {len(der)} octets is not looked at; keep it under {MAX_NAME_OCTETS}."
        )
    try:
        rdns = asn1.decode_der(NameRest, wrap(0x30, der)).rdns
        read = tuple([tuple([_attribute(one) for one in rdn.as_list()]) for rdn in rdns])
    except ValueError as error:
        raise MalformedRequest("A distinguished name is malformed (RFC 5280 §4.1.2.4).") from error
    if len(read) > MAX_RDNS or sum(map(len, read)) > MAX_RDNS or not all(read):
        raise MalformedRequest(f"A distinguished name has more than {MAX_RDNS} attributes, or an empty one.")
    return Name(read, der)


def _attribute(one: AttributeTypeAndValue) -> Attribute:
    oid, value = one.type.dotted_string, one.value
    if not isinstance(value, str):
        codec = _CODECS.get(value.tag_bytes)
        if codec is None:
            raise ValueError("not a string")
        value = bytes(value.data).decode(codec)
    if not _is_bounded(oid, value) or (not value.isprintable() and _CONTROL.search(value)):
        raise ValueError("empty, too long, or with a control character")
    return Attribute(oid, value)


def _is_bounded(oid: str, value: str) -> bool:
    least = _COUNTRY_LENGTH if oid == oids.COUNTRY_NAME else 1
    return least <= len(value) <= _UPPER_BOUNDS.get(oid, _ANY_BOUND)


@lru_cache(maxsize=1024)
def _of(pairs: tuple[tuple[str, str], ...]) -> Name:
    rdns = [_encoded(oid, value) for oid, value in pairs]
    return Name(tuple((Attribute(oid, value),) for oid, value in pairs), sequence_of(rdns))


@lru_cache(maxsize=1024)
def _encoded(oid: str, value: str) -> bytes:
    """Return a relative distinguished name of one attribute; most are the same in all names of an issuer."""
    if not _is_bounded(oid, value) or not value.isprintable() or value != value.strip():
        bounds = _COUNTRY_LENGTH if oid == oids.COUNTRY_NAME else f"1 to {_UPPER_BOUNDS.get(oid, _ANY_BOUND)}"
        raise RejectedName(f"{value!r} cannot be {_SHORT.get(oid, oid)}: {bounds} printable characters.")
    return wrap(0x31, sequence_of([_object_identifier(oid), _string(oid, value)]))


@lru_cache(maxsize=64)
def _object_identifier(oid: str) -> bytes:
    return asn1.encode_der(ObjectIdentifier(oid))


def _string(oid: str, value: str) -> bytes:
    if oid in _PRINTABLE_TYPES:
        if not PRINTABLE.issuperset(value):
            raise RejectedName(
                f"'{value}' cannot be {_SHORT[oid]}: only letters, digits, spaces and '()+,-./:=? are allowed."
            )
        return wrap(_PRINTABLE[0], value.encode())
    if oid in _IA5_TYPES:
        if not value.isascii():
            raise RejectedName(f"'{value}' cannot be {_SHORT[oid]}: only ASCII characters are allowed.")
        return wrap(_IA5[0], value.encode())
    return wrap(_UTF8[0], value.encode())


def _shown(attribute: Attribute) -> str:
    return f"{_SHORT.get(attribute.oid, attribute.oid)}={_value_text(attribute.value)}"


def _value_text(value: str) -> str:
    if value.isprintable() and not _SPECIAL.search(value):
        return value
    first, rest = value[0], value[1:]
    escaped = (f"\\{first}" if first in " #" else _escaped(first)) + "".join(map(_escaped, rest))
    if rest.endswith(" "):
        escaped = escaped[:-1] + "\\ "
    return escaped


def _escaped(char: str) -> str:
    """Return a character as it may stand in a value; one that is not seen is shown by its octets."""
    if char in ',+"\\<>;=':
        return f"\\{char}"
    return char if char.isprintable() else "".join(f"\\{octet:02X}" for octet in char.encode())


EMPTY_NAME: Final = Name((), b"\x30\x00")
