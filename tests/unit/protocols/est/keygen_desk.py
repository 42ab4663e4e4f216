"""A desk that makes keys, who asks there, and what comes."""

import base64
import email
import email.policy
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
)

from keyworks.access.credential import PresentedChain
from keyworks.access.key_encryption_key import KeyEncryptionKeys
from keyworks.access.principal import Kind
from keyworks.authority.enrollment import Enrollment
from keyworks.cms.signed_data import parse_certs_only
from keyworks.errors import OperatorError
from keyworks.keys.pool import KeyPool
from keyworks.keys.software import PrivateKey, make_private_key
from keyworks.protocols.est.endpoint import EST
from keyworks.protocols.est.serverkeygen import ServerKeyGeneration, SigningCredential
from keyworks.protocols.exchange import Reply, Request
from keyworks.service.anchors import add_anchor
from keyworks.service.installation import Installation
from keyworks.service.inventory import add_devices
from keyworks.service.server_certificate import server_signer
from keyworks.service.stations import add_station
from keyworks.testing import (
    SOURCE,
    EnrollmentDesk,
)
from keyworks.x509.certificate import Certificate, pem_of
from keyworks.x509.der import wrap
from tests.unit.protocols.est.policed import Policed
from tests.unit.x509.chains import GOOD_LEAF, Made, Plan, made
from tests.unit.x509.requests import Plan as RequestPlan
from tests.unit.x509.requests import attribute, request

MAKER = made("maker's root")
ASYMMETRIC = wrap(6, bytes.fromhex("2a864886f70d0109100236"))
PLAIN = request(RequestPlan(subject=b"\x30\x00"))


def path(label: str = "ldevid") -> str:
    return f"/.well-known/est/{label}/serverkeygen"


def device(key_type: str = "P-256", *usages: str) -> Made:
    """Return a device's certificate by its maker, and its key."""
    names = ((x509.NameOID.SERIAL_NUMBER, "SN-1"),)
    plan = Plan(None, usages=usages or None, not_after=GOOD_LEAF.not_after, key=key_type, names=names)
    return made(f"device {key_type}", plan, MAKER)


def unregistered() -> Made:
    """Return the certificate of a device that its maker made, and nobody added to the inventory."""
    names = ((x509.NameOID.SERIAL_NUMBER, "SN-2"),)
    return made("SN-2", Plan(None, usages=None, not_after=GOOD_LEAF.not_after, names=names), MAKER)


def encrypted_for(holder: Made) -> bytes:
    """Return a request that wants its key encrypted for the holder of a certificate."""
    identifier = holder.parsed.subject_key_identifier or b""
    return request(RequestPlan(subject=b"\x30\x00", attributes=(attribute(ASYMMETRIC, wrap(4, identifier)),)))


class Maker:
    """Makes keys, and notes of which types; not before it is let."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.keys: list[PrivateKey] = []
        self.begun, self.goes_on = threading.Event(), threading.Event()
        self.goes_on.set()

    def __call__(self, key_type: str) -> PrivateKey:
        self.made.append(key_type)
        self.begun.set()
        self.goes_on.wait(30)
        self.keys.append(make_private_key(key_type))
        return self.keys[-1]


@dataclass
class Desk:
    """EST of an operator that makes keys for devices of a maker it trusts."""

    installation: Installation
    registers: Policed
    est: EST
    pool: KeyPool
    maker: Maker
    signs: bool = True

    async def credential(self) -> SigningCredential:
        if not self.signs:
            raise OperatorError("The server has no valid certificate to sign with.")
        return SigningCredential(*await server_signer(self.installation))

    async def ask(
        self,
        der: bytes = PLAIN,
        presented: PresentedChain | None = None,
        *,
        secure: bool = True,
        label: str = "ldevid",
    ) -> Reply:
        asked = Request("POST", path(label), {}, base64.b64encode(der), SOURCE, presented, secure=secure)
        return await self.est.respond(asked)

    def serve(self, **policy: object) -> None:
        self.registers.policy = replace(self.registers.policy, **policy)  # type: ignore[arg-type]


@asynccontextmanager
async def open_desk(installation: Installation) -> AsyncIterator[Desk]:
    """Return the desk of an installation in whose inventory the device is."""
    await add_devices(installation, "Example Drives", "Drive", ["SN-1"])
    await add_anchor(installation, "maker", pem_of(MAKER.der).encode(), Kind.DEVICE, "Example Drives")
    own, maker = EnrollmentDesk(installation), Maker()
    pool, registers = KeyPool(maker), Policed(installation.store)
    enrollment = Enrollment(own.store, registers, own.authenticator, own.path, own.refusals, installation.clock)
    shared_keys = KeyEncryptionKeys(installation.store, installation.keystore)
    opened = Desk(installation, registers, EST(enrollment), pool, maker)
    opened.est = EST(enrollment, ServerKeyGeneration(enrollment, pool, shared_keys, opened.credential))
    yield opened
    pool.close()


def parts_of(reply: Reply) -> list[tuple[str, bytes]]:
    """Return media types and decoded contents, read by Python's own MIME parser."""
    assert reply.status == 200, reply.body
    head = f"MIME-Version: 1.0\r\nContent-Type: {reply.content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + reply.body, policy=email.policy.HTTP)
    assert message.get_content_type() == "multipart/mixed"
    found = []
    for part in message.iter_parts():
        assert part["Content-Transfer-Encoding"] == "base64"
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found.append((str(part["Content-Type"]), content))
    return found


def certificate_in(part: tuple[str, bytes]) -> Certificate:
    assert part[0] == 'application/pkcs7-mime; smime-type="certs-only"'
    [der] = parse_certs_only(part[1])
    return Certificate.parse(der)


def key_in(der: bytes) -> PrivateKey:
    return load_der_private_key(der, None)  # type: ignore[return-value]


async def by_secret(desk: Desk) -> Request:
    """Return the request of a new station that has nothing but its one-time secret."""
    new = await add_station(desk.installation, "line-1", [])
    secret = base64.b64encode(f"line-1:{new.secret}".encode()).decode()
    headers = {"authorization": f"Basic {secret}"}
    return Request("POST", path(new.enrolls_at), headers, base64.b64encode(PLAIN), SOURCE, secure=True)
