"""What a server wants to find in a request for a certificate: CSR attributes, in both forms.

The template shows the request as it shall be, with gaps for the client; the older form is a list of object
identifiers and attributes. A client that understands the template ignores the list, an older one the template,
so both can stand in one answer.

Source: RFC 9908 §3.2, §3.4, §4 (both forms together); RFC 7030 §4.5.2 with RFC 8951 §3.3.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from keyworks import oids
from keyworks.algorithms.registry import BY_KEY_IDENTIFIER, RSA_MODULUS_BITS, signature_for
from keyworks.asn1 import rfc2986, rfc9908
from keyworks.errors import MalformedRequest
from keyworks.x509.der import encode, octets_of, sequence_of, tlv, values_of, wrap
from keyworks.x509.extensions import MAX_EXTENSIONS
from keyworks.x509.name import MAX_RDNS, Name

MAX_OCTETS: Final = 16 * 1024
MAX_ELEMENTS: Final = 64
_OBJECT_IDENTIFIER: Final = 0x06
_SEQUENCE: Final = 0x30
_EXPONENT: Final = 65537
_RSA: Final = "RSA"
_IDENTIFIERS: Final = {kind: identifier for identifier, kind in BY_KEY_IDENTIFIER.items()}
_CURVES: Final = {"P-256": oids.SECP256R1, "P-384": oids.SECP384R1, "P-521": oids.SECP521R1}
_BY_CURVE: Final = {oid: name for name, oid in _CURVES.items()}
_PLAIN_KEYS: Final = {
    oids.ED25519: "Ed25519",
    oids.ED448: "Ed448",
    oids.ML_DSA_44: "ML-DSA-44",
    oids.ML_DSA_65: "ML-DSA-65",
    oids.ML_DSA_87: "ML-DSA-87",
}


@dataclass(frozen=True, slots=True)
class WantedAttribute:
    """One attribute of the subject; without a value the client fills it in."""

    oid: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class WantedExtension:
    """One extension; without a value the client fills it in."""

    oid: str
    critical: bool = False
    value: bytes | None = None


@dataclass(frozen=True, slots=True)
class CSRAttributes:
    """What a request shall say.

    Args:
        subject: In order, one attribute per relative distinguished name.
        key_type: Such as ``P-256`` or ``rsa-3072``; ``None`` leaves it to the client.
        extensions: To be asked for.
        challenge_password: Whether the request is to be bound to its connection (RFC 7030 §3.5).
    """

    subject: tuple[WantedAttribute, ...] = ()
    key_type: str | None = None
    extensions: tuple[WantedExtension, ...] = ()
    challenge_password: bool = False


def encode_csr_attributes(wanted: CSRAttributes, *, legacy: bool, template: bool) -> bytes:
    """Return DER CsrAttrs; an empty sequence where nothing is wanted.

    Args:
        wanted: What a request shall say.
        legacy: Whether to say it as a list.
        template: Whether to say it as a template.
    """
    parts = list(_listed(wanted)) if legacy else []
    if template and wanted != CSRAttributes():
        parts.append(_attribute(oids.CERTIFICATION_REQUEST_INFO_TEMPLATE, _template(wanted)))
    return sequence_of(parts)


def _listed(wanted: CSRAttributes) -> Iterator[bytes]:
    """Yield the older form: what has a value as an attribute, what the client fills in by its name alone."""
    if wanted.challenge_password:
        yield _oid(oids.CHALLENGE_PASSWORD)
    if wanted.key_type is not None:
        yield from _listed_key(wanted.key_type)
    for one in wanted.subject:
        if one.value is None:
            yield _oid(one.oid)
    given = [one for one in wanted.extensions if one.value is not None]
    if given:
        yield _attribute(oids.EXTENSION_REQUEST, sequence_of([_extension(one) for one in given]))
    for extension in wanted.extensions:
        if extension.value is None:
            yield _oid(extension.oid)


def _listed_key(key_type: str) -> Iterator[bytes]:
    if key_type.startswith("rsa-"):
        yield _attribute(oids.RSA_ENCRYPTION, encode(int(key_type.removeprefix("rsa-"))))
    elif key_type in _CURVES:
        yield _attribute(oids.EC_PUBLIC_KEY, _oid(_CURVES[key_type]))
    yield _oid(signature_for(key_type).oid)


def _template(wanted: CSRAttributes) -> bytes:
    attributes = []
    if wanted.challenge_password:
        attributes.append(
            rfc2986.Attribute(type=ObjectIdentifier(oids.CHALLENGE_PASSWORD), values=asn1.SetOf([]))
        )
    if wanted.extensions:
        complete = all(one.value is not None for one in wanted.extensions)
        attributes.append(
            rfc2986.Attribute(
                type=ObjectIdentifier(oids.EXTENSION_REQUEST if complete else oids.EXTENSION_REQUEST_TEMPLATE),
                values=asn1.SetOf([tlv(sequence_of([_extension(one) for one in wanted.extensions]))]),
            )
        )
    return encode(
        rfc9908.CertificationRequestInfoTemplate(
            version=0,
            subject=[asn1.SetOf([tlv(_wanted_type(one))]) for one in wanted.subject] or None,
            subject_pk_info=_wanted_key(wanted.key_type) if wanted.key_type is not None else None,
            attributes=asn1.SetOf(attributes),
        )
    )


def _wanted_type(one: WantedAttribute) -> bytes:
    if one.value is None:
        return encode(rfc9908.TypeAlone(type=ObjectIdentifier(one.oid)))
    [rdn] = values_of(Name.of((one.oid, one.value)).der, "name")
    [attribute] = values_of(b"\x30" + rdn[1:], "name")  # a SET of one reads as a SEQUENCE of one
    return attribute


def _wanted_key(key_type: str) -> rfc9908.SubjectPublicKeyInfoTemplate:
    """Return the key's algorithm; of RSA with a placeholder as long as the key is to be."""
    if not key_type.startswith("rsa-"):
        return rfc9908.SubjectPublicKeyInfoTemplate(
            algorithm=tlv(_IDENTIFIERS[key_type]), subject_public_key=None
        )
    modulus = 1 << (int(key_type.removeprefix("rsa-")) - 1)
    placeholder = encode(rfc9908.RSAPublicKey(modulus=modulus, public_exponent=_EXPONENT))
    return rfc9908.SubjectPublicKeyInfoTemplate(
        algorithm=tlv(_IDENTIFIERS[_RSA]), subject_public_key=asn1.BitString(placeholder, 0)
    )


