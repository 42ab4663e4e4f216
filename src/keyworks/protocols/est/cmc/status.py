"""What became of each part of a Full PKI Request, and the Full PKI Response that says so.

Source: RFC 5272 §3.2.2, §6.1 (status), §6.6 (transactions and nonces).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from keyworks import errors, oids
from keyworks.asn1 import rfc5272
from keyworks.authority.issue import Issued
from keyworks.authority.pending import Pending
from keyworks.x509.der import encode, tlv


class CMCStatus(IntEnum):
    """CMCStatus (§6.1.3)."""

    SUCCESS = 0
    FAILED = 2
    PENDING = 3
    NO_SUPPORT = 4


class CMCFailInfo(IntEnum):
    """CMCFailInfo (§6.1.4), those that we say."""

    BAD_ALG = 0
    BAD_MESSAGE_CHECK = 1
    BAD_REQUEST = 2
    BAD_TIME = 3
    BAD_CERT_ID = 4
    BAD_IDENTITY = 7
    POP_FAILED = 9
    INTERNAL_CA_ERROR = 11
    TRY_LATER = 12


FAIL_INFO: Final[Mapping[type[errors.KeyworksError], CMCFailInfo]] = MappingProxyType(
    {
        errors.MalformedRequest: CMCFailInfo.BAD_REQUEST,
        errors.BadProofOfPossession: CMCFailInfo.POP_FAILED,
        errors.BadSubjectKey: CMCFailInfo.BAD_ALG,
        errors.RejectedName: CMCFailInfo.BAD_REQUEST,
        errors.StaleTime: CMCFailInfo.BAD_TIME,
        errors.Replayed: CMCFailInfo.BAD_REQUEST,
        errors.BadSignature: CMCFailInfo.BAD_MESSAGE_CHECK,
        errors.NotFound: CMCFailInfo.BAD_CERT_ID,
        errors.AuthenticationFailed: CMCFailInfo.BAD_IDENTITY,
        errors.NotAuthorized: CMCFailInfo.BAD_REQUEST,
        errors.Unavailable: CMCFailInfo.TRY_LATER,
        errors.OperatorError: CMCFailInfo.INTERNAL_CA_ERROR,
        errors.InternalError: CMCFailInfo.INTERNAL_CA_ERROR,
    }
)
"""Each cause's failInfo; a leaf without a row of its own has its parent's. badRequest is also what is not
permitted (§6.1.4)."""

WHOLE: Final = 0
"""The bodyPartID of the message itself (§3.2.1)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a part of the message.

    Args:
        body_part_id: What the message calls the part; ``WHOLE`` for the message itself.
        issued: The certificate issued for it.
        pending: What it waits for.
        error: Why nothing was done.
        known: Whether such a part could be right.
    """

    body_part_id: int
    issued: Issued | None = None
    pending: Pending | None = None
    error: errors.KeyworksError | None = None
    known: bool = True

    @property
    def status(self) -> CMCStatus:
        """Return what the response calls it."""
        if self.error is not None:
            return CMCStatus.FAILED if self.known else CMCStatus.NO_SUPPORT
        return CMCStatus.SUCCESS if self.pending is None else CMCStatus.PENDING

    @property
    def sentence(self) -> str | None:
        """Return what there is to say about it."""
        if self.error is not None:
            return self.error.detail
        if self.pending is not None:
            return self.pending.sentence
        if self.issued is not None and self.issued.superseded:
            return f"It supersedes {', '.join(self.issued.superseded)}, revoked now."
        return None


def fail_info(error: errors.KeyworksError) -> CMCFailInfo:
    """Return a cause's failInfo."""
    return next(FAIL_INFO[cause] for cause in type(error).__mro__ if cause in FAIL_INFO)


def encode_response(echoed: Mapping[str, bytes], nonce: bytes, outcomes: Sequence[Outcome], at: int) -> bytes:
    """Return a DER PKIResponse: a status for each part, and what the message asked to be repeated.

    Args:
        echoed: DER values of the message's controls, by object identifier.
        nonce: Our own.
        outcomes: At least one.
        at: Now, in epoch seconds.
    """
    controls = list(_controls(echoed, nonce, outcomes, at))
    return encode(
        rfc5272.PKIResponse(
            control_sequence=[
                rfc5272.TaggedAttribute(
                    body_part_id=number, attr_type=ObjectIdentifier(oid), attr_values=asn1.SetOf([tlv(value)])
                )
                for number, (oid, value) in enumerate(controls, 1)
            ],
            cms_sequence=[],
            other_msg_sequence=[],
        )
    )


def _controls(
    echoed: Mapping[str, bytes], nonce: bytes, outcomes: Sequence[Outcome], at: int
) -> Iterator[tuple[str, bytes]]:
    for outcome in outcomes:
        yield oids.CMC_STATUS_INFO_V2, encode(_status_info(outcome, at))
    for oid, value in echoed.items():
        yield (oids.CMC_RECIPIENT_NONCE if oid == oids.CMC_SENDER_NONCE else oid), value
    if oids.CMC_SENDER_NONCE in echoed:
        yield oids.CMC_SENDER_NONCE, encode(nonce)


def _status_info(outcome: Outcome, at: int) -> rfc5272.CMCStatusInfoV2:
    other: int | rfc5272.PendInfo | None = None
    if outcome.error is not None:
        other = int(fail_info(outcome.error))
    elif outcome.pending is not None:
        again = datetime.fromtimestamp(at + int(outcome.pending.retry_after.total_seconds()), UTC)
        token = outcome.pending.request_id.encode()
        other = rfc5272.PendInfo(pend_token=token, pend_time=asn1.GeneralizedTime(again))
    return rfc5272.CMCStatusInfoV2(
        cmc_status=int(outcome.status),
        body_list=[outcome.body_part_id],
        status_string=outcome.sentence,
        other_info=other,
    )
