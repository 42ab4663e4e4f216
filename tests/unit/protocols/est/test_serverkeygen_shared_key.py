"""Keys that the server makes, encrypted with a secret key that the requester shares with it."""

import base64
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from keyworks import oids
from keyworks.access.credential import PresentedChain
from keyworks.access.key_encryption_key import KeyEncryptionKey
from keyworks.access.principal import Kind
from keyworks.cms.signing import content_info_of
from keyworks.cms.verification import parse_signed_data
from keyworks.keys.software import public_key_of
from keyworks.protocols.exchange import Reply
from keyworks.service.installation import Installation
from keyworks.service.inventory import find_device
from keyworks.service.key_encryption_keys import add_key, remove_key
from keyworks.service.stations import add_station
from keyworks.testing import EnrollmentDesk, ledger_entries, presented_chain
from keyworks.x509.der import sequence_of, values_of, wrap
from keyworks.x509.name import EMPTY_NAME, Name
from tests.unit.cms.test_enveloped_data import decrypted_with
from tests.unit.protocols.est.keygen_desk import (
    Desk,
    by_secret,
    certificate_in,
    device,
    key_in,
    open_desk,
    parts_of,
    unregistered,
)
from tests.unit.x509.requests import Plan as RequestPlan
from tests.unit.x509.requests import attribute, request

DECRYPT_KEY_ID = wrap(6, bytes.fromhex("2a864886f70d0109100225"))
CAPABILITIES = wrap(6, bytes.fromhex("2a864886f70d01090f"))
AES_128_CBC = bytes.fromhex("0609608648016503040102")
PRESENTED = presented_chain(device().der)


@pytest.fixture
async def desk(operator: Installation) -> AsyncIterator[Desk]:
    async with open_desk(operator) as opened:
        yield opened


def wanting(identifier: bytes, *more: bytes, subject: Name = EMPTY_NAME) -> bytes:
    """Return a request whose key is to be encrypted with the secret key of this identifier."""
    named = attribute(DECRYPT_KEY_ID, wrap(4, identifier))
    return request(RequestPlan(subject=subject.der, attributes=(named, *more)))


async def share(desk: Desk, owner: str, identifier: bytes = b"key 1", length: int = 32) -> bytes:
    key = bytes(range(length))
    await add_key(desk.installation, KeyEncryptionKey(identifier, owner, key))
    return key


async def owner_of(desk: Desk, serial_number: str = "SN-1") -> str:
    return f"device:{(await find_device(desk.installation, serial_number)).id}"


def opened(enveloped: bytes, key: bytes, identifier: bytes = b"key 1") -> bytes:
    """Return the SignedData inside, as OpenSSL decrypts it."""
    run = decrypted_with(enveloped, key, identifier)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


@pytest.mark.parametrize("length", [16, 24, 32])
async def test_the_key_is_encrypted_with_the_secret_key_that_the_request_names(desk: Desk, length: int) -> None:
    """RFC 7030 §4.4.1.1, §4.4.2: EnvelopedData whose RecipientInfo is kekri, around SignedData."""
    key = await share(desk, await owner_of(desk), length=length)
    enveloped, certificate = parts_of(await desk.ask(wanting(b"key 1"), PRESENTED))
    assert enveloped[0] == 'application/pkcs7-mime; smime-type="server-generated-key"'
    message = content_info_of(oids.CMS_SIGNED_DATA, opened(enveloped[1], key))
    [private] = values_of(parse_signed_data(message).content, "AsymmetricKeyPackage")
    spki = certificate_in(certificate).public_key.spki
    assert public_key_of(key_in(private)).spki == spki


async def test_the_cipher_is_one_that_the_requester_knows(desk: Desk) -> None:
    """RFC 7030 §4.4.1: SMIMECapabilities."""
    key = await share(desk, await owner_of(desk))
    capable = attribute(CAPABILITIES, sequence_of([sequence_of([AES_128_CBC])]))
    enveloped, _ = parts_of(await desk.ask(wanting(b"key 1", capable), PRESENTED))
    assert AES_128_CBC in enveloped[1]
    opened(enveloped[1], key)


async def refusals(desk: Desk, asked: Sequence[tuple[bytes, PresentedChain]]) -> set[tuple[int, bytes]]:
    replies: list[Reply] = [await desk.ask(*one) for one in asked]
    return {(one.status, one.body) for one in replies}


async def test_a_key_that_is_another_s_is_refused_like_one_that_nobody_has(desk: Desk) -> None:
    """RFC 7030 §4.4.1.1: terminated with an error; and nobody learns which identifiers there are."""
    await add_station(desk.installation, "line-1", [])
    await share(desk, "device:another", b"another's")
    await share(desk, "station:line-1", b"a station's")
    named = (b"nobody's", b"another's", b"a station's", b"", b"k" * 2000)
    [(status, body)] = await refusals(desk, [(wanting(one), PRESENTED) for one in named])
    assert (status, b"names no secret key that this server shares" in body) == (400, True)
    assert desk.maker.made == []
    entries = await ledger_entries(desk.installation.store, "certificate.refused")
    assert {one["result"] for one in entries} == {"BadSubjectKey"}
    assert len(entries) == len(named)


async def test_who_may_not_ask_does_not_even_learn_whether_its_key_is_known(desk: Desk) -> None:
    await share(desk, "device:SN-2", b"known")
    asked = [(wanting(one), presented_chain(unregistered().der)) for one in (b"known", b"not known")]
    [(status, body)] = await refusals(desk, asked)
    assert (status, b"not in this inventory" in body) == (403, True)


async def test_a_key_that_was_removed_is_used_no_more(desk: Desk) -> None:
    owner = await owner_of(desk)
    await share(desk, owner)
    assert (await desk.ask(wanting(b"key 1"), PRESENTED)).status == 200
    await remove_key(desk.installation, owner, b"key 1")
    assert (await desk.ask(wanting(b"key 1"), PRESENTED)).status == 400


async def test_an_account_that_enrolls_with_its_secret_has_its_own_key_used(desk: Desk) -> None:
    """And a refusal leaves its one-time secret as it was."""
    asked = replace(await by_secret(desk), body=base64.b64encode(wanting(b"key 1")))
    assert (await desk.est.respond(asked)).status == 400
    key = await share(desk, f"{Kind.STATION}:line-1")
    enveloped, _ = parts_of(await desk.est.respond(asked))
    opened(enveloped[1], key)


async def test_a_station_that_asks_for_a_device_has_its_own_key_used(supplier: Installation) -> None:
    """The requester is who is authenticated: it brings what it gets to the device."""
    async with open_desk(supplier) as desk:
        station = await EnrollmentDesk(supplier).station("line-1", "idevid")
        await share(desk, await owner_of(desk), b"the device's")
        key = await share(desk, "station:line-1")
        named = Name.of((oids.SERIAL_NUMBER, "SN-1"))
        asked = [wanting(one, subject=named) for one in (b"the device's", b"key 1")]
        refused, answered = [await desk.ask(one, station.presented, label="idevid") for one in asked]
        assert refused.status == 400
        enveloped, certificate = parts_of(answered)
        opened(enveloped[1], key)
        assert certificate_in(certificate).subject.values(oids.SERIAL_NUMBER) == ("SN-1",)


async def test_neither_key_is_in_the_text_of_the_reply(desk: Desk) -> None:
    key = await share(desk, await owner_of(desk))
    reply = await desk.ask(wanting(b"key 1"), PRESENTED)
    assert key.hex() not in repr(reply)
    assert key not in reply.body
