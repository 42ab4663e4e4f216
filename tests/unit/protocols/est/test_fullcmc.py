"""Full CMC: signed messages in, a signed answer about each of their parts out."""

import base64
from dataclasses import replace

import pytest

from keyworks import oids
from keyworks.algorithms.public_key import PublicKey
from keyworks.authority.channel import ChannelPolicy
from keyworks.errors import BadSubjectKey
from keyworks.keys.software import SoftwareSigner
from keyworks.service.installation import Installation
from keyworks.service.stations import add_station
from keyworks.testing import ledger_entries, software_signer
from keyworks.x509.der import encode, sequence_of, wrap
from keyworks.x509.extensions import subject_key_identifier
from keyworks.x509.name import EMPTY_NAME
from keyworks.x509.request import encode_certification_request
from tests.unit.protocols.est.cmc.line import SUCCESS, Line, open_line, under_policy
from tests.unit.protocols.est.cmc.messages import (
    NONCE,
    TRANSACTION,
    by_key,
    control,
    crm,
    name,
    pki_data,
    response_of,
    revoke_request,
    tcr,
)
from tests.unit.x509.chains import private_key
from tests.unit.x509.crmf import Plan, crmf
from tests.unit.x509.requests import Plan as RequestPlan
from tests.unit.x509.requests import extension, extension_request, request


@pytest.fixture
async def line(supplier: Installation) -> Line:
    return await open_line(supplier)


async def test_each_request_of_a_message_gets_its_certificate(line: Line) -> None:
    """RFC 5272 §3.2.1.2 (PKCS#10 and CRMF), §4.2; RFC 7030 §4.3.2."""
    first, key = software_signer(), private_key("P-256", "crmf")
    requests = [
        tcr(1, await encode_certification_request(name("SN-1"), first)),
        crm(crmf(Plan(number=b"\x02", subject=name("SN-2").der), key)),
    ]
    response = await line.answered(pki_data(requests))
    assert response.parts == {1: SUCCESS, 2: SUCCESS}
    assert response.certificate_of(first).subject.values(oids.SERIAL_NUMBER) == ("SN-1",)
    issued = await ledger_entries(line.desk.store, "certificate.issued")
    assert [one["actor"] for one in issued[-2:]] == ["station:line-1", "station:line-1"]


async def test_the_answer_is_signed_by_the_server_and_brings_what_verifies_it(line: Line) -> None:
    """RFC 5272 §4.2: an authority's key signs certificates alone, as its certificate's keyUsage says."""
    response = await line.answered(
        pki_data([tcr(1, await encode_certification_request(name("SN-1"), software_signer()))])
    )
    own = await line.credential()
    assert response.signer.der == own.chain[0]
    assert response.signer.key_usage == frozenset({"digitalSignature"})
    authorities = set(await line.desk.enrollment.ca_certificates("idevid"))
    assert authorities | set(own.chain) < set(response.certificates)


async def test_transaction_and_nonce_come_back(line: Line) -> None:
    """RFC 5272 §6.4 (dataReturn), §6.6: the requester's nonce as recipientNonce, and one of the server's."""
    returned = wrap(4, b"state")
    controls = [
        control(11, oids.CMC_TRANSACTION_ID, TRANSACTION),
        control(12, oids.CMC_SENDER_NONCE, NONCE),
        control(13, oids.CMC_RECIPIENT_NONCE, NONCE),
        control(14, oids.CMC_DATA_RETURN, returned),
        control(15, oids.CMC_REG_INFO, wrap(4, b"anything")),
    ]
    der = await encode_certification_request(name("SN-1"), software_signer())
    answers = [dict((await line.answered(pki_data([tcr(1, der)], controls))).controls) for _ in range(2)]
    own = [one.pop(oids.CMC_SENDER_NONCE) for one in answers]
    assert answers[0] == {
        oids.CMC_TRANSACTION_ID: TRANSACTION,
        oids.CMC_RECIPIENT_NONCE: NONCE,
        oids.CMC_DATA_RETURN: returned,
    }
    assert len({*own, NONCE}) == 3
    assert {len(one) for one in own} == {18}


async def test_what_is_refused_of_several_requests_does_not_hold_up_the_others(line: Line) -> None:
    """RFC 7030 §4.3.2: an HTTP error only where nothing was done; each refusal is in the ledger."""
    good, unknown, weak = [software_signer() for _ in range(3)]
    stolen = await encode_certification_request(name("SN-2"), weak)
    requests = [
        tcr(1, await encode_certification_request(name("SN-1"), good)),
        tcr(2, await encode_certification_request(name("SN-404"), unknown)),
        tcr(3, stolen[:-4] + bytes(4)),
    ]
    reply = await line.ask(await line.signed(pki_data(requests)))
    response = response_of(reply.body)
    assert reply.status == 200
    assert [(one.status, one.fail_info) for one in response.parts.values()] == [
        ("success", None),
        ("failed", "badRequest"),
        ("failed", "popFailed"),
    ]
    assert "SN-404" in response.parts[2].sentence
    assert response.parts[2].sentence in reply.notice
    refused = await ledger_entries(line.desk.store, "certificate.refused")
    assert [one["result"] for one in refused] == ["NotAuthorized", "BadProofOfPossession"]


