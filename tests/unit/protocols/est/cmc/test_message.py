"""Full PKI Requests, read: each part by its number, and faults in it by theirs."""

import pytest

from keyworks import errors, oids
from keyworks.protocols.est.cmc.message import (
    MAX_CONTROLS,
    MAX_ECHO_OCTETS,
    MAX_REQUESTS,
    parse_message,
)
from keyworks.x509.der import encode, sequence_of, wrap
from tests.unit.protocols.est.cmc.messages import (
    NONCE,
    TRANSACTION,
    control,
    crm,
    pki_data,
    revoke_request,
    tcr,
)
from tests.unit.x509.chains import GOOD_LEAF, made
from tests.unit.x509.crmf import Plan, crmf
from tests.unit.x509.requests import SUBJECT, request

PKCS10 = request()
HELD = made("held", GOOD_LEAF).parsed


def test_requests_of_both_kinds_are_read_with_their_numbers() -> None:
    """RFC 5272 §3.2.1.2: a CRMF request's bodyPartID is its certReqId."""
    other = crmf(Plan(number=b"\x05"))
    message = parse_message(pki_data([tcr(4294967295, PKCS10), crm(other)]))
    assert [(one.body_part_id, one.der) for one in message.requests] == [(4294967295, PKCS10), (5, other)]
    assert [one.parse(b"").subject.der for one in message.requests] == [SUBJECT, SUBJECT]
    assert (message.echoed, message.revocations, message.faults) == ({}, (), ())


def test_a_request_that_cannot_be_read_says_why_when_its_turn_comes() -> None:
    """The others are not held up by it."""
    message = parse_message(pki_data([tcr(1, PKCS10[:-4] + bytes(4)), tcr(2, b"\x30\x00"), tcr(3, PKCS10)]))
    assert [type(one.error) for one in message.requests] == [
        errors.BadProofOfPossession,
        errors.MalformedRequest,
        type(None),
    ]
    for one in message.requests[:2]:
        with pytest.raises(errors.RequestError):
            one.parse(b"")


def test_a_revocation_request_is_read() -> None:
    """RFC 5272 §6.11; invalidityDate and comment say nothing to us."""
    more = wrap(0x18, b"20260921120000Z") + wrap(0x0C, b"lost")
    message = parse_message(pki_data([], [revoke_request(9, HELD, 1, more)]))
    [wanted] = message.revocations
    assert (wanted.body_part_id, wanted.issuer, wanted.serial_number, wanted.reason) == (
        9,
        HELD.issuer.der,
        HELD.serial_number,
        "keyCompromise",
    )


@pytest.mark.parametrize(
    ("reason", "word"),
    [(1, "keyCompromise"), (3, "affiliationChanged"), (4, "superseded"), (5, "cessationOfOperation")],
)
def test_a_holder_has_these_reasons(reason: int, word: str) -> None:
    [wanted] = parse_message(pki_data([], [revoke_request(9, HELD, reason)])).revocations
    assert wanted.reason == word


@pytest.mark.parametrize("reason", [0, 2, 6, 8, 9, 10, 255])
def test_a_holder_has_no_other_reason(reason: int) -> None:
    """A hold, another authority's compromise, or nothing said (RFC 5280 §5.3.1)."""
    assert fault(pki_data([], [revoke_request(9, HELD, reason)])).startswith(
        "A holder revokes its certificate for"
    )


def fault(
    content: bytes, cause: type[errors.KeyworksError] = errors.MalformedRequest, *, known: bool = True
) -> str:
    """Return the sentence of a message's one fault, part 9."""
    [found] = parse_message(content).faults
    assert (found.body_part_id, type(found.error), found.known) == (9, cause, known)
    return found.error.detail


def test_a_shared_secret_revokes_nothing() -> None:
    """RFC 5272 §6.11: for who has lost its key; here an operator revokes then."""
    content = pki_data([], [revoke_request(9, HELD, more=wrap(4, b"secret"))])
    sentence = fault(content, errors.AuthenticationFailed)
    assert "secret here" in sentence
    assert parse_message(content).revocations == ()


@pytest.mark.parametrize("value", [b"\x05\x00", sequence_of([HELD.issuer.der, encode(5)])])
def test_a_revocation_request_that_is_none_is_a_fault(value: bytes) -> None:
    assert "malformed" in fault(pki_data([], [control(9, oids.CMC_REVOKE_REQUEST, value)]))
    assert "malformed" in fault(pki_data([], [control(9, oids.CMC_REVOKE_REQUEST)]))


