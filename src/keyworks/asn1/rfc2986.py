"""Certification requests. Source: RFC 2986 §4 (PKCS#10)."""

from typing import Annotated

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier


@asn1.sequence
class Attribute:
    """Attribute."""

    type: ObjectIdentifier
    values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class CertificationRequestInfo:
    """CertificationRequestInfo."""

    version: int
    subject: asn1.TLV
    subject_pk_info: asn1.TLV
    attributes: Annotated[asn1.SetOf[Attribute], asn1.Implicit(0)]


@asn1.sequence
class CertificationRequest:
    """CertificationRequest; what is signed stays as it came."""

    certification_request_info: asn1.TLV
    signature_algorithm: asn1.TLV
    signature: asn1.BitString
