"""Keys that the server makes: certified, sent once, for the requester alone."""

import asyncio
import base64
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from keyworks import oids
from keyworks.authority.channel import Binding
from keyworks.cms.signing import content_info_of
from keyworks.errors import IntegrityFailure
from keyworks.keys.software import public_key_of
from keyworks.protocols.est.endpoint import EST
from keyworks.protocols.exchange import Request
from keyworks.service.authorities import find_generation, root_of
from keyworks.service.installation import Installation
from keyworks.testing import (
    SOURCE,
    EnrollmentDesk,
    ledger_entries,
    move,
    presented_chain,
    software_signer,
)
from keyworks.x509.certificate import pem_of
from keyworks.x509.der import values_of
from keyworks.x509.name import EMPTY_NAME
from keyworks.x509.request import encode_certification_request
from tests.unit.protocols.est.damage import damaged_authority_keys
from tests.unit.protocols.est.keygen_desk import (
    MAKER,
    PLAIN,
    Desk,
    by_secret,
    certificate_in,
    device,
    encrypted_for,
    key_in,
    open_desk,
    parts_of,
    path,
    unregistered,
)
from tests.unit.x509.chains import NOON, Made, Plan, made, private_key
from tests.unit.x509.requests import Plan as RequestPlan
from tests.unit.x509.requests import request, spki_of


@pytest.fixture
async def desk(operator: Installation) -> AsyncIterator[Desk]:
    async with open_desk(operator) as opened:
        yield opened


@pytest.mark.parametrize("key_type", ["P-256", "P-384", "Ed25519", "ML-DSA-44", "rsa-2048"])
async def test_key_and_certificate_come_together(desk: Desk, key_type: str) -> None:
    """RFC 7030 §4.4.2: multipart/mixed of application/pkcs8 and certs-only."""
    desk.serve(server_keys=key_type)
    own = device()
    key, certificate = parts_of(await desk.ask(presented=presented_chain(own.der)))
    assert key[0] == "application/pkcs8"
    issued = certificate_in(certificate).public_key
    assert public_key_of(key_in(key[1])).spki == issued.spki
    assert issued.key_type == key_type
    assert issued.spki not in (own.parsed.public_key.spki, spki_of(private_key("P-256", "request")))


async def test_the_key_is_in_no_log_and_no_text_of_the_reply(desk: Desk) -> None:
    reply = await desk.ask(presented=presented_chain(device().der))
    key = parts_of(reply)[0][1]
    assert base64.b64encode(key)[:40].decode() not in repr(reply)
    assert dict(reply.headers)["Cache-Control"] == "no-store"


async def test_a_repeated_request_gets_another_key_and_the_former_certificate_is_superseded(desk: Desk) -> None:
    presented = presented_chain(device().der)
    first, second = [parts_of(await desk.ask(presented=presented)) for _ in range(2)]
    assert first[0][1] != second[0][1]
    [revoked] = await ledger_entries(desk.installation.store, "certificate.revoked")
    assert revoked["detail"]["reason"] == "superseded"
    third = await desk.ask(presented=presented)
    assert dict(third.headers)["Keyworks-Superseded"] == f"{certificate_in(second[1]).serial_number:x}"


async def test_the_request_s_own_signature_is_not_looked_at(desk: Desk) -> None:
    """RFC 7030 §4.4.1: public key and signature are ignored."""
    reply = await desk.ask(PLAIN[:-8] + bytes(8), presented_chain(device().der))
    assert reply.status == 200


async def opened(desk: Desk, folder: Path, own: Made, part: tuple[str, bytes]) -> bytes:
    """Return the key inside, decrypted and its signature verified by OpenSSL alone."""
    assert part[0] == 'application/pkcs7-mime; smime-type="server-generated-key"'
    root = root_of(await find_generation(desk.installation, "issuing"))
    files = {"own.pem": own.pem, "own.key": private_octets(own.key), "root.pem": pem_of(root.der).encode()}
    for name, octets in files.items():
        (folder / name).write_bytes(octets)
    signed = openssl(folder, "-decrypt", "-recip", "own.pem", "-inkey", "own.key", data=part[1])
    message = content_info_of(oids.CMS_SIGNED_DATA, signed)
    options = ("-CAfile", "root.pem", "-purpose", "any", "-attime", str(NOON))
    [key] = values_of(openssl(folder, "-verify", *options, data=message), "AsymmetricKeyPackage")
    return key


def openssl(folder: Path, *words: str, data: bytes) -> bytes:
    command = ["openssl", "cms", *words, "-inform", "DER", "-binary"]
    run = subprocess.run(command, input=data, capture_output=True, check=False, cwd=folder)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


