"""What became of each part, and the response that says so: as pyasn1 reads it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from pyasn1.codec.der import decoder
from pyasn1_alt_modules import rfc6402

from keyworks import errors, oids
from keyworks.authority.issue import Issued
from keyworks.authority.pending import Pending
from keyworks.protocols.est.cmc.status import (
    FAIL_INFO,
    WHOLE,
    CMCFailInfo,
    CMCStatus,
    Outcome,
    encode_response,
    fail_info,
)
from keyworks.testing import NOON
from tests.unit.protocols.est.cmc.messages import NONCE, TRANSACTION


def leaves(cause: type[errors.KeyworksError]) -> Iterator[type[errors.KeyworksError]]:
    """Return every cause below one, itself included where it can be raised."""
    yield cause
    for below in cause.__subclasses__():
        yield from leaves(below)


ALL = [one for one in leaves(errors.KeyworksError) if one not in (errors.KeyworksError, errors.RequestError)]


@pytest.mark.parametrize("cause", ALL)
def test_every_cause_has_its_fail_info(cause: type[errors.KeyworksError]) -> None:
    """RFC 5272 §6.1.4; a cause added to the tree has its parent's, and a new branch fails here."""
    said = fail_info(cause("It is so."))
    assert said is next(FAIL_INFO[above] for above in cause.__mro__ if above in FAIL_INFO)
    request, ours = (
        issubclass(cause, errors.RequestError),
        {CMCFailInfo.INTERNAL_CA_ERROR, CMCFailInfo.TRY_LATER},
    )
    assert not (request and said in ours)


def test_the_numbers_are_the_rfc_s() -> None:
    """RFC 5272 §6.1.3, §6.1.4."""
    theirs = {int(number): name for name, number in rfc6402.CMCFailInfo.namedValues.items()}
    names = {one: theirs[one].replace("-", "").lower() for one in CMCFailInfo}
    assert names == {one: one.name.replace("_", "").lower() for one in CMCFailInfo}
    states = {int(number): name for name, number in rfc6402.CMCStatus.namedValues.items()}
    assert {states[one].lower() for one in CMCStatus} == {
        one.name.replace("_", "").lower() for one in CMCStatus
    }


ISSUED = Issued("id", b"der", (), repeated=False)
SUPERSEDING = Issued("id", b"der", (), repeated=False, superseded=("1a", "1b"))


@pytest.mark.parametrize(
    ("outcome", "status", "sentence"),
    [
        (Outcome(1, issued=ISSUED), CMCStatus.SUCCESS, None),
        (Outcome(1, issued=SUPERSEDING), CMCStatus.SUCCESS, "It supersedes 1a, 1b, revoked now."),
        (Outcome(1), CMCStatus.SUCCESS, None),
        (Outcome(1, error=errors.RejectedName("No.")), CMCStatus.FAILED, "No."),
        (Outcome(1, error=errors.MalformedRequest("No."), known=False), CMCStatus.NO_SUPPORT, "No."),
    ],
)
def test_each_outcome_has_a_status_and_a_sentence(
    outcome: Outcome, status: CMCStatus, sentence: str | None
) -> None:
    """RFC 5272 §6.1."""
    assert (outcome.status, outcome.sentence) == (status, sentence)


def controls_of(der: bytes) -> list[tuple[int, str, bytes]]:
    read, rest = decoder.decode(der, asn1Spec=rfc6402.PKIResponse())
    assert rest == b""
    return [
        (int(one["bodyPartID"]), str(one["attrType"]), bytes(one["attrValues"][0]))
        for one in read["controlSequence"]
    ]


def test_a_response_has_a_status_for_each_part_and_repeats_what_was_asked() -> None:
    """RFC 5272 §3.2.2, §6.6; its own controls are numbered anew."""
    echoed = {oids.CMC_SENDER_NONCE: NONCE, oids.CMC_TRANSACTION_ID: TRANSACTION}
    outcomes = [Outcome(WHOLE, error=errors.RejectedName("No.")), Outcome(7, issued=ISSUED)]
    found = controls_of(encode_response(echoed, b"ours", outcomes, NOON))
    assert [number for number, *_ in found] == [1, 2, 3, 4, 5]
    assert [(oid, value) for _, oid, value in found[2:]] == [
        (oids.CMC_RECIPIENT_NONCE, NONCE),
        (oids.CMC_TRANSACTION_ID, TRANSACTION),
        (oids.CMC_SENDER_NONCE, b"\x04\x04ours"),
    ]
    parts = [
        decoder.decode(value, asn1Spec=rfc6402.CMCStatusInfoV2())[0]["bodyList"] for _, _, value in found[:2]
    ]
    assert [[int(one["bodyPartID"]) for one in part] for part in parts] == [[0], [7]]


def test_without_a_nonce_none_is_sent() -> None:
    assert len(controls_of(encode_response({}, b"ours", [Outcome(1)], NOON))) == 1


def test_what_waits_says_until_when() -> None:
    """RFC 5272 §6.1.1: PendInfo."""
    pending = Pending("request-1", timedelta(minutes=5))
    [(_, _, value)] = controls_of(encode_response({}, b"", [Outcome(1, pending=pending)], NOON))
    read, _ = decoder.decode(value, asn1Spec=rfc6402.CMCStatusInfoV2())
    info = read["otherInfo"]["pendInfo"]
    assert bytes(info["pendToken"]) == b"request-1"
    assert str(info["pendTime"]) == "20260921141820Z"
    assert "request-1" in str(read["statusString"])
