"""Cryptographic Message Syntax. Source: RFC 5652 §3, §5; certs-only as in RFC 7030 §4.1.3."""

from typing import Annotated

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier


@asn1.sequence
class EncapsulatedContentInfo:
    """EncapsulatedContentInfo without content."""

    e_content_type: ObjectIdentifier


@asn1.sequence
class CertsOnly:
    """SignedData that carries certificates and signs nothing.

    Both implicitly tagged sets are declared as lists, so that certificates in any order are read: senders need
    not sort them (RFC 5652 §10), though we do.
    """

    version: int
    digest_algorithms: asn1.SetOf[asn1.TLV]
    encap_content_info: EncapsulatedContentInfo
    certificates: Annotated[list[asn1.TLV] | None, asn1.Implicit(0)]
    crls: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]
    signer_infos: asn1.SetOf[asn1.TLV]


@asn1.sequence
class SignedDataContentInfo:
    """ContentInfo of SignedData."""

    content_type: ObjectIdentifier
    content: Annotated[CertsOnly, asn1.Explicit(0)]