async def test_the_log_knows_why_a_part_failed_though_others_did_not(line: Line) -> None:
    off_the_curve = software_signer().public_key.spki[:-8] + bytes(8)
    requests = [
        tcr(1, await encode_certification_request(name("SN-1"), software_signer())),
        tcr(2, request(RequestPlan(public_key=off_the_curve))),
    ]
    reply = await line.ask(await line.signed(pki_data(requests)))
    with pytest.raises(BadSubjectKey) as caught:
        PublicKey.parse(off_the_curve)
    assert reply.status == 200
    assert caught.value.private
    assert caught.value.private in reply.notice
    assert caught.value.private not in response_of(reply.body).parts[2].sentence


async def test_where_nothing_is_done_http_says_so_too(line: Line) -> None:
    """RFC 7030 §4.3.2: a 4xx status, with the CMC response in it."""
    der = await encode_certification_request(name("SN-404"), software_signer())
    response = await line.answered(pki_data([tcr(1, der)]), status=403)
    assert response.parts[1].fail_info == "badRequest"


async def test_a_repeated_message_gets_the_same_certificate(line: Line) -> None:
    signer = software_signer()
    body = await line.signed(pki_data([tcr(1, await encode_certification_request(name("SN-1"), signer))]))
    first, second = [response_of((await line.ask(body)).body).certificate_of(signer) for _ in range(2)]
    assert first.der == second.der


async def test_a_certificate_that_takes_the_place_of_another_says_which(line: Line) -> None:
    first, second = software_signer(), software_signer()
    for signer in (first, second):
        der = await encode_certification_request(name("SN-1"), signer)
        response = await line.answered(pki_data([tcr(1, der)]))
    assert response.parts[1].sentence.startswith("It supersedes ")


@pytest.mark.parametrize("identifier", ["by SHA-1", "by SHA-256", "as asked"])
async def test_a_new_key_signs_where_there_is_no_certificate_yet(line: Line, identifier: str) -> None:
    """RFC 7030 §4.3; RFC 5272 §4.2: the signer is named by its key; HTTP Basic says who it is."""
    new = await add_station(line.installation, "line-2", ["idevid"])
    key = software_signer()
    der = await encode_certification_request(EMPTY_NAME, key)
    named = {"by SHA-1": None, "by SHA-256": key.public_key.key_identifier, "as asked": b"a name of its own"}
    if identifier == "as asked":
        der = await with_identifier(key, b"a name of its own")
    body = await by_key(pki_data([tcr(1, der)]), key, named[identifier])
    credentials = base64.b64encode(f"line-2:{new.secret}".encode()).decode()
    request = line.request(body, new.enrolls_at)
    request = replace(
        request, presented=None, headers={**request.headers, "authorization": f"Basic {credentials}"}
    )
    response = response_of((await line.est.respond(request)).body)
    assert response.parts == {1: SUCCESS}
    assert response.certificate_of(key).subject.values(oids.COMMON_NAME) == ("line-2",)


async def with_identifier(key: SoftwareSigner, identifier: bytes) -> bytes:
    """Return a request that asks for a subjectKeyIdentifier of the requester's own choice."""
    wanted = extension_request(extension(14, subject_key_identifier(identifier).value))
    info = sequence_of([encode(0), EMPTY_NAME.der, key.public_key.spki, wrap(0xA0, wanted)])
    return sequence_of([info, key.algorithm.identifier, wrap(3, b"\0" + await key.sign(info))])


async def test_a_certificate_s_holder_renews_it_with_a_message_that_it_signs(line: Line) -> None:
    """RFC 7030 §4.2.2: same names, same channel; the former one stays valid until its end."""
    key, label = software_signer(), "stations"
    der = await encode_certification_request(line.station.certificate.subject, key)
    response = await line.answered(pki_data([tcr(1, der)]), label)
    assert response.parts == {1: SUCCESS}
    assert response.certificate_of(key).subject == line.station.certificate.subject
    assert (await line.record(line.station.certificate)).state == "valid"
    again = await line.answered(pki_data([tcr(1, der)]), label)
    assert again.certificate_of(key).serial_number != response.certificate_of(key).serial_number


async def test_a_message_asks_for_a_successor_and_gives_up_the_former(line: Line) -> None:
    """RFC 5272 §6.11; requests come before revocations, which end what the message is signed with."""
    key, former = software_signer(), line.station.certificate
    der = await encode_certification_request(former.subject, key)
    content = pki_data([tcr(2, der)], [revoke_request(1, former, reason=4)])
    response = await line.answered(content, "stations")
    assert response.parts == {2: SUCCESS, 1: SUCCESS}
    record = await line.record(former)
    assert (record.state, record.revocation_reason) == ("revoked", "superseded")
    [entry] = await ledger_entries(line.desk.store, "certificate.revoked")
    assert (entry["actor"], entry["object"]) == ("station:line-1", "station:line-1")
    assert (await line.ask(await line.signed(content), "stations")).status == 401


async def test_a_request_that_waits_for_approval_says_when_to_repeat_it(line: Line) -> None:
    """RFC 5272 §6.1.1 (pendInfo); RFC 7030 §4.2.3 (202 with Retry-After)."""
    under_policy(line).policy = ChannelPolicy(approvals=1)
    der = await encode_certification_request(name("SN-1"), software_signer())
    reply = await line.ask(await line.signed(pki_data([tcr(1, der)])))
    assert (reply.status, dict(reply.headers)["Retry-After"]) == (202, "60")
    [part] = response_of(reply.body).parts.values()
    assert (part.status, part.pending) == ("pending", True)
    assert "waits for approval" in part.sentence
