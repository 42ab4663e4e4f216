"""Keys that the server makes, and requests that are bound: with a server that says what it is told to."""

import base64
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from keyworks import oids
from keyworks.access.credential import BasicCredentials
from keyworks.cms.signed_data import certs_only
from keyworks.enroll.credential import ClientCertificate
from keyworks.enroll.identity import Identity, IdentityFolder
from keyworks.enroll.trust import Anchors
from keyworks.enroll.upkeep import Action, Wish, keep_identity
from keyworks.errors import InvalidPath, MalformedRequest, NotAuthorized, OperatorError
from keyworks.store.clock import SystemClock
from keyworks.testing import software_signer
from keyworks.x509.csr_attributes import CSRAttributes, encode_csr_attributes
from keyworks.x509.name import Name
from keyworks.x509.template import KeyedTemplate, parse_certification_request
from tests.unit.enroll import multipart
from tests.unit.enroll.scripted import Told, http, scripted_server
from tests.unit.enroll.small_pki import certify, issuing, root, server

SUBJECT = Name.of((oids.COMMON_NAME, "device"))
SECRET = BasicCredentials("device", "secret")
MADE = http(200, multipart.body_of(multipart.KEY, multipart.CERTIFICATE), multipart.CONTENT_TYPE)
UNBOUND = CSRAttributes()
BOUND = CSRAttributes(challenge_password=True)


def _certs(*ders: bytes) -> bytes:
    return http(200, base64.b64encode(certs_only(ders)), "application/pkcs7-mime")


def _operation(told: Told) -> str:
    return told.line.split(" ")[1].rpartition("/")[2]


def _request(told: Told) -> KeyedTemplate:
    return parse_certification_request(base64.b64decode(told.body))


@dataclass
class Desk:
    """A server that makes keys, and certifies those of others.

    Args:
        wanted: What it says a request shall have.
        authorities: What it says that its CA certificates are.
        made: What it answers who wants a key.
    """

    wanted: CSRAttributes = UNBOUND
    authorities: tuple[bytes, ...] = (issuing().der, root().der)
    made: bytes = MADE
    asked: list[Told] = field(default_factory=list)

    def __call__(self, told: Told) -> bytes:
        operation = _operation(told)
        if operation == "cacerts":
            return _certs(*self.authorities)
        if operation == "csrattrs":
            return http(200, base64.b64encode(encode_csr_attributes(self.wanted, legacy=True, template=True)))
        self.asked.append(told)
        if operation == "serverkeygen":
            return self.made
        return _certs(certify("device", issuing(), spki=_request(told).public_key.spki).der)

    @property
    def operations(self) -> list[str]:
        return [_operation(one) for one in self.asked]


@dataclass(frozen=True)
class Device:
    """A device's folder, and its wish."""

    desk: Desk
    folder: IdentityFolder
    wish: Wish

    async def keep(self, **changes: object) -> tuple[Action, Identity]:
        wish = replace(self.wish, **changes)  # type: ignore[arg-type]
        outcome = await keep_identity(self.folder, wish, SystemClock())
        return outcome.action, outcome.identity


@pytest.fixture
async def device(tmp_path: Path) -> AsyncIterator[Device]:
    desk = Desk()
    async with scripted_server(server(), tmp_path, desk) as double:
        wish = Wish(double.url, "sensors", Anchors((root().der,)), SUBJECT, credential=SECRET)
        yield Device(desk, IdentityFolder(tmp_path / "device"), wish)


