"""Certificate Request Message Format. Source: RFC 4211 appendix B.

An implicitly tagged SEQUENCE that is only passed on, or must be absent, is declared as a list of whatever it
holds: its octets come back by ``sequence_of``.
"""

from typing import Annotated

from cryptography.hazmat import asn1

from keyworks.asn1.rfc5280 import Extension


@asn1.sequence
class CertTemplate:
    """CertTemplate (§5); the tags around the two names are explicit, a Name being a CHOICE."""

    version: Annotated[int | None, asn1.Implicit(0)]
    serial_number: Annotated[int | None, asn1.Implicit(1)]
    signing_alg: Annotated[list[asn1.TLV] | None, asn1.Implicit(2)]
    issuer: Annotated[list[asn1.TLV] | None, asn1.Explicit(3)]
    validity: Annotated[list[asn1.TLV] | None, asn1.Implicit(4)]
    subject: Annotated[list[asn1.TLV] | None, asn1.Explicit(5)]
    public_key: Annotated[list[asn1.TLV] | None, asn1.Implicit(6)]
    issuer_uid: Annotated[asn1.BitString | None, asn1.Implicit(7)]
    subject_uid: Annotated[asn1.BitString | None, asn1.Implicit(8)]
    extensions: Annotated[list[Extension] | None, asn1.Implicit(9)]


@asn1.sequence
class CertRequest:
    """CertRequest (§5)."""

    cert_req_id: int
    cert_template: CertTemplate
    controls: list[asn1.TLV] | None


@asn1.sequence
class POPOSigningKey:
    """POPOSigningKey (§4.1)."""

    poposk_input: Annotated[list[asn1.TLV] | None, asn1.Implicit(0)]
    algorithm_identifier: asn1.TLV
    signature: asn1.BitString


@asn1.sequence
class CertReqMsg:
    """CertReqMsg (§3); what is signed stays as it came.

    Of the choices of ProofOfPossession the two about keys that only encrypt are not looked into.
    """

    cert_req: asn1.TLV
    popo: (
        Annotated[asn1.Null, asn1.Implicit(0)]
        | Annotated[POPOSigningKey, asn1.Implicit(1)]
        | Annotated[asn1.TLV, asn1.Explicit(2)]
        | Annotated[asn1.TLV, asn1.Explicit(3)]
        | None
    )
    reg_info: list[asn1.TLV] | None
