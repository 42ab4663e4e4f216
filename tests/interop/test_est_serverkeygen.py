"""Keys made by the server, as `curl` gets them over TLS and `openssl` opens them."""

import asyncio
import base64
import email
import email.policy
import secrets
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from keyworks import oids
from keyworks.access.key_encryption_key import KeyEncryptionKey
from keyworks.access.principal import Kind
from keyworks.authority.channel import ChannelPolicy
from keyworks.cms.signed_data import parse_certs_only
from keyworks.cms.signing import content_info_of
from keyworks.server.worker import Worker
from keyworks.service.anchors import add_anchor
from keyworks.service.installation import Installation, open_installation
from keyworks.service.inventory import add_devices, find_device
from keyworks.service.key_encryption_keys import add_key
from keyworks.service.stations import add_station
from keyworks.x509.certificate import Certificate, pem_of
from keyworks.x509.der import values_of, wrap
from tests.interop.est_plant import PKCS10, authority_certificate, create, openssl
from tests.unit.protocols.est.damage import damaged_authority_keys
from tests.unit.protocols.est.policed import Policed
from tests.unit.server.small_server import recording_log
from tests.unit.x509.requests import Plan, attribute, request

LISTENERS = ("enrollment", "console", "publication")
SYMMETRIC = wrap(6, bytes.fromhex("2a864886f70d0109100225"))
ASYMMETRIC = wrap(6, bytes.fromhex("2a864886f70d0109100236"))
KEYS = {"rsa": ("-algorithm", "RSA"), "ec": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")}
USAGES = {"rsa": "digitalSignature,keyEncipherment", "ec": "digitalSignature,keyAgreement"}


@dataclass(frozen=True)
class Device:
    """A device of a maker whose certificates `openssl` issues."""

    certificate: Path
    key: Path

    @property
    def options(self) -> tuple[str, ...]:
        return ("--cert", str(self.certificate), "--key", str(self.key))

    @property
    def request(self) -> bytes:
        """Return a request that wants its key encrypted for this device."""
        der = openssl("x509", "-in", self.certificate, "-outform", "DER")
        identifier = Certificate.parse(der).subject_key_identifier or b""
        return request(Plan(subject=b"\x30\x00", attributes=(attribute(ASYMMETRIC, wrap(4, identifier)),)))


@dataclass(frozen=True)
class Plant:
    """An operator that makes keys for devices, serving.

    Args:
        folder: For files.
        urls: Of the listeners, by name.
        trust: The root above the server's certificate.
        installation: What serves.
        registers: Decides which keys are made.
        log: What the server logs.
    """

    folder: Path
    urls: dict[str, str]
    trust: Path
    installation: Installation
    registers: Policed
    log: Sequence[object]

    async def ask(self, der: bytes, *options: str, label: str = "ldevid") -> tuple[int, str, bytes]:
        """Return status, media type and body of what `curl` is answered."""
        asked, answer = self.folder / "asked", self.folder / "answer"
        asked.write_bytes(base64.b64encode(der))
        words = ("-sS", "--max-time", "30", "--cacert", str(self.trust), "-o", str(answer), *PKCS10, *options)
        url = f"{self.urls['enrollment']}/.well-known/est/{label}/serverkeygen"
        shown = ("-w", "%{http_code} %{content_type}", "--data-binary", f"@{asked}", url)
        run = await asyncio.create_subprocess_exec("curl", *words, *shown, stdout=asyncio.subprocess.PIPE)
        said, _ = await run.communicate()
        status, _, media_type = said.decode().partition(" ")
        return int(status), media_type, answer.read_bytes()

    async def key_and_certificate(self, der: bytes, *options: str) -> tuple[str, bytes, bytes]:
        """Return the key part's media type and content, and the certificate."""
        status, media_type, body = await self.ask(der, *options)
        assert status == 200, body
        whole = f"MIME-Version: 1.0\r\nContent-Type: {media_type}\r\n\r\n".encode() + body
        key, certificate = email.message_from_bytes(whole, policy=email.policy.HTTP).iter_parts()
        octets = [part.get_payload(decode=True) for part in (key, certificate)]
        assert isinstance(octets[0], bytes)
        assert isinstance(octets[1], bytes)
        [issued] = parse_certs_only(octets[1])
        return str(key["Content-Type"]), octets[0], issued


def maker(folder: Path) -> tuple[Path, Path]:
    """Let `openssl` make a maker's root."""
    key, root = folder / "maker.key", folder / "maker.pem"
    openssl("genpkey", *KEYS["ec"], "-out", key)
    extensions = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-x509", "-new", "-key", key, "-subj", "/CN=maker", "-days", "2", *extensions, "-out", root)
    return root, key


def device(folder: Path, kind: str) -> Device:
    """Let `openssl` make a device's certificate."""
    key, certificate, asked = (folder / f"{kind}.{ending}" for ending in ("key", "pem", "csr"))
    openssl("genpkey", *KEYS[kind], "-out", key)
    openssl("req", "-new", "-key", key, "-subj", f"/serialNumber=SN-{kind}", "-out", asked)
    text = folder / "extensions"
    text.write_text(
        f"keyUsage=critical,{USAGES[kind]}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
    )
    issuer = ("-CA", folder / "maker.pem", "-CAkey", folder / "maker.key", "-days", "2", "-extfile", text)
    openssl("x509", "-req", "-in", asked, *issuer, "-out", certificate)
    return Device(certificate, key)


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    home = await asyncio.to_thread(create, tmp_path, "operator")
    trust = tmp_path / "server.pem"
    trust.write_text(pem_of(await asyncio.to_thread(authority_certificate, home, "root")))
    root, _ = maker(tmp_path)
    async with open_installation(home) as installation, AsyncExitStack() as stack:
        await add_devices(installation, "Example Drives", "Drive", ["SN-rsa", "SN-ec"])
        await add_anchor(installation, "maker", root.read_bytes(), Kind.DEVICE, "Example Drives")
        registers = Policed(installation.store)
        urls, log = await served(replace(installation, registers=registers), stack)
        yield Plant(tmp_path, urls, trust, installation, registers, log)


async def served(installation: Installation, stack: AsyncExitStack) -> tuple[dict[str, str], Sequence[object]]:
    """Serve with one worker in this process until the stack closes."""
    log, lines = recording_log()
    sockets = {name: stack.enter_context(socket.create_server(("127.0.0.1", 0))) for name in LISTENERS}
    worker = await Worker.build(installation, log)
    urls = {name: f"https://127.0.0.1:{one.getsockname()[1]}" for name, one in sockets.items()}
    await worker.start(sockets)
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(stop, sequences=True))

    async def end() -> None:
        stop.set()
        await task

    stack.push_async_callback(end)
    return urls, lines


