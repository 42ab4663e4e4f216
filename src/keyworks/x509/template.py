"""The certificate that somebody asks for.

Source: RFC 2986 (PKCS#10); RFC 2985 §5.4 (its attributes).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat import asn1

from keyworks import oids
from keyworks.algorithms.public_key import PublicKey
from keyworks.algorithms.registry import BY_IDENTIFIER
from keyworks.asn1 import rfc2986, rfc5280
from keyworks.errors import BadProofOfPossession, BadSignature, MalformedRequest
from keyworks.x509.changed_names import ChangedNames
from keyworks.x509.der import octets_of, tlv, values_of
from keyworks.x509.extensions import Extension, extensions_of, parse_subject_alt_name
from keyworks.x509.general_name import SubjectAltName
from keyworks.x509.name import Name

MAX_REQUEST_OCTETS: Final = 64 * 1024
MAX_ATTRIBUTES: Final = 16
_MAX_PASSWORD: Final = 255
_READ: Final = (oids.EXTENSION_REQUEST, oids.CHALLENGE_PASSWORD, oids.CMC_CHANGE_SUBJECT_NAME)


@dataclass(frozen=True, slots=True)
class Template:
    """The certificate that somebody asks for, whatever key it will be over.

    Args:
        subject: The name asked for; may be empty.
        subject_alt_name: The alternative names asked for.
        extensions: All extensions asked for.
        challenge_password: RFC 2985's, if sent.
        der: The request as it came.
        changed_names: Other names than the certificate at hand has, in a request for its successor.
    """

    subject: Name
    subject_alt_name: SubjectAltName | None
    extensions: tuple[Extension, ...]
    challenge_password: str | None = field(repr=False)
    der: bytes = field(repr=False)
    changed_names: ChangedNames | None = None

    @property
    def request_hash(self) -> bytes:
        """Return SHA-256 of the request."""
        return hashlib.sha256(self.der).digest()

    def keyed(self, public_key: PublicKey) -> "KeyedTemplate":
        """Return it with the key to be certified."""
        return KeyedTemplate(
            subject=self.subject,
            subject_alt_name=self.subject_alt_name,
            extensions=self.extensions,
            challenge_password=self.challenge_password,
            der=self.der,
            changed_names=self.changed_names,
            public_key=public_key,
        )


@dataclass(frozen=True, slots=True)
class KeyedTemplate(Template):
    """The certificate that somebody asks for, over a key whose possession is proven, or that we made.

    Args:
        public_key: The key to be certified.
    """

    public_key: PublicKey = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class _Decoded:
    """A request before anything in it is believed."""

    outer: rfc2986.CertificationRequest
    signed: bytes
    info: rfc2986.CertificationRequestInfo


def parse_certification_request(der: bytes) -> KeyedTemplate:
    """Return what a PKCS#10 request asks for, its proof of possession checked.

    Raises:
        MalformedRequest: It is no PKCS#10 request, or larger than anybody needs.
        BadSubjectKey: The key is weak, malformed, or of a type that is not certified.
        BadProofOfPossession: Its signature does not verify with its key.
    """
    decoded = _decode(der)
    public_key = PublicKey.parse(octets_of(decoded.info.subject_pk_info))
    template = _template(der, decoded.info).keyed(public_key)
    _check_possession(public_key, decoded.outer, decoded.signed)
    return template


def parse_key_request(der: bytes) -> Template:
    """Return what a PKCS#10 request asks for whose sender wants the key made for it.

    Key and signature in the request are there because the format has them, and say nothing.

    Raises:
        MalformedRequest: It is no PKCS#10 request, or larger than anybody needs.

    Source: RFC 7030 §4.4.1.
    """
    return _template(der, _decode(der).info)


def parse_attributes(der: bytes) -> tuple[tuple[str, bytes], ...]:
    """Return each value of each attribute of a PKCS#10 request, whatever else the request says.

    Returns:
        Object identifiers and DER values; an attribute without a value has an empty one.

    Raises:
        MalformedRequest: It is no PKCS#10 request, or larger than anybody needs.
    """
    attributes = _decode(der).info.attributes.as_list()
    _check_number(attributes)
    return tuple(
        (one.type.dotted_string, octets_of(value) if value is not None else b"")
        for one in attributes
        for value in one.values.as_list() or (None,)
    )


def _decode(der: bytes) -> _Decoded:
    if len(der) > MAX_REQUEST_OCTETS:
        raise MalformedRequest(
            f"The request has {len(der)} octets; at most {MAX_REQUEST_OCTETS} are looked at."
        )
    try:
        outer = asn1.decode_der(rfc2986.CertificationRequest, der)
        signed = octets_of(outer.certification_request_info)
        requested = asn1.decode_der(rfc2986.CertificationRequestInfo, signed)
    except ValueError as error:
        raise MalformedRequest("The body is not a PKCS#10 certification request (RFC 2986 §4).") from error
    if requested.version != 0:
        raise MalformedRequest("The request is not PKCS#10 version 1.")
    return _Decoded(outer, signed, requested)


def _template(der: bytes, requested: rfc2986.CertificationRequestInfo) -> Template:
    extensions, password, changed_names = _read_attributes(requested.attributes.as_list())
    names = next((one.value for one in extensions if one.oid == oids.SUBJECT_ALT_NAME), None)
    return Template(
        subject=Name.parse(octets_of(requested.subject)),
        subject_alt_name=parse_subject_alt_name(names) if names is not None else None,
        extensions=extensions,
        challenge_password=password,
        der=der,
        changed_names=changed_names,
    )


def _check_possession(public_key: PublicKey, outer: rfc2986.CertificationRequest, signed: bytes) -> None:
    algorithm = BY_IDENTIFIER.get(octets_of(outer.signature_algorithm))
    if algorithm is None:
        raise BadProofOfPossession(
            "The request is signed with an algorithm that proves nothing today; "
            "use SHA-256 or better with RSA or ECDSA, Ed25519, Ed448 or ML-DSA."
        )
    if outer.signature.padding_bits():
        raise BadProofOfPossession("The request's signature is no whole number of octets.")
    try:
        public_key.verify(outer.signature.as_bytes(), signed, algorithm)
    except BadSignature as error:
        raise BadProofOfPossession(
            "The request's signature does not verify with the key in it; sign it with the device's own key."
        ) from error


def _read_attributes(
    attributes: Sequence[rfc2986.Attribute],
) -> tuple[tuple[Extension, ...], str | None, ChangedNames | None]:
    """Return what the attributes that we know say; others say nothing to us."""
    _check_number(attributes)
    found: dict[str, bytes] = {}
    for attribute in attributes:
        oid = attribute.type.dotted_string
        if oid not in _READ:
            continue
        values = attribute.values.as_list()
        if oid in found or len(values) != 1:
            raise MalformedRequest(
                "An attribute of the request has to be there once, with one value (RFC 2985 §5.4)."
            )
        found[oid] = octets_of(values[0])
    requested, password, changed = (found.get(oid) for oid in _READ)
    return (
        _requested_extensions(requested) if requested is not None else (),
        _password(password) if password is not None else None,
        ChangedNames.parse(changed) if changed is not None else None,
    )


def _check_number(attributes: Sequence[rfc2986.Attribute]) -> None:
    if len(attributes) > MAX_ATTRIBUTES:
        raise MalformedRequest(
            f"The request has {len(attributes)} attributes; at most {MAX_ATTRIBUTES} are looked at."
        )


def _requested_extensions(der: bytes) -> tuple[Extension, ...]:
    try:
        listed = [asn1.decode_der(rfc5280.Extension, one) for one in values_of(der, "extensionRequest")]
    except ValueError as error:
        raise MalformedRequest("The request's extensionRequest is malformed.") from error
    return extensions_of(listed)


def _password(der: bytes) -> str:
    """Return a DirectoryString or IA5String (RFC 2985 §5.4.1 and what clients send)."""
    value = tlv(der)
    if value.tag_bytes not in (b"\x0c", b"\x13", b"\x16"):
        raise MalformedRequest("The request's challengePassword is not a string.")
    try:
        return _bounded(bytes(value.data).decode())
    except UnicodeDecodeError as error:
        raise MalformedRequest("The request's challengePassword is not a string.") from error


def _bounded(text: str) -> str:
    if len(text) > _MAX_PASSWORD:
        raise MalformedRequest(f"The request's challengePassword is longer than {_MAX_PASSWORD} characters.")
    return text