async def test_a_key_from_the_server_is_kept_as_any_other(device: Device) -> None:
    """RFC 7030 §4.4: the request's key is another one, and is gone afterwards."""
    action, identity = await device.keep(server_key=True)
    assert (action, identity.is_server_key) == (Action.ENROLLED, True)
    [asked] = device.desk.asked
    assert (_operation(asked), _request(asked).subject) == ("serverkeygen", SUBJECT)
    kept = ClientCertificate.read(device.folder.folder)
    assert kept.signer.public_key == multipart.SIGNER.public_key != _request(asked).public_key
    assert kept.chain[0] == multipart.LEAF
    key = device.folder.folder / "key.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [one.read_bytes() for one in device.folder.folder.rglob("generations/*/key.pem")] == [
        key.read_bytes()
    ]


@pytest.mark.parametrize(
    ("changes", "operation"),
    [
        ({}, "serverkeygen"),
        ({"server_key": True}, "serverkeygen"),
        ({"key_type": "P-384"}, "simplereenroll"),
    ],
)
async def test_the_next_key_is_made_where_the_first_one_was(
    device: Device, changes: dict[str, object], operation: str
) -> None:
    await device.keep(server_key=True)
    action, identity = await device.keep(force=True, **changes)
    assert (action, device.desk.operations[1]) == (Action.RENEWED, operation)
    assert _request(device.desk.asked[1]).subject == identity.certificate.subject
    assert identity.is_server_key is (operation == "serverkeygen")
    assert (await device.keep())[0] is Action.KEPT


async def test_a_device_changes_over_to_keys_of_the_server_with_a_renewal(device: Device) -> None:
    assert not (await device.keep())[1].is_server_key
    assert (await device.keep(server_key=True))[0] is Action.KEPT
    assert (await device.keep(server_key=True, force=True))[1].is_server_key
    assert device.desk.operations == ["simpleenroll", "serverkeygen"]


async def test_a_key_that_has_come_is_not_lost_with_what_fails_afterwards(device: Device) -> None:
    """The key is on disk before its certificate is judged; simpleenroll gets what was issued for it."""
    device.desk.authorities = (certify("Another root", ca=True).der,)
    with pytest.raises(InvalidPath):
        await device.keep(server_key=True)
    assert device.folder.current() is None
    device.desk.authorities = Desk().authorities
    _, identity = await device.keep(server_key=True)
    assert device.desk.operations == ["serverkeygen", "simpleenroll"]
    assert _request(device.desk.asked[1]).public_key == multipart.SIGNER.public_key
    assert (identity.is_server_key, identity.certificate.public_key) == (True, multipart.SIGNER.public_key)


async def test_a_key_of_the_server_s_is_not_taken_where_one_made_here_is_wished(device: Device) -> None:
    device.desk.authorities = (certify("Another root", ca=True).der,)
    with pytest.raises(InvalidPath):
        await device.keep(server_key=True)
    device.desk.authorities = Desk().authorities
    _, identity = await device.keep()
    assert not identity.is_server_key
    assert identity.certificate.public_key != multipart.SIGNER.public_key


@pytest.mark.parametrize("certificate", [None, certify("device", issuing()).der])
async def test_without_a_pair_that_fits_nothing_is_kept(device: Device, certificate: bytes | None) -> None:
    """A refusal, and a certificate for another key than the one that came with it."""
    if certificate is None:
        device.desk.made = http(403, b"On channel sensors the server makes no keys.")
    else:
        other = multipart.part("application/pkcs7-mime", certs_only((certificate,)))
        device.desk.made = http(200, multipart.body_of(multipart.KEY, other), multipart.CONTENT_TYPE)
    says = "makes no keys" if certificate is None else "do not belong together"
    with pytest.raises((NotAuthorized, MalformedRequest), match=says):
        await device.keep(server_key=True)
    assert not list(device.folder.folder.rglob("c*.pem"))
    assert not list(device.folder.folder.rglob("server-key"))


@pytest.mark.parametrize(("wanted", "wish"), [(True, False), (False, True), (False, False)])
@pytest.mark.parametrize("server_key", [False, True])
async def test_requests_are_bound_where_the_channel_or_its_user_wants_it(
    device: Device, *, wanted: bool, wish: bool, server_key: bool
) -> None:
    """RFC 7030 §3.5, §4.5.2; renewals too, and what is on disk is for no connection."""
    device.desk.wanted = BOUND if wanted else UNBOUND
    _, identity = await device.keep(server_key=server_key, bind=wish)
    await device.keep(server_key=server_key, bind=wish, force=True)
    assert len(device.desk.asked) == 2
    for told in device.desk.asked:
        expected = base64.b64encode(told.tls_unique).decode() if wanted or wish else None
        assert _request(told).challenge_password == expected
    kept = parse_certification_request((identity.folder / "request.der").read_bytes())
    assert (kept.challenge_password, kept.public_key) == (None, identity.certificate.public_key)


@pytest.mark.parametrize("key", [{"key_type": "P-256"}, {"signer": software_signer()}])
def test_a_key_is_made_in_one_place(key: dict[str, object]) -> None:
    with pytest.raises(OperatorError, match="its channel says which"):
        Wish("https://localhost", "sensors", Anchors((b"",)), server_key=True, **key)  # type: ignore[arg-type]
