"""SignedData that only carries certificates.

Source: RFC 5652 §5.1; RFC 7030 §4.1.3 (certs-only).
"""

from collections.abc import Sequence
from typing import Final

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from keyworks import oids
from keyworks.asn1 import rfc5652
from keyworks.errors import MalformedRequest
from keyworks.x509.der import encode, octets_of, tlv

MAX_OCTETS: Final = 256 * 1024
MAX_CERTIFICATES: Final = 64


def certs_only(certificates: Sequence[bytes]) -> bytes:
    """Return a DER ContentInfo that carries the given certificates.

    Args:
        certificates: DER. (A SET, so their order says nothing to the receiver.)
    """
    return encode(
        rfc5652.SignedDataContentInfo(
            content_type=ObjectIdentifier(oids.CMS_SIGNED_DATA),
            content=rfc5652.CertsOnly(
                version=1,
                digest_algorithms=asn1.SetOf([]),
                encap_content_info=rfc5652.EncapsulatedContentInfo(
                    e_content_type=ObjectIdentifier(oids.CMS_DATA)
                ),
                certificates=[tlv(der) for der in sorted(certificates)],
                crls=None,
                signer_infos=asn1.SetOf([]),
            ),
        )
    )


def parse_certs_only(der: bytes) -> tuple[bytes, ...]:
    """Return the certificates of a certs-only message.

    Raises:
        MalformedRequest: It is none, or larger than anybody needs.
    """
    if len(der) > MAX_OCTETS:
        raise MalformedRequest(f"The message has {len(der)} octets; at most {MAX_OCTETS} are looked at.")
    try:
        message = asn1.decode_der(rfc5652.SignedDataContentInfo, der)
    except ValueError as error:
        raise MalformedRequest("The message is not certs-only SignedData (RFC 5652 §5.1).") from error
    content = message.content
    if message.content_type.dotted_string != oids.CMS_SIGNED_DATA or content.signer_infos.as_list():
        raise MalformedRequest("The message is not certs-only SignedData (RFC 5652 §5.1).")
    certificates = content.certificates or []
    if len(certificates) > MAX_CERTIFICATES:
        raise MalformedRequest(
            f"The message has {len(certificates)} certificates; at most {MAX_CERTIFICATES} are looked at."
        )
    return tuple(octets_of(one) for one in certificates)