def public_of(key: bytes) -> bytes:
    return openssl("pkey", "-inform", "DER", "-pubout", data=key)


def certified(certificate: bytes) -> bytes:
    return openssl("x509", "-inform", "DER", "-noout", "-pubkey", data=certificate)


def verified(plant: Plant, signed: bytes) -> bytes:
    """Return the key in SignedData, whose signature `openssl` verifies to be this server's."""
    message = content_info_of(oids.CMS_SIGNED_DATA, signed)
    trusted = ("-CAfile", plant.trust, "-purpose", "any")
    package = openssl("cms", "-verify", "-inform", "DER", "-binary", *trusted, data=message)
    [key] = values_of(package, "AsymmetricKeyPackage")
    return key


@pytest.mark.parametrize("key_type", ["P-256", "rsa-2048"])
async def test_a_device_gets_a_key_with_its_certificate(plant: Plant, key_type: str) -> None:
    """RFC 7030 §4.4.2."""
    plant.registers.policy = ChannelPolicy(server_keys=key_type)
    own = device(plant.folder, "ec")
    plain = request(Plan(subject=b"\x30\x00"))
    media_type, key, certificate = await plant.key_and_certificate(plain, *own.options)
    assert media_type == "application/pkcs8"
    assert public_of(key) == certified(certificate)
    assert base64.b64encode(key)[:40].decode() not in repr(plant.log)


