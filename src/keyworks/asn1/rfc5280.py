"""Certificates and their parts. Source: RFC 5280 appendix A."""

from typing import Annotated

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier


@asn1.sequence
class AttributeTypeAndValue:
    """AttributeTypeAndValue; a value that is no UTF8String is read in a second step."""

    type: ObjectIdentifier
    value: str | asn1.TLV


@asn1.sequence
class NameRest:
    """An RDNSequence inside an outer SEQUENCE, because only whole sequences can be decoded on their own."""

    rdns: list[asn1.SetOf[AttributeTypeAndValue]]


@asn1.sequence
class Extension:
    """Extension."""

    extn_id: ObjectIdentifier
    critical: Annotated[bool, asn1.Default(False)]
    extn_value: bytes


@asn1.sequence
class Validity:
    """Validity."""

    not_before: asn1.UTCTime | asn1.GeneralizedTime
    not_after: asn1.UTCTime | asn1.GeneralizedTime


@asn1.sequence
class TBSCertificate:
    """TBSCertificate, version 3; parts that are compared octet for octet stay as they are."""

    version: Annotated[int, asn1.Explicit(0), asn1.Default(0)]
    serial_number: int
    signature: asn1.TLV
    issuer: asn1.TLV
    validity: Validity
    subject: asn1.TLV
    subject_public_key_info: asn1.TLV
    issuer_unique_id: Annotated[asn1.BitString | None, asn1.Implicit(1)]
    subject_unique_id: Annotated[asn1.BitString | None, asn1.Implicit(2)]
    extensions: Annotated[list[Extension] | None, asn1.Explicit(3)]


@asn1.sequence
class Certificate:
    """Certificate."""

    tbs_certificate: asn1.TLV
    signature_algorithm: asn1.TLV
    signature: asn1.BitString


@asn1.sequence
class SubjectPublicKeyInfo:
    """SubjectPublicKeyInfo."""

    algorithm: asn1.TLV
    subject_public_key: asn1.BitString


@asn1.sequence
class AnotherName:
    """OtherName (§4.2.1.6); its [0] tag in GeneralName is IMPLICIT."""

    type_id: ObjectIdentifier
    value: Annotated[asn1.TLV, asn1.Explicit(0)]


@asn1.sequence
class BasicConstraints:
    """BasicConstraints (§4.2.1.9)."""

    ca: Annotated[bool, asn1.Default(False)]
    path_len_constraint: int | None


@asn1.sequence
class AuthorityKeyIdentifier:
    """AuthorityKeyIdentifier (§4.2.1.1)."""

    key_identifier: Annotated[bytes | None, asn1.Implicit(0)]
    authority_cert_issuer: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]
    authority_cert_serial_number: Annotated[int | None, asn1.Implicit(2)]


@asn1.sequence
class AccessDescription:
    """AccessDescription (§4.2.2.1)."""

    access_method: ObjectIdentifier
    access_location: asn1.TLV


@asn1.sequence
class GeneralSubtree:
    """GeneralSubtree without minimum and maximum, as the RFC demands (§4.2.1.10)."""

    subtree: asn1.TLV


@asn1.sequence
class NameConstraints:
    """NameConstraints (§4.2.1.10)."""

    permitted_subtrees: Annotated[list[GeneralSubtree] | None, asn1.Implicit(0)]
    excluded_subtrees: Annotated[list[GeneralSubtree] | None, asn1.Implicit(1)]


@asn1.sequence
class DistributionPointName:
    """DistributionPointName, the choice of fullName (§4.2.1.13)."""

    full_name: Annotated[list[asn1.TLV] | None, asn1.Implicit(0)]


@asn1.sequence
class DistributionPoint:
    """DistributionPoint with a full name and nothing else (§4.2.1.13)."""

    distribution_point: Annotated[DistributionPointName | None, asn1.Implicit(0)]
