"""Certificate Management over CMS. Source: RFC 5272 appendix A, as RFC 6402 updates it."""

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier


@asn1.sequence
class TaggedAttribute:
    """TaggedAttribute: a control (§3.2.1.1)."""

    body_part_id: int
    attr_type: ObjectIdentifier
    attr_values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class TaggedCertificationRequest:
    """TaggedCertificationRequest (§3.2.1.2.1); its [0] tag in TaggedRequest is IMPLICIT."""

    body_part_id: int
    certification_request: asn1.TLV


@asn1.sequence
class PKIData:
    """PKIData (§3.2.1): TaggedRequest, a choice by tag, is read in a second step."""

    control_sequence: list[TaggedAttribute]
    req_sequence: list[asn1.TLV]
    cms_sequence: list[asn1.TLV]
    other_msg_sequence: list[asn1.TLV]


@asn1.sequence
class PKIResponse:
    """PKIResponse (§3.2.2)."""

    control_sequence: list[TaggedAttribute]
    cms_sequence: list[asn1.TLV]
    other_msg_sequence: list[asn1.TLV]


@asn1.sequence
class PendInfo:
    """PendInfo (§6.1.1)."""

    pend_token: bytes
    pend_time: asn1.GeneralizedTime


@asn1.sequence
class CMCStatusInfoV2:
    """CMCStatusInfoV2 (§6.1.1) with plain body part references and no extendedFailInfo."""

    cmc_status: int
    body_list: list[int]
    status_string: str | None
    other_info: int | PendInfo | None


@asn1.sequence
class RevokeRequest:
    """RevokeRequest (§6.11); the reason is an ENUMERATED."""

    issuer_name: asn1.TLV
    serial_number: int
    reason: asn1.TLV
    invalidity_date: asn1.GeneralizedTime | None
    shared_secret: bytes | None
    comment: str | None