@pytest.mark.parametrize("kind", ["rsa", "ec"])
async def test_a_device_opens_with_its_own_key_what_is_encrypted_for_it(plant: Plant, kind: str) -> None:
    """RFC 7030 §4.4.1.2, §4.4.2; signed by the server that made the key."""
    own = device(plant.folder, kind)
    media_type, enveloped, certificate = await plant.key_and_certificate(own.request, *own.options)
    assert media_type.startswith("application/pkcs7-mime; smime-type=")
    assert "server-generated-key" in media_type
    files = ("-recip", own.certificate, "-inkey", own.key)
    signed = openssl("cms", "-decrypt", "-inform", "DER", "-binary", *files, data=enveloped)
    assert public_of(verified(plant, signed)) == certified(certificate)


@pytest.mark.parametrize("length", [16, 32])
async def test_a_device_opens_with_the_secret_key_that_it_shares_what_is_encrypted_with_it(
    plant: Plant, length: int
) -> None:
    """RFC 7030 §4.4.1.1, §4.4.2; RFC 5652 §6.2.3: kekri, with the identifier that the request names."""
    own, secret, identifier = device(plant.folder, "ec"), secrets.token_bytes(length), b"\x0a\x1b"
    attributes = (attribute(SYMMETRIC, wrap(4, identifier)),)
    asked = request(Plan(subject=b"\x30\x00", attributes=attributes))
    status, _, refused = await plant.ask(asked, *own.options)
    assert (status, b"names no secret key" in refused) == (400, True)
    owner = f"device:{(await find_device(plant.installation, 'SN-ec')).id}"
    await add_key(plant.installation, KeyEncryptionKey(identifier, owner, secret))
    media_type, enveloped, certificate = await plant.key_and_certificate(asked, *own.options)
    assert "server-generated-key" in media_type
    named = ("-secretkey", secret.hex(), "-secretkeyid", identifier.hex())
    signed = openssl("cms", "-decrypt", "-inform", "DER", "-binary", *named, data=enveloped)
    assert public_of(verified(plant, signed)) == certified(certificate)
    assert secret.hex() not in repr(plant.log)


async def test_a_device_does_not_get_its_key_encrypted_with_another_s_secret_key(plant: Plant) -> None:
    own, identifier = device(plant.folder, "ec"), b"\x0a\x1b"
    owner = f"device:{(await find_device(plant.installation, 'SN-rsa')).id}"
    await add_key(plant.installation, KeyEncryptionKey(identifier, owner, bytes(16)))
    attributes = (attribute(SYMMETRIC, wrap(4, identifier)),)
    status, _, body = await plant.ask(request(Plan(subject=b"\x30\x00", attributes=attributes)), *own.options)
    assert (status, b"names no secret key" in body) == (400, True)


async def test_a_secret_that_led_to_no_certificate_serves_for_the_next_request(plant: Plant) -> None:
    """The authority cannot sign for a while: nothing is released, and nothing is lost."""
    new = await add_station(plant.installation, "line-1", [])
    asked = request(Plan(subject=b"\x30\x00"))
    options = ("--user", f"line-1:{new.secret}")

    async def status() -> int:
        return (await plant.ask(asked, *options, label=new.enrolls_at))[0]

    async with damaged_authority_keys(plant.installation.store):
        assert await status() == 500
    assert [await status(), await status()] == [200, 403]


async def test_a_channel_that_makes_no_keys_says_what_to_do(plant: Plant) -> None:
    plant.registers.policy = ChannelPolicy()
    own = device(plant.folder, "ec")
    status, _, body = await plant.ask(own.request, *own.options)
    assert (status, b"make the key yourself" in body) == (403, True)
