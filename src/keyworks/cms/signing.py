"""SignedData with a content and one signer.

Source: RFC 5652 §5; RFC 8419 §3 (EdDSA), RFC 9882 §3 (ML-DSA): the digest of those is SHA-512.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from keyworks import oids
from keyworks.algorithms.signer import Signer
from keyworks.asn1 import rfc2986, rfc5652
from keyworks.errors import BadSignature, IntegrityFailure
from keyworks.x509.certificate import Certificate
from keyworks.x509.der import encode, sequence_of, tlv, wrap

_DIGESTS: Final = {"sha256": oids.SHA256, "sha384": oids.SHA384, "sha512": oids.SHA512}
_OWN_DIGEST: Final = "sha512"
"""Of what is signed with an algorithm that takes the message whole."""


async def signed_data(
    content_type: str, content: bytes, signer: Signer, certificates: Sequence[bytes]
) -> bytes:
    """Return DER SignedData over a content; ``content_info_of`` makes a message of it.

    Args:
        content_type: Object identifier of the content.
        content: Its octets.
        signer: Signs; what it signs is verified before it is returned.
        certificates: DER: the signer's first, then others for the receiver.

    Raises:
        IntegrityFailure: The certificate's key does not verify the signature.
    """
    digest = signer.algorithm.digest or _OWN_DIGEST
    digest_algorithm = tlv(sequence_of([asn1.encode_der(ObjectIdentifier(_DIGESTS[digest]))]))
    attributes = asn1.SetOf(
        [
            _attribute(oids.CONTENT_TYPE, asn1.encode_der(ObjectIdentifier(content_type))),
            _attribute(oids.MESSAGE_DIGEST, encode(hashlib.new(digest, content).digest())),
        ]
    )
    own = Certificate.parse(certificates[0])
    info = rfc5652.SignerInfo(
        version=1,
        sid=issuer_and_serial_number(own),
        digest_algorithm=digest_algorithm,
        signed_attrs=attributes,
        signature_algorithm=tlv(signer.algorithm.identifier),
        signature=await _signature(signer, own, attributes),
    )
    return encode(
        rfc5652.SignedData(
            version=1 if content_type == oids.CMS_DATA else 3,
            digest_algorithms=asn1.SetOf([digest_algorithm]),
            encap_content_info=rfc5652.EncapsulatedContent(
                e_content_type=ObjectIdentifier(content_type), e_content=content
            ),
            certificates=[tlv(der) for der in sorted(certificates)],
            signer_infos=asn1.SetOf([info]),
        )
    )


def issuer_and_serial_number(certificate: Certificate) -> rfc5652.IssuerAndSerialNumber:
    """Return what names a certificate in a message."""
    return rfc5652.IssuerAndSerialNumber(
        issuer=tlv(certificate.issuer.der), serial_number=certificate.serial_number
    )


def content_info_of(content_type: str, content: bytes) -> bytes:
    """Return a DER ContentInfo around a content."""
    return encode(rfc5652.ContentInfo(content_type=ObjectIdentifier(content_type), content=tlv(content)))


async def _signature(signer: Signer, own: Certificate, attributes: asn1.SetOf[rfc2986.Attribute]) -> bytes:
    """Return the signature over the attributes, encoded as a SET OF (§5.4)."""
    signed = wrap(0x31, b"".join(sorted(encode(one) for one in attributes.as_list())))
    signature = await signer.sign(signed)
    try:
        own.public_key.verify(signature, signed, signer.algorithm)
    except BadSignature as error:
        raise IntegrityFailure(
            "A key of this server made a signature that does not verify; nothing was sent.",
            private=f"certificate {own.serial_number:x}",
        ) from error
    return signature


def _attribute(oid: str, value: bytes) -> rfc2986.Attribute:
    return rfc2986.Attribute(type=ObjectIdentifier(oid), values=asn1.SetOf([tlv(value)]))