@pytest.mark.parametrize(
    ("oid", "cause"),
    [
        (oids.CMC_IDENTIFICATION, errors.AuthenticationFailed),
        (oids.CMC_IDENTITY_PROOF, errors.AuthenticationFailed),
        (oids.CMC_IDENTITY_PROOF_V2, errors.AuthenticationFailed),
        (oids.CMC_POP_LINK_RANDOM, errors.BadProofOfPossession),
        (oids.CMC_POP_LINK_WITNESS, errors.BadProofOfPossession),
        (oids.CMC_POP_LINK_WITNESS_V2, errors.BadProofOfPossession),
        (oids.CMC_LRA_POP_WITNESS, errors.BadProofOfPossession),
        (oids.CMC_QUERY_PENDING, errors.MalformedRequest),
        (oids.CMC_STATUS_INFO_V2, errors.MalformedRequest),
        ("1.3.6.1.5.5.7.7.8", errors.MalformedRequest),
        ("1.2.3.4", errors.MalformedRequest),
    ],
)
def test_a_control_that_is_not_understood_is_a_fault(oid: str, cause: type[errors.KeyworksError]) -> None:
    """RFC 5272 §6: none may be overlooked."""
    content = pki_data([tcr(1, PKCS10)], [control(9, oid, wrap(4, b"x"))])
    assert fault(content, cause, known=False).endswith(".")


def test_what_the_response_repeats_is_kept_as_it_came() -> None:
    """RFC 5272 §6.4, §6.6."""
    controls = [
        control(1, oids.CMC_TRANSACTION_ID, TRANSACTION),
        control(2, oids.CMC_SENDER_NONCE, NONCE),
        control(3, oids.CMC_REG_INFO, b"\x05\x00"),
    ]
    message = parse_message(pki_data([tcr(4, PKCS10)], controls))
    assert message.echoed == {oids.CMC_TRANSACTION_ID: TRANSACTION, oids.CMC_SENDER_NONCE: NONCE}
    assert message.faults == ()


@pytest.mark.parametrize(
    "controls",
    [
        [control(9, oids.CMC_SENDER_NONCE)],
        [control(9, oids.CMC_SENDER_NONCE, NONCE, wrap(4, b"another"))],
        [control(9, oids.CMC_SENDER_NONCE, TRANSACTION)],
        [control(9, oids.CMC_TRANSACTION_ID, NONCE)],
        [control(9, oids.CMC_DATA_RETURN, wrap(4, bytes(MAX_ECHO_OCTETS)))],
        [control(8, oids.CMC_SENDER_NONCE, NONCE), control(9, oids.CMC_SENDER_NONCE, NONCE)],
    ],
    ids=["no value", "two values", "a number", "octets", "too long", "twice"],
)
def test_what_the_response_repeats_is_there_once_and_short(controls: list[bytes]) -> None:
    assert "once at most" in fault(pki_data([tcr(1, PKCS10)], controls))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not PKIData"),
        (PKCS10, "not PKIData"),
        (pki_data([tcr(1, PKCS10)])[:-1], "not PKIData"),
        (pki_data(), "asks for nothing"),
        (pki_data([], [control(1, oids.CMC_SENDER_NONCE, NONCE)]), "asks for nothing"),
        (pki_data([tcr(0, PKCS10)]), "a bodyPartID of its own"),
        (pki_data([tcr(1 << 32, PKCS10)]), "a bodyPartID of its own"),
        (pki_data([tcr(-1, PKCS10)]), "a bodyPartID of its own"),
        (pki_data([crm(crmf(Plan(number=b"\x00")))]), "a bodyPartID of its own"),
        (pki_data([tcr(1, PKCS10), tcr(1, PKCS10)]), "a bodyPartID of its own"),
        (pki_data([tcr(1, PKCS10)], [control(1, oids.CMC_SENDER_NONCE, NONCE)]), "a bodyPartID of its own"),
        (pki_data([wrap(0xA2, encode(1))]), "neither PKCS#10 nor CRMF"),
        (pki_data([PKCS10]), "neither PKCS#10 nor CRMF"),
        (pki_data([wrap(0xA0, encode(1))]), "malformed"),
        (pki_data([b"\xa1\x00"]), "not a CRMF CertReqMsg"),
        (pki_data([tcr(1, PKCS10)], cms=sequence_of([b"\x05\x00"])), "Messages inside the message"),
        (pki_data([tcr(1, PKCS10)], other=sequence_of([b"\x05\x00"])), "Messages inside the message"),
    ],
)
def test_what_cannot_be_answered_part_by_part_is_refused_whole(content: bytes, sentence: str) -> None:
    """RFC 5272 §3.2.1."""
    with pytest.raises(errors.MalformedRequest, match=sentence):
        parse_message(content)


def test_numbers_are_bounded() -> None:
    requests = [tcr(number, b"\x30\x00") for number in range(1, MAX_REQUESTS + 2)]
    assert len(parse_message(pki_data(requests[:-1])).requests) == MAX_REQUESTS
    with pytest.raises(errors.MalformedRequest, match="has 17 requests; at most 16"):
        parse_message(pki_data(requests))
    controls = [control(number, oids.CMC_REG_INFO, b"\x05\x00") for number in range(1, MAX_CONTROLS + 2)]
    assert parse_message(pki_data([tcr(99, PKCS10)], controls[:-1])).faults == ()
    with pytest.raises(errors.MalformedRequest, match="has 33 controls; at most 32"):
        parse_message(pki_data([tcr(99, PKCS10)], controls))