def private_octets(key: object) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(
    ("key_type", "usages"),
    [
        ("rsa-2048", ("digital_signature", "key_encipherment")),
        ("P-256", ("digital_signature", "key_agreement")),
        ("P-384", ()),
    ],
)
async def test_the_key_is_encrypted_for_the_client_certificate_where_the_request_names_it(
    desk: Desk, tmp_path: Path, key_type: str, usages: tuple[str, ...]
) -> None:
    """RFC 7030 §4.4.2: EnvelopedData around SignedData around AsymmetricKeyPackage (RFC 5958 §2)."""
    own = device(key_type, *usages)
    enveloped, certificate = parts_of(await desk.ask(encrypted_for(own), presented_chain(own.der)))
    key = key_in(await opened(desk, tmp_path, own, enveloped))
    assert public_key_of(key).spki == certificate_in(certificate).public_key.spki


async def test_a_key_that_cannot_be_sent_is_not_certified(desk: Desk) -> None:
    """Else the new certificate would revoke the one in use, and nobody would have its key."""
    own = device("rsa-2048")
    asked = encrypted_for(own), presented_chain(own.der)
    issued = [certificate_in(parts_of(await desk.ask(*asked))[1])]
    desk.signs = False
    reply = await desk.ask(*asked)
    assert (reply.status, b"no valid certificate to sign with" in reply.body) == (500, True)
    assert await ledger_entries(desk.installation.store, "certificate.revoked") == []
    entered = await ledger_entries(desk.installation.store, "certificate.issued")
    serial_numbers = [one["detail"]["serial_number"] for one in entered]
    assert serial_numbers[-1:] == [f"{one.serial_number:x}" for one in issued]


@pytest.mark.parametrize(
    ("policy", "secure", "status", "sentence"),
    [
        ({"server_keys": None}, True, 403, "the server makes no keys"),
        ({"approvals": 1}, True, 403, "issues after approval"),
        ({}, False, 403, "over TLS only"),
        ({"server_keys": "rsa-1024"}, True, 500, "no key type"),
    ],
)
async def test_where_no_key_is_made_that_is_said_and_entered(
    desk: Desk, policy: dict[str, object], secure: bool, status: int, sentence: str
) -> None:
    desk.serve(**policy)
    reply = await desk.ask(presented=presented_chain(device().der), secure=secure)
    assert (reply.status, sentence in reply.body.decode()) == (status, True)
    refused = await ledger_entries(desk.installation.store, "certificate.refused")
    assert [one["result"] for one in refused] == (["NotAuthorized"] if status == 403 else [])


async def test_a_one_time_secret_serves_for_one_key(desk: Desk) -> None:
    """It is spent by the first key; as no key is kept, even the same request cannot be answered again."""
    asked = await by_secret(desk)
    first = await desk.est.respond(asked)
    assert certificate_in(parts_of(first)[1]).subject.text.startswith("CN=line-1")
    again = await desk.est.respond(asked)
    assert (again.status, b"used for another key" in again.body) == (403, True)
    assert len(desk.maker.made) == 1


async def test_a_one_time_secret_outlives_a_failure_that_released_nothing(desk: Desk) -> None:
    """The client never got the key that was made then, so it must be able to ask again."""
    asked = await by_secret(desk)
    async with damaged_authority_keys(desk.installation.store):
        with pytest.raises(IntegrityFailure):
            await desk.est.respond(asked)
    assert (await desk.est.respond(asked)).status == 200
    assert (await desk.est.respond(asked)).status == 403
    issued = await ledger_entries(desk.installation.store, "certificate.issued")
    assert [one["object"] for one in issued].count("station:line-1") == 1


async def test_of_two_requests_with_one_secret_one_gets_a_certificate(desk: Desk) -> None:
    """Both are looked at before either is recorded; the transaction decides."""
    asked = await by_secret(desk)
    replies = await asyncio.gather(*(desk.est.respond(asked) for _ in range(2)))
    assert sorted(one.status for one in replies) == [200, 403]


async def test_a_secret_that_a_client_used_with_its_own_key_gets_no_other_one(desk: Desk) -> None:
    asked = await by_secret(desk)
    own = software_signer()
    body = base64.b64encode(await encode_certification_request(EMPTY_NAME, own))
    enrolled = replace(asked, path=asked.path.replace("serverkeygen", "simpleenroll"), body=body)
    assert (await desk.est.respond(enrolled)).status == 200
    assert (await desk.est.respond(asked)).status == 403
    assert (await desk.est.respond(enrolled)).status == 200


async def test_a_server_without_a_pool_knows_no_such_operation(operator: Installation) -> None:
    est = EST(EnrollmentDesk(operator).enrollment)
    assert (await est.respond(Request("POST", path(), {}, b"", SOURCE))).status == 404


@pytest.mark.parametrize(
    ("der", "status", "sentence"),
    [
        (b"\x30\x00", 400, "not a PKCS#10"),
        (encrypted_for(device("rsa-2048")), 400, "not known here"),
        (request(RequestPlan()), 400, "asks for"),
    ],
)
async def test_what_cannot_be_answered_gets_no_key(desk: Desk, der: bytes, status: int, sentence: str) -> None:
    reply = await desk.ask(der, presented_chain(device().der))
    assert (reply.status, sentence in reply.body.decode()) == (status, True)
    assert desk.maker.made == []


