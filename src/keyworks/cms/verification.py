"""SignedData of others: read whole, each signature ready to be verified.

Reading checks everything but the signatures themselves: that every signer's attributes are about exactly this
content. Whose key it has to be is for the caller to say; who calls ``SignerInfo.verify`` for each signer has
verified the message.

Source: RFC 5652 §5; RFC 5754 §3 (algorithms); RFC 8419 §3 (EdDSA); RFC 9882 §3 (ML-DSA).
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from keyworks import oids
from keyworks.algorithms.public_key import PublicKey
from keyworks.algorithms.registry import BY_IDENTIFIER, BY_NAME, SignatureAlgorithm
from keyworks.asn1 import rfc2986, rfc5652
from keyworks.errors import BadSignature, MalformedRequest
from keyworks.x509.der import encode, octets_of, sequence_of, wrap

MAX_OCTETS: Final = 64 * 1024
MAX_CERTIFICATES: Final = 16
MAX_SIGNERS: Final = 4
_MAX_ATTRIBUTES: Final = 16
_NULL: Final = b"\x05\x00"
_RSA: Final = sequence_of([encode(ObjectIdentifier(oids.RSA_ENCRYPTION)), _NULL])


def _shake256(content: bytes) -> bytes:
    return hashlib.shake_256(content).digest(64)


def _digests() -> Mapping[bytes, tuple[str, Callable[[bytes], bytes]]]:
    """Return digests by their whole AlgorithmIdentifier, which may say NULL or nothing (RFC 5754 §2)."""
    found: dict[bytes, tuple[str, Callable[[bytes], bytes]]] = {}
    for oid, name in ((oids.SHA256, "sha256"), (oids.SHA384, "sha384"), (oids.SHA512, "sha512")):
        digest = _digest_named(name)
        for parameters in ([], [_NULL]):
            found[sequence_of([encode(ObjectIdentifier(oid)), *parameters])] = (name, digest)
    found[sequence_of([encode(ObjectIdentifier(oids.SHAKE256))])] = ("shake256", _shake256)
    return MappingProxyType(found)


def _digest_named(name: str) -> Callable[[bytes], bytes]:
    return lambda content: hashlib.new(name, content).digest()


_DIGESTS: Final = _digests()
_RSA_WITH: Final = MappingProxyType(
    {digest: BY_NAME[f"{digest}WithRSAEncryption"] for digest in ("sha256", "sha384", "sha512")}
)
"""Of who writes ``rsaEncryption``, and means it with the signer's digest (RFC 5754 §3.2)."""


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """One signature of a message, not verified yet.

    Args:
        certificate: Issuer (DER Name) and serial number of the signer's certificate, where it is named so.
        key_identifier: The signer's subjectKeyIdentifier, where it is named so.
        signed: The octets that are signed.
        algorithm: How.
        signature: Over them.
    """

    certificate: tuple[bytes, int] | None
    key_identifier: bytes | None
    signed: bytes
    algorithm: SignatureAlgorithm
    signature: bytes

    def verify(self, public_key: PublicKey) -> None:
        """Check the signature.

        Raises:
            BadSignature: It does not verify with this key.
        """
        try:
            public_key.verify(self.signature, self.signed, self.algorithm)
        except BadSignature as error:
            raise BadSignature("A signature of the message does not verify with its signer's key.") from error


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """SignedData with its content.

    Args:
        content_type: Object identifier of the content.
        content: Its octets.
        certificates: DER, as many as came.
        signer_infos: At least one.
    """

    content_type: str
    content: bytes
    certificates: tuple[bytes, ...]
    signer_infos: tuple[SignerInfo, ...]


def parse_signed_data(der: bytes) -> SignedMessage:
    """Return a signed message; its signatures are not verified yet, but are about this very content.

    Raises:
        MalformedRequest: It is none, or larger than anybody needs.
        BadSignature: A signer's digest is not the content's, or of an algorithm that proves nothing today.
    """
    if len(der) > MAX_OCTETS:
        raise MalformedRequest(f"The message has {len(der)} octets; at most {MAX_OCTETS} are looked at.")
    try:
        outer = asn1.decode_der(rfc5652.ContentInfo, der)
        if outer.content_type.dotted_string != oids.CMS_SIGNED_DATA:
            raise MalformedRequest("The message is not SignedData (RFC 5652 §5.1).")
        read = asn1.decode_der(rfc5652.AnySignedData, octets_of(outer.content))
    except ValueError as error:
        raise MalformedRequest(
            "The message is not SignedData with its content inside, in DER (RFC 5652 §5.1)."
        ) from error
    certificates, signers = read.certificates or [], read.signer_infos.as_list()
    _check_count("certificates", len(certificates), MAX_CERTIFICATES)
    _check_count("signers", len(signers), MAX_SIGNERS)
    if not signers:
        raise MalformedRequest("The message is not signed.")
    content_type = read.encap_content_info.e_content_type.dotted_string
    content = bytes(read.encap_content_info.e_content)
    return SignedMessage(
        content_type=content_type,
        content=content,
        certificates=tuple(octets_of(one) for one in certificates),
        signer_infos=tuple(_signer_info(one, content_type, content) for one in signers),
    )


def _check_count(what: str, count: int, most: int) -> None:
    if count > most:
        raise MalformedRequest(f"The message has {count} {what}; at most {most} are looked at.")


def _signer_info(info: rfc5652.AnySignerInfo, content_type: str, content: bytes) -> SignerInfo:
    known = _DIGESTS.get(octets_of(info.digest_algorithm))
    algorithm = _algorithm(octets_of(info.signature_algorithm), known[0] if known else "")
    if known is None or algorithm is None:
        raise BadSignature(
            "A signature of the message is of an algorithm that proves nothing today; "
            "use SHA-256 or better with RSA or ECDSA, Ed25519, Ed448 or ML-DSA."
        )
    if info.signed_attrs is None:
        raise MalformedRequest("A signer of the message has no signed attributes (RFC 5652 §5.3).")
    attributes = info.signed_attrs.as_list()
    _check_attributes(attributes, content_type, known[1](content))
    signed = wrap(0x31, b"".join(encode(one) for one in attributes))
    named = info.sid
    if isinstance(named, bytes):
        return SignerInfo(None, named, signed, algorithm, bytes(info.signature))
    names = (octets_of(named.issuer), named.serial_number)
    return SignerInfo(names, None, signed, algorithm, bytes(info.signature))


def _algorithm(identifier: bytes, digest: str) -> SignatureAlgorithm | None:
    """Return how a signer signs, if its digest is the one that the signature is made with."""
    if identifier == _RSA:
        return _RSA_WITH.get(digest)
    algorithm = BY_IDENTIFIER.get(identifier)
    return algorithm if algorithm is not None and algorithm.digest in ("", digest) else None


def _check_attributes(attributes: Sequence[rfc2986.Attribute], content_type: str, digest: bytes) -> None:
    """Check that the attributes, each there once, are about this content.

    Source: RFC 5652 §5.3, §11.1, §11.2.
    """
    _check_count("signed attributes", len(attributes), _MAX_ATTRIBUTES)
    found = {one.type.dotted_string: [octets_of(value) for value in one.values.as_list()] for one in attributes}
    if len(found) != len(attributes):
        raise MalformedRequest("A signed attribute is there twice (RFC 5652 §5.3).")
    if found.get(oids.CONTENT_TYPE) != [encode(ObjectIdentifier(content_type))]:
        raise BadSignature("The signed attributes name another content type than the message's.")
    if found.get(oids.MESSAGE_DIGEST) != [encode(digest)]:
        raise BadSignature("The signed message digest is not that of the message's content.")