def _extension(one: WantedExtension) -> bytes:
    return encode(
        rfc9908.ExtensionTemplate(
            extn_id=ObjectIdentifier(one.oid), critical=one.critical, extn_value=one.value
        )
    )


def _attribute(oid: str, value: bytes) -> bytes:
    return sequence_of([_oid(oid), wrap(0x31, value)])


def _oid(oid: str) -> bytes:
    return asn1.encode_der(ObjectIdentifier(oid))


def parse_csr_attributes(der: bytes) -> CSRAttributes:
    """Return what a server wants; of an answer in both forms, what the template says.

    What is not understood is ignored, as the RFC demands.

    Raises:
        MalformedRequest: Not CsrAttrs, or with more in it than anybody needs.

    Source: RFC 9908 §4; RFC 7030 §4.5.2.
    """
    if len(der) > MAX_OCTETS:
        raise MalformedRequest(
            f"The CSR attributes have {len(der)} octets; at most {MAX_OCTETS} are looked at."
        )
    try:
        elements = [octets_of(one) for one in asn1.decode_der(rfc9908.CsrAttrs, wrap(0x30, der)).elements]
        if len(elements) > MAX_ELEMENTS:
            raise MalformedRequest(
                f"There are {len(elements)} CSR attributes; at most {MAX_ELEMENTS} are looked at."
            )
        return _read(elements)
    except ValueError as error:
        raise MalformedRequest("The CSR attributes are malformed (RFC 9908 §3).") from error


def _read(elements: Sequence[bytes]) -> CSRAttributes:
    named: list[str] = []
    attributes: dict[str, list[bytes]] = {}
    for one in elements:
        if one[0] == _OBJECT_IDENTIFIER:
            named.append(asn1.decode_der(ObjectIdentifier, one).dotted_string)
            continue
        read = asn1.decode_der(rfc2986.Attribute, one)
        oid = read.type.dotted_string
        if oid in attributes:
            raise ValueError("an attribute twice")
        attributes[oid] = [octets_of(value) for value in read.values.as_list()]
    template = attributes.get(oids.CERTIFICATION_REQUEST_INFO_TEMPLATE)
    if template is not None:
        return _read_template(_only(template))
    requested = attributes.get(oids.EXTENSION_REQUEST)
    return CSRAttributes(
        key_type=_read_listed_key(named, attributes),
        extensions=_read_listed_extensions(requested or []),
        challenge_password=oids.CHALLENGE_PASSWORD in named,
    )


