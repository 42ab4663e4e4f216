"""Full CMC refuses: signatures and certificates of others, what is not understood; and says so, signed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyworks import oids
from keyworks.keys.software import signer_of
from keyworks.protocols.est.endpoint import EST
from keyworks.protocols.est.fullcmc import RESPONSE
from keyworks.service.installation import Installation
from keyworks.testing import FixedClock, Holder, ledger_entries, refuse_inserts, software_signer
from keyworks.x509.der import wrap
from keyworks.x509.request import encode_certification_request
from tests.unit.protocols.est.cmc.line import Line, open_line
from tests.unit.protocols.est.cmc.messages import (
    NONCE,
    Response,
    by_certificate,
    by_key,
    control,
    name,
    pki_data,
    response_of,
    revoke_request,
    tcr,
)
from tests.unit.x509.chains import GOOD_LEAF, made


@pytest.fixture
async def line(supplier: Installation) -> Line:
    return await open_line(supplier)


async def a_request(number: int = 1, serial_number: str = "SN-1") -> bytes:
    return tcr(number, await encode_certification_request(name(serial_number), software_signer()))


async def refused(line: Line, body: bytes, status: int, fail_info: str, label: str = "idevid") -> str:
    """Check that the whole message is refused, entered once and counted never; return the sentence."""
    reply = await line.ask(body, label)
    assert (reply.status, reply.content_type) == (status, RESPONSE)
    [(number, part)] = response_of(reply.body).parts.items()
    assert (number, part.status, part.fail_info) == (0, "failed", fail_info)
    [entry] = await ledger_entries(line.desk.store, "certificate.refused")
    assert (entry["actor"], entry["detail"]["operation"]) == ("station:line-1", "fullcmc")
    assert entry["detail"]["reason"] == part.sentence
    assert line.desk.refusals.drain(line.installation.clock.now()) is None
    return part.sentence


async def test_a_stranger_gets_no_signature_of_ours(line: Line, clock: FixedClock) -> None:
    """RFC 7030 §3.2.3: who is not authenticated by TLS or HTTP Basic is counted, whoever signed the message."""
    body = await line.signed(pki_data([await a_request()]))
    reply = await line.est.respond(replace(line.request(body), presented=None))
    assert (reply.status, reply.content_type) == (401, "text/plain; charset=utf-8")
    entry = line.desk.refusals.drain(clock.now())
    assert entry is not None
    assert await ledger_entries(line.desk.store, "certificate.refused") == []


async def test_a_message_of_another_requester_is_refused(line: Line) -> None:
    """A signed message can be sent again by anybody who has seen it."""
    other = await line.desk.station("line-2", "idevid")
    body = await by_certificate(pki_data([await a_request()]), other.signer, other.issued.der)
    assert "signed by somebody else" in await refused(line, body, 403, "badRequest")


async def test_a_message_signed_with_another_certificate_of_the_same_requester_is_the_requester_s(
    line: Line,
) -> None:
    """The station renews the certificate that signed, not the one that opened the connection."""
    second = await line.desk.enroll(
        "stations", line.station.certificate.subject, by=line.station, signer=software_signer()
    )
    key = software_signer()
    der = await encode_certification_request(second.certificate.subject, key)
    body = await by_certificate(pki_data([tcr(1, der)]), second.signer, second.issued.der)
    reply = await line.ask(body, "stations")
    assert (reply.status, response_of(reply.body).parts[1].sentence) == (200, "")
    assert (await line.record(second.certificate)).state == "valid"


async def test_a_signer_whom_nobody_vouches_for_is_refused(line: Line) -> None:
    stranger = made("line-1", GOOD_LEAF, made("stranger's root"))
    body = await by_certificate(pki_data([await a_request()]), signer_of(stranger.key), stranger.der)
    sentence = await refused(line, body, 400, "badMessageCheck")
    assert sentence.startswith("The message's signer is not accepted: ")


async def test_a_signer_that_is_not_in_the_message_is_refused(line: Line) -> None:
    """RFC 5272 §4.2: neither a certificate in the message nor a key of one of its requests."""
    body = await by_key(pki_data([await a_request()]), software_signer())
    assert "The message's signer is not known" in await refused(line, body, 400, "badMessageCheck")


async def test_a_signature_that_does_not_verify_is_refused(line: Line) -> None:
    body = await line.signed(pki_data([await a_request()]))
    assert "does not verify" in await refused(line, body[:-4] + bytes(4), 400, "badMessageCheck")


async def test_a_new_key_s_signature_that_does_not_verify_is_refused(line: Line) -> None:
    key, thief = software_signer(), software_signer()
    content = pki_data([tcr(1, await encode_certification_request(name("SN-1"), key))])
    body = await by_key(content, thief, key.public_key.key_identifier)
    assert "does not verify" in await refused(line, body, 400, "badMessageCheck")


@pytest.mark.parametrize(
    ("content_type", "sentence"),
    [(oids.CMS_DATA, "its content is not PKIData"), (oids.CCT_PKI_RESPONSE, "its content is not PKIData")],
)
async def test_another_content_is_refused(line: Line, content_type: str, sentence: str) -> None:
    content = pki_data([await a_request()])
    body = await by_certificate(
        content, line.station.signer, line.station.issued.der, content_type=content_type
    )
    assert sentence in await refused(line, body, 400, "badRequest")


@pytest.mark.parametrize("body", [b"", b"AAAA", b"\x30\x80", bytes(70_000)])
async def test_what_is_no_message_is_refused_and_signed(line: Line, body: bytes) -> None:
    """RFC 7030 §4.3.1, §4.3.2."""
    await refused(line, body, 400, "badRequest")


async def test_a_message_that_cannot_be_taken_now_is_told_so_and_signed(line: Line, clock: FixedClock) -> None:
    """RFC 7030 §4.3.2: a CMC response with every CMC error; tryLater (RFC 5272 §6.1.4), with Retry-After."""
    await line.ask(await line.signed(pki_data([await a_request()])))
    clock.advance(timedelta(minutes=-2))  # nothing is recorded while the clock runs behind
    reply = await line.ask(b"\x30\x00")
    assert (reply.status, reply.content_type) == (503, RESPONSE)
    [(number, part)] = response_of(reply.body).parts.items()
    assert (number, part.status, part.fail_info) == (0, "failed", "tryLater")
    assert "Retry-After" in dict(reply.headers)


async def test_what_was_issued_is_told_though_a_later_part_cannot_be_entered(line: Line) -> None:
    """RFC 5272 §6.1.1: a status for each part; else the requester would not learn of its certificate."""
    await line.desk.store.write(refuse_inserts, "entry:certificate.refused")  # the disk is full, say, just then
    key = software_signer()
    request = tcr(1, await encode_certification_request(name("SN-1"), key))
    content = pki_data([request], [revoke_request(2, line.station.certificate)])
    response = response_of((await line.ask(await by_key(content, key))).body)
    assert {number: one.status for number, one in response.parts.items()} == {1: "success", 2: "failed"}
    assert response.parts[2].fail_info == "internalCAError"
    assert response.certificate_of(key).subject.values(oids.SERIAL_NUMBER) == ("SN-1",)


async def test_a_body_that_is_not_base64_is_refused_and_signed(line: Line) -> None:
    reply = await line.est.respond(replace(line.request(b""), body=b"!"))
    assert (reply.status, reply.content_type) == (400, RESPONSE)
    assert response_of(reply.body).parts[0].fail_info == "badRequest"


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/pkcs7-mime", 200),
        ('Application/PKCS7-MIME; name="a.p7m"; smime-type="CMC-Request"', 200),
        ("application/pkcs7-mime; smime-type=certs-only", 415),
        ("application/pkcs10", 415),
        ("", 415),
    ],
)
async def test_the_media_type_says_that_it_is_a_cmc_request(line: Line, content_type: str, status: int) -> None:
    """RFC 7030 §4.3.1; RFC 9110 §8.3.1."""
    request = line.request(await line.signed(pki_data([await a_request()])))
    reply = await line.est.respond(replace(request, headers={"content-type": content_type}))
    assert reply.status == status


async def test_it_is_posted_or_not_there_at_all(line: Line) -> None:
    request = line.request(await line.signed(pki_data([await a_request()])))
    assert (await line.est.respond(replace(request, method="GET"))).status == 405
    assert (await EST(line.desk.enrollment).respond(request)).status == 404
    assert (await line.est.respond(replace(request, path="/.well-known/est/nobody/fullcmc"))).status == 404


async def test_a_control_that_is_not_understood_stops_everything(line: Line) -> None:
    """RFC 5272 §6: its sender relied on it."""
    controls = [
        control(7, "1.3.6.1.5.5.7.7.8", wrap(4, b"addExtensions")),
        control(8, oids.CMC_SENDER_NONCE, NONCE),
    ]
    response = await line.answered(pki_data([await a_request(1)], controls), status=400)
    assert {number: (one.status, one.fail_info) for number, one in response.parts.items()} == {
        7: ("noSupport", "badRequest"),
        1: ("failed", "badRequest"),
    }
    assert "1.3.6.1.5.5.7.7.8 is not understood" in response.parts[7].sentence
    assert response.controls[oids.CMC_RECIPIENT_NONCE] == NONCE
    assert len(await ledger_entries(line.desk.store, "certificate.refused")) == 1
    assert await ledger_entries(line.desk.store, "certificate.revoked") == []


async def revocation_refused(
    line: Line, content: bytes, label: str, status: int, *, by: Holder | None = None
) -> Response:
    own = by or line.station
    body = await by_certificate(content, own.signer, own.issued.der)
    reply = await line.est.respond(replace(line.request(body, label), presented=own.presented))
    assert reply.status == status
    assert await ledger_entries(line.desk.store, "certificate.revoked") == []
    entry = (await ledger_entries(line.desk.store, "certificate.refused"))[-1]
    assert entry["detail"]["operation"] == "revoke"
    return response_of(reply.body)


async def test_nobody_revokes_a_certificate_of_somebody_else(line: Line) -> None:
    """A station enrolls devices; it does not end their identities, nor those of other stations."""
    device = await line.desk.enroll("idevid", name("SN-1"), by=line.station)
    other = await line.desk.station("line-2", "idevid")
    for held, label in ((device, "idevid"), (other, "stations")):
        content = pki_data([], [revoke_request(1, held.certificate)])
        response = await revocation_refused(line, content, label, 403)
        assert "its own holder" in response.parts[1].sentence
        assert (await line.record(held.certificate)).state == "valid"


async def test_a_certificate_is_revoked_on_the_channel_it_came_from(line: Line) -> None:
    content = pki_data([], [revoke_request(1, line.station.certificate)])
    response = await revocation_refused(line, content, "idevid", 403)
    assert "not issued through channel idevid" in response.parts[1].sentence


async def test_what_was_never_issued_is_not_revoked(line: Line) -> None:
    unknown = replace(line.station.certificate, serial_number=5)
    foreign = replace(line.station.certificate, issuer=name("x"))
    for certificate in (unknown, foreign):
        response = await revocation_refused(
            line, pki_data([], [revoke_request(1, certificate)]), "stations", 404
        )
        assert response.parts[1].fail_info == "badCertId"


async def test_a_revocation_is_signed_with_a_certificate(line: Line) -> None:
    """RFC 5272 §6.11: a key that has no certificate proves nothing about one that exists."""
    key = software_signer()
    der = await encode_certification_request(line.station.certificate.subject, key)
    content = pki_data([tcr(1, der)], [revoke_request(2, line.station.certificate)])
    reply = await line.ask(await by_key(content, key), "stations")
    parts = response_of(reply.body).parts
    assert (parts[1].status, parts[2].status) == ("success", "failed")
    assert "Sign a revokeRequest with a certificate" in parts[2].sentence
    assert (await line.record(line.station.certificate)).state == "valid"
    [entry] = await ledger_entries(line.desk.store, "certificate.refused")
    assert (entry["detail"]["operation"], entry["actor"]) == ("revoke", "station:line-1")


async def test_a_holder_revokes_its_own_certificate_once(line: Line) -> None:
    body = await line.signed(pki_data([], [revoke_request(1, line.station.certificate)]))
    reply = await line.ask(body, "stations")
    assert (reply.status, response_of(reply.body).parts[1].status) == (200, "success")
    record = await line.record(line.station.certificate)
    assert (record.state, record.revocation_reason) == ("revoked", "keyCompromise")
    assert (await line.ask(body, "stations")).status == 401
