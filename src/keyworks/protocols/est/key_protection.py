"""For whom a key that the server makes is to be encrypted, as the request says.

Source: RFC 7030 §4.4.1; RFC 4108 §2.2.5; RFC 8551 §2.5.2 (SMIMECapabilities).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from keyworks import oids
from keyworks.access.credential import PresentedChain
from keyworks.authority.authenticate import parse_presented
from keyworks.cms.enveloped_data import CIPHERS, ContentCipher, Recipient, check_recipient
from keyworks.errors import BadSubjectKey, MalformedRequest
from keyworks.x509.certificate import Certificate
from keyworks.x509.der import values_of

MAX_CAPABILITIES: Final = 64
_KEY_ENCIPHERMENTS: Final = frozenset(
    {oids.RSA_ENCRYPTION, oids.RSAES_OAEP, *(one.wrap_oid for one in CIPHERS)}
)
NOT_SHARED: Final = (
    "DecryptKeyIdentifier names no secret key that this server shares with the requester; name the client "
    "certificate's key in AsymmetricDecryptKeyIdentifier, or rely on TLS."
)
"""Of an identifier that nobody has, and of another requester's alike: nobody learns which there are."""


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A secret key that the request names; whether the requester shares one of that name is not known yet.

    Args:
        identifier: The DecryptKeyIdentifier.
        cipher: For the content.
    """

    identifier: bytes
    cipher: ContentCipher = CIPHERS[0]


def recipient_of(
    attributes: Sequence[tuple[str, bytes]], presented: PresentedChain | None
) -> Recipient | NamedKey | None:
    """Return for whom the key is to be encrypted; ``None`` where TLS is enough for the requester.

    A certificate is the one with which the client opened the connection.

    Args:
        attributes: Of the request, as ``parse_attributes`` returns them.
        presented: The client's certificate chain; TLS has proven possession of its key.

    Raises:
        MalformedRequest: What the request says about it cannot be read.
        BadSubjectKey: It names a key that is not known here, or with which nothing can be encrypted.
        NotAuthorized: The certificate says that its key is not for encryption.
    """
    symmetric = _value(attributes, oids.DECRYPT_KEY_ID)
    asymmetric = _value(attributes, oids.ASYMMETRIC_DECRYPT_KEY_ID)
    if symmetric is not None and asymmetric is not None:
        raise MalformedRequest(
            "The request names two keys to encrypt with; send either DecryptKeyIdentifier or "
            "AsymmetricDecryptKeyIdentifier."
        )
    capabilities = _value(attributes, oids.SMIME_CAPABILITIES)
    if symmetric is not None:
        identifier = _octets(symmetric, "DecryptKeyIdentifier", "RFC 4108 §2.2.5")
        return NamedKey(identifier, _cipher(_known(capabilities)))
    if asymmetric is None:
        return None
    identifier = _octets(asymmetric, "AsymmetricDecryptKeyIdentifier", "RFC 7030 §4.4.1.2")
    recipient = _recipient(_certificate_of(identifier, presented), _known(capabilities))
    check_recipient(recipient)
    return recipient


def _value(attributes: Sequence[tuple[str, bytes]], oid: str) -> bytes | None:
    """Return the one value of an attribute; what is said unclearly must not pass for not being said."""
    found = [value for known, value in attributes if known == oid]
    if len(found) > 1:
        raise MalformedRequest(f"The request has attribute {oid} with more than one value.")
    return found[0] if found else None


def _octets(der: bytes, attribute: str, source: str) -> bytes:
    try:
        return asn1.decode_der(bytes, der)
    except ValueError as error:
        raise MalformedRequest(f"{attribute} has to be an OCTET STRING ({source}).") from error


def _certificate_of(identifier: bytes, presented: PresentedChain | None) -> Certificate:
    certificate = parse_presented(presented.certificates[0]) if presented is not None else None
    if certificate is None or identifier not in _identifiers(certificate):
        raise BadSubjectKey(
            "AsymmetricDecryptKeyIdentifier names a key that is not known here; it has to be the "
            "subjectKeyIdentifier of the certificate that the client opens the TLS connection with."
        )
    return certificate


def _identifiers(certificate: Certificate) -> tuple[bytes | None, ...]:
    """Return what a key is called: as its certificate says, or as it is usually derived."""
    return certificate.subject_key_identifier, *certificate.public_key.usual_identifiers


def _recipient(certificate: Certificate, known: frozenset[str] | None) -> Recipient:
    oaep = known is None or oids.RSAES_OAEP in known or oids.RSA_ENCRYPTION not in known
    return Recipient(certificate, _cipher(known), oaep=oaep)


def _cipher(known: frozenset[str] | None) -> ContentCipher:
    """Return the best cipher that the requester can read; of who says nothing, that is the best there is."""
    if known is None:
        return CIPHERS[0]
    cipher = next((one for one in CIPHERS if one.oid in known), None)
    if cipher is None and known <= _KEY_ENCIPHERMENTS:
        # RFC 7030 §4.4.1 speaks of these alone; who wraps with AES can decrypt with keys as long.
        cipher = next((one for one in CIPHERS if one.wrap_oid in known), CIPHERS[0])
    if cipher is None:
        raise BadSubjectKey(
            "The requester's SMIMECapabilities name no cipher that is used here; add AES-256-CBC."
        )
    return cipher


def _known(capabilities: bytes | None) -> frozenset[str] | None:
    """Return the algorithms that the requester knows; ``None`` where it does not say."""
    return None if capabilities is None else frozenset(_capabilities(capabilities))


def _capabilities(der: bytes) -> Iterator[str]:
    found = values_of(der, "SMIMECapabilities")
    if len(found) > MAX_CAPABILITIES:
        raise MalformedRequest(
            f"There are {len(found)} SMIMECapabilities; at most {MAX_CAPABILITIES} are looked at."
        )
    for one in found:
        try:
            yield asn1.decode_der(ObjectIdentifier, values_of(one, "SMIMECapabilities")[0]).dotted_string
        except ValueError as error:
            raise MalformedRequest("SMIMECapabilities is malformed.") from error
