"""What a Full PKI Request asks for.

Of the controls, those are understood that concern the exchange itself (transactionId, the nonces, dataReturn,
regInfo) and revokeRequest. Any other one is a fault, and then nothing of the message is done: CMC knows no
control that may be overlooked.

Source: RFC 5272 §3.2.1, §6; RFC 6402 §2.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from cryptography.hazmat import asn1

from keyworks import errors, oids
from keyworks.asn1 import rfc5272
from keyworks.x509.certificate_request_message import cert_req_id_of, parse_certificate_request_message
from keyworks.x509.der import octets_of, sequence_of
from keyworks.x509.template import KeyedTemplate, parse_certification_request

MAX_REQUESTS: Final = 16
MAX_CONTROLS: Final = 32
MAX_ECHO_OCTETS: Final = 1024
"""Of each value that the response repeats."""

_BODY_PART_IDS: Final = range(1, 1 << 32)
_TCR: Final = b"\xa0"
_CRM: Final = b"\xa1"
_INTEGER: Final = b"\x02"
_OCTET_STRING: Final = b"\x04"
_ENUMERATED: Final = b"\x0a"
_ECHOED: Final = MappingProxyType(
    {
        oids.CMC_TRANSACTION_ID: _INTEGER,
        oids.CMC_SENDER_NONCE: _OCTET_STRING,
        oids.CMC_DATA_RETURN: _OCTET_STRING,
    }
)
_IGNORED: Final = frozenset({oids.CMC_RECIPIENT_NONCE, oids.CMC_REG_INFO})
_REASONS: Final[Mapping[int, str]] = MappingProxyType(
    {1: "keyCompromise", 3: "affiliationChanged", 4: "superseded", 5: "cessationOfOperation"}
)
"""Reasons for which a holder may revoke its own certificate, by RFC 5280's numbers."""