def _only(values: Sequence[bytes]) -> bytes:
    [value] = values  # anything else is a ValueError: exactly one (RFC 9908 §3.2, §3.4)
    return value


def _read_listed_extensions(values: Sequence[bytes]) -> tuple[WantedExtension, ...]:
    """Return the extensions asked for; what RFC 7030's own example has there instead says nothing to us."""
    sequences = [one for one in values if one[0] == _SEQUENCE]
    return _read_extensions(_only(sequences)) if sequences else ()


def _read_listed_key(named: Sequence[str], attributes: dict[str, list[bytes]]) -> str | None:
    if attributes.get(oids.EC_PUBLIC_KEY):
        curve = asn1.decode_der(ObjectIdentifier, _only(attributes[oids.EC_PUBLIC_KEY])).dotted_string
        return _BY_CURVE.get(curve)
    if attributes.get(oids.RSA_ENCRYPTION):
        return _rsa(asn1.decode_der(int, _only(attributes[oids.RSA_ENCRYPTION])))
    return next((_PLAIN_KEYS[oid] for oid in named if oid in _PLAIN_KEYS), None)


def _rsa(bits: int) -> str:
    least, most = RSA_MODULUS_BITS
    if not least <= bits <= most:
        raise ValueError("no RSA key of ours")
    return f"rsa-{bits}"


def _read_template(der: bytes) -> CSRAttributes:
    read = asn1.decode_der(rfc9908.CertificationRequestInfoTemplate, der)
    attributes = {
        one.type.dotted_string: [octets_of(value) for value in one.values.as_list()]
        for one in read.attributes.as_list()
    }
    given, open_ones = (oids.EXTENSION_REQUEST in attributes, oids.EXTENSION_REQUEST_TEMPLATE in attributes)
    if read.version != 0 or len(attributes) != len(read.attributes.as_list()) or (given and open_ones):
        raise ValueError("another version, or an attribute twice")
    extensions = attributes.get(oids.EXTENSION_REQUEST_TEMPLATE if open_ones else oids.EXTENSION_REQUEST)
    return CSRAttributes(
        subject=_read_subject(read.subject or []),
        key_type=_read_key(read.subject_pk_info),
        extensions=_read_extensions(_only(extensions)) if extensions is not None else (),
        challenge_password=oids.CHALLENGE_PASSWORD in attributes,
    )


def _read_subject(rdns: Sequence[asn1.SetOf[asn1.TLV]]) -> tuple[WantedAttribute, ...]:
    found = [_read_attribute(octets_of(one)) for rdn in rdns for one in rdn.as_list()]
    if len(found) > MAX_RDNS:
        raise ValueError("more attributes than a name may have")
    return tuple(found)


def _read_attribute(der: bytes) -> WantedAttribute:
    if len(values_of(der, "The template's subject")) == 1:
        return WantedAttribute(asn1.decode_der(rfc9908.TypeAlone, der).type.dotted_string)
    [[attribute]] = Name.parse(sequence_of([wrap(0x31, der)])).rdns
    return WantedAttribute(attribute.oid, attribute.value)


def _read_key(wanted: rfc9908.SubjectPublicKeyInfoTemplate | None) -> str | None:
    kind = BY_KEY_IDENTIFIER.get(octets_of(wanted.algorithm)) if wanted is not None else None
    if wanted is None or kind != _RSA:
        return kind
    if wanted.subject_public_key is None:
        return None
    placeholder = asn1.decode_der(rfc9908.RSAPublicKey, wanted.subject_public_key.as_bytes())
    return _rsa(placeholder.modulus.bit_length())


def _read_extensions(der: bytes) -> tuple[WantedExtension, ...]:
    read = [
        asn1.decode_der(rfc9908.ExtensionTemplate, one) for one in values_of(der, "The template's extensions")
    ]
    if len(read) > MAX_EXTENSIONS or len({one.extn_id.dotted_string for one in read}) != len(read):
        raise ValueError("too many extensions, or one twice")
    return tuple(WantedExtension(one.extn_id.dotted_string, one.critical, one.extn_value) for one in read)