@pytest.mark.parametrize(
    ("policy", "own", "der", "status"),
    [
        pytest.param({}, device(), request(RequestPlan()), 400, id="another name"),
        pytest.param({}, made("stranger", Plan(None, usages=None), MAKER), PLAIN, 401, id="nobody known"),
        pytest.param({}, unregistered(), PLAIN, 403, id="not in the inventory"),
        pytest.param({"channel_binding": Binding.REQUIRED}, device(), PLAIN, 400, id="not bound"),
    ],
)
async def test_whoever_is_refused_costs_no_key(
    desk: Desk, policy: dict[str, object], own: Made, der: bytes, status: int
) -> None:
    """Keys are made ahead of need, a few at a time; refused requests must not use them up."""
    desk.serve(**policy)
    reply = await desk.ask(der, presented_chain(own.der))
    assert reply.status == status
    assert desk.maker.made == []


async def test_a_key_that_cannot_be_signed_for_sending_is_not_made(desk: Desk) -> None:
    own = device("rsa-2048")
    desk.signs = False
    assert (await desk.ask(encrypted_for(own), presented_chain(own.der))).status == 500
    assert desk.maker.made == []


async def test_a_device_that_is_retired_while_its_key_is_made_gets_none(desk: Desk) -> None:
    """Making one may take its time; what was decided before is decided again."""
    desk.serve(server_keys="rsa-2048")
    desk.maker.goes_on.clear()
    asking = asyncio.create_task(desk.ask(presented=presented_chain(device().der)))
    await asyncio.to_thread(desk.maker.begun.wait, 30)
    await move(desk.installation, "SN-1", "retire")
    desk.maker.goes_on.set()
    reply = await asking
    assert (reply.status, b"retired" in reply.body) == (403, True)
    issued = certificate_in(parts_of(await desk.est.respond(await by_secret(desk)))[1]).public_key
    assert issued.spki == public_key_of(desk.maker.keys[0]).spki


@pytest.mark.parametrize("policy", [{"approvals": 1}, {"server_keys": None}, {"server_keys": "P-384"}])
async def test_a_channel_that_is_changed_while_a_key_is_made_issues_nothing_by_what_it_was(
    desk: Desk, policy: dict[str, object]
) -> None:
    """Nor does the request wait for approval: the key would be gone by then."""
    desk.serve(server_keys="rsa-2048")
    desk.maker.goes_on.clear()
    asking = asyncio.create_task(desk.ask(presented=presented_chain(device().der)))
    await asyncio.to_thread(desk.maker.begun.wait, 30)
    issued = await ledger_entries(desk.installation.store, "certificate.issued")
    desk.serve(**policy)
    desk.maker.goes_on.set()
    reply = await asking
    assert (reply.status, b"is being changed" in reply.body) == (503, True)
    assert await ledger_entries(desk.installation.store, "certificate.issued") == issued
    assert await ledger_entries(desk.installation.store, "request.pending") == []


async def test_a_key_that_may_have_been_certified_is_not_used_again(desk: Desk) -> None:
    """Where recording failed, nobody knows how far it came."""
    desk.serve(server_keys="rsa-2048")
    asked = await by_secret(desk)
    async with damaged_authority_keys(desk.installation.store):
        with pytest.raises(IntegrityFailure):
            await desk.est.respond(asked)
    issued = certificate_in(parts_of(await desk.est.respond(asked))[1]).public_key
    assert issued.spki != public_key_of(desk.maker.keys[0]).spki


async def test_a_certificate_that_only_signs_is_not_encrypted_for(desk: Desk) -> None:
    """RFC 7030 §4.4.1.2; nothing is issued."""
    own = device("P-521", "digital_signature")
    reply = await desk.ask(encrypted_for(own), presented_chain(own.der))
    assert (reply.status, b"does not allow keyAgreement" in reply.body) == (403, True)
    assert await ledger_entries(desk.installation.store, "certificate.revoked") == []


async def test_for_a_stranger_no_key_is_made(desk: Desk) -> None:
    """RFC 7030 §4.4.1: authenticated as for an enrollment."""
    desk.serve(server_keys="rsa-2048")
    reply = await desk.ask()
    assert reply.status == 401
    assert repr(desk.pool) == "KeyPool({})"


@pytest.mark.parametrize(("method", "media_type", "status"), [("GET", "", 405), ("POST", "text/plain", 415)])
async def test_another_method_or_media_type_is_refused(
    desk: Desk, method: str, media_type: str, status: int
) -> None:
    reply = await desk.est.respond(Request(method, path(), {"content-type": media_type}, b"", SOURCE))
    assert reply.status == status


async def test_requests_at_the_same_time_get_each_its_own_key(desk: Desk) -> None:
    desk.serve(server_keys="rsa-2048")
    presented = presented_chain(device().der)
    replies = await asyncio.gather(*(desk.ask(presented=presented) for _ in range(3)))
    assert len({parts_of(one)[0][1] for one in replies}) == 3