_SHARED_SECRET: Final = (
    "Shared secrets inside CMC are not used here; authenticate with a client certificate (TLS) or a one-time "
    "secret (HTTP Basic)."
)
_LINKED: Final = "Proof of possession is not linked to an identity here; sign each request with its own key."
_REFUSED: Final[Mapping[str, tuple[type[errors.KeyworksError], str]]] = MappingProxyType(
    {
        oids.CMC_IDENTIFICATION: (errors.AuthenticationFailed, _SHARED_SECRET),
        oids.CMC_IDENTITY_PROOF: (errors.AuthenticationFailed, _SHARED_SECRET),
        oids.CMC_IDENTITY_PROOF_V2: (errors.AuthenticationFailed, _SHARED_SECRET),
        oids.CMC_POP_LINK_RANDOM: (errors.BadProofOfPossession, _LINKED),
        oids.CMC_POP_LINK_WITNESS: (errors.BadProofOfPossession, _LINKED),
        oids.CMC_POP_LINK_WITNESS_V2: (errors.BadProofOfPossession, _LINKED),
        oids.CMC_LRA_POP_WITNESS: (
            errors.BadProofOfPossession,
            "A registration authority's word proves no possession here; sign each request with its own key.",
        ),
        oids.CMC_QUERY_PENDING: (
            errors.MalformedRequest,
            "Nothing is asked about by its token here; repeat the request itself, with the same key.",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """A request for a certificate.

    Args:
        body_part_id: What the message calls it.
        der: The PKCS#10 request or the CertReqMsg.
        template: What it asks for, its proof of possession checked, if it can be read.
        error: Otherwise why not.
    """

    body_part_id: int
    der: bytes = field(repr=False)
    template: KeyedTemplate | None
    error: errors.RequestError | None

    def parse(self, _: bytes) -> KeyedTemplate:
        """Return what it asks for.

        Raises:
            RequestError: As when it was read.
        """
        if self.template is None:
            raise self.error or errors.MalformedRequest("The request cannot be read.")
        return self.template


@dataclass(frozen=True, slots=True)
class RevocationRequest:
    """A request to revoke a certificate.

    Args:
        body_part_id: What the message calls it.
        issuer: DER Name of the certificate's issuer.
        serial_number: The certificate's.
        reason: RFC 5280's word.
    """

    body_part_id: int
    issuer: bytes
    serial_number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A part of the message for which nothing of it is done.

    Args:
        body_part_id: What the message calls it.
        error: What is wrong with it.
        known: Whether such a part could be right.
    """

    body_part_id: int
    error: errors.KeyworksError
    known: bool = True


@dataclass(frozen=True, slots=True)
class Message:
    """A Full PKI Request, read.

    Args:
        echoed: DER values of the controls that the response repeats, by object identifier.
        requests: For certificates.
        revocations: Of certificates.
        faults: If there is one, nothing is done.
    """

    echoed: Mapping[str, bytes]
    requests: tuple[CertificateRequest, ...]
    revocations: tuple[RevocationRequest, ...]
    faults: tuple[Fault, ...]


NO_MESSAGE: Final = Message(MappingProxyType({}), (), (), ())
"""What is known of a message that could not be read."""


def parse_message(content: bytes) -> Message:
    """Return what a PKIData asks for.

    Raises:
        MalformedRequest: It is none, asks for nothing or too much, or its parts have no names of their own.
    """
    try:
        read = asn1.decode_der(rfc5272.PKIData, content)
    except ValueError as error:
        raise errors.MalformedRequest("The signed content is not PKIData (RFC 5272 §3.2.1).") from error
    _check_sizes(read)
    requests = tuple(_request(one) for one in read.req_sequence)
    controls = read.control_sequence
    named = [*(one.body_part_id for one in controls), *(one.body_part_id for one in requests)]
    if len(set(named)) != len(named) or not all(one in _BODY_PART_IDS for one in named):
        raise errors.MalformedRequest(
            "Each part of the message needs a bodyPartID of its own, above 0 (RFC 5272 §3.2.1)."
        )
    faults: list[Fault] = []
    echoed = dict(_echoed(controls, faults))
    revocations = tuple(_revocations(controls, faults))
    faults.extend(_refused(controls))
    if not (requests or revocations or faults):
        raise errors.MalformedRequest("The message asks for nothing.")
    return Message(MappingProxyType(echoed), requests, revocations, tuple(faults))


def _check_sizes(read: rfc5272.PKIData) -> None:
    for what, count, most in (
        ("requests", len(read.req_sequence), MAX_REQUESTS),
        ("controls", len(read.control_sequence), MAX_CONTROLS),
    ):
        if count > most:
            raise errors.MalformedRequest(f"The message has {count} {what}; at most {most} are looked at.")
    if read.cms_sequence or read.other_msg_sequence:
        raise errors.MalformedRequest("Messages inside the message are not looked at; send each by itself.")


def _request(tagged: asn1.TLV) -> CertificateRequest:
    """Return one of the choices of TaggedRequest (§3.2.1.2): PKCS#10 or CRMF."""
    inside = sequence_of([bytes(tagged.data)])
    if tagged.tag_bytes == _TCR:
        try:
            read = asn1.decode_der(rfc5272.TaggedCertificationRequest, inside)
        except ValueError as error:
            raise errors.MalformedRequest("A request of the message is malformed.") from error
        return _parsed(read.body_part_id, octets_of(read.certification_request), parse_certification_request)
    if tagged.tag_bytes == _CRM:
        return _parsed(cert_req_id_of(inside), inside, parse_certificate_request_message)
    raise errors.MalformedRequest("A request of the message is neither PKCS#10 nor CRMF.")


def _parsed(body_part_id: int, der: bytes, parse: Callable[[bytes], KeyedTemplate]) -> CertificateRequest:
    try:
        return CertificateRequest(body_part_id, der, parse(der), None)
    except errors.RequestError as error:
        return CertificateRequest(body_part_id, der, None, error)


def _echoed(controls: list[rfc5272.TaggedAttribute], faults: list[Fault]) -> Iterator[tuple[str, bytes]]:
    """Return what the response repeats; each of these controls is there at most once, with one short value."""
    seen: set[str] = set()
    for control in controls:
        oid, values = control.attr_type.dotted_string, control.attr_values.as_list()
        if oid not in _ECHOED:
            continue
        value = octets_of(values[0]) if len(values) == 1 else b""
        if oid in seen or value[:1] != _ECHOED[oid] or len(value) > MAX_ECHO_OCTETS:
            sentence = (
                "transactionId, senderNonce and dataReturn have to be there once at most, "
                f"with one value of at most {MAX_ECHO_OCTETS} octets."
            )
            faults.append(Fault(control.body_part_id, errors.MalformedRequest(sentence)))
            continue
        seen.add(oid)
        yield oid, value


def _revocations(controls: list[rfc5272.TaggedAttribute], faults: list[Fault]) -> Iterator[RevocationRequest]:
    for control in controls:
        if control.attr_type.dotted_string != oids.CMC_REVOKE_REQUEST:
            continue
        try:
            yield _revocation(control)
        except errors.KeyworksError as error:
            faults.append(Fault(control.body_part_id, error))


def _revocation(control: rfc5272.TaggedAttribute) -> RevocationRequest:
    values = control.attr_values.as_list()
    try:
        [read] = [asn1.decode_der(rfc5272.RevokeRequest, octets_of(one)) for one in values]
    except ValueError as error:
        raise errors.MalformedRequest("The revokeRequest is malformed (RFC 5272 §6.11).") from error
    if read.shared_secret is not None:
        raise errors.AuthenticationFailed(
            "Nothing is revoked by a shared secret here; the certificate itself authenticates its revocation."
        )
    number = bytes(read.reason.data)
    reason = _REASONS.get(number[0]) if read.reason.tag_bytes == _ENUMERATED and len(number) == 1 else None
    if reason is None:
        raise errors.MalformedRequest(
            f"A holder revokes its certificate for one of {', '.join(_REASONS.values())}; for others, and to "
            "hold it, ask the operator."
        )
    return RevocationRequest(control.body_part_id, octets_of(read.issuer_name), read.serial_number, reason)


def _refused(controls: list[rfc5272.TaggedAttribute]) -> Iterator[Fault]:
    for control in controls:
        oid = control.attr_type.dotted_string
        if oid in _ECHOED or oid in _IGNORED or oid == oids.CMC_REVOKE_REQUEST:
            continue
        cause, sentence = _REFUSED.get(
            oid, (errors.MalformedRequest, f"The control {oid} is not understood here; leave it out.")
        )
        yield Fault(control.body_part_id, cause(sentence), known=False)
