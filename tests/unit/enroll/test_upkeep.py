"""What an identity needs is done; the server is ours, in this process."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from keyworks import oids
from keyworks.access.credential import BasicCredentials
from keyworks.authority.status import Filter, list_certificates
from keyworks.enroll.answer import Granted
from keyworks.enroll.identity import Begun, Identity, IdentityFolder
from keyworks.enroll.issued import Issued, check_issued
from keyworks.enroll.trust import Anchors
from keyworks.enroll.upkeep import Action, Wish, keep_identity
from keyworks.errors import AuthenticationFailed, OperatorError, RequestError
from keyworks.server.running import running_server
from keyworks.service.installation import Installation, open_installation
from keyworks.service.inventory import add_devices
from keyworks.service.server_certificate import server_certificate
from keyworks.service.setup import create_installation
from keyworks.service.stations import add_station
from keyworks.store.clock import SystemClock
from keyworks.testing import FixedClock, small_installation, software_signer
from keyworks.x509.certificate import pem_of
from keyworks.x509.name import EMPTY_NAME, Name
from keyworks.x509.request import encode_certification_request
from tests.unit.enroll.small_pki import certify

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Supplier:
    """A supplier's server in processes of its own."""

    home: Path
    url: str
    trust: Anchors


@pytest.fixture(scope="module")
def supplier_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supplier]:
    """A server of the present time: TLS cannot be told another one."""
    home = tmp_path_factory.mktemp("enroll") / "supplier"
    asyncio.run(create_installation(small_installation(home, "supplier"), SystemClock()))

    async def chain() -> tuple[bytes, ...]:
        async with open_installation(home) as installation:
            return (await server_certificate(installation)).chain

    with running_server(home) as server:
        yield Supplier(home, server.enrollment, Anchors(asyncio.run(chain())[-1:]))


@dataclass(frozen=True)
class Plant:
    """The supplier's installation, a station's name and folder, and the station's clock."""

    installation: Installation
    supplier: Supplier
    name: str
    folder: Path
    clock: FixedClock

    async def station(self) -> Wish:
        """Register a station, and return what it wishes."""
        new = await add_station(self.installation, self.name, ("idevid",))
        subject = Name.of((oids.COMMON_NAME, self.name))
        wish = Wish(self.supplier.url, new.enrolls_at, self.supplier.trust, subject)
        return replace(wish, credential=BasicCredentials(self.name, new.secret))

    async def keep(self, wish: Wish, folder: str = "station") -> tuple[Action, Identity]:
        outcome = await keep_identity(IdentityFolder(self.folder / folder), wish, self.clock)
        return outcome.action, outcome.identity

    async def certificates(self) -> int:
        wanted = Filter(owner=f"station:{self.name}")
        return len(await self.installation.store.read(lambda tx: list_certificates(tx, wanted)))


@pytest.fixture
async def plant(supplier_server: Supplier, tmp_path: Path) -> AsyncIterator[Plant]:
    """A line of its own at the supplier's server."""
    async with open_installation(supplier_server.home) as installation:
        now = FixedClock(SystemClock().now())
        yield Plant(installation, supplier_server, f"line-{secrets.token_hex(4)}", tmp_path, now)


async def test_the_first_run_enrolls_and_the_next_does_nothing(plant: Plant) -> None:
    wish = await plant.station()
    action, identity = await plant.keep(wish)
    assert action is Action.ENROLLED
    assert identity.certificate.subject.values(oids.COMMON_NAME) == (plant.name,)
    nobody_there = replace(wish, url="https://localhost:1")
    action, kept = await plant.keep(nobody_there)
    assert (action, kept.certificate) == (Action.KEPT, identity.certificate)


async def test_after_two_thirds_of_its_life_a_certificate_is_renewed_with_a_new_key(plant: Plant) -> None:
    """RFC 7030 §4.2.2: by the certificate itself, its names unchanged."""
    wish = await plant.station()
    _, first = await plant.keep(wish)
    wish = replace(wish, credential=None, subject=EMPTY_NAME)
    plant.clock.advance(240 * DAY)
    assert (await plant.keep(wish))[0] is Action.KEPT
    plant.clock.advance(5 * DAY)
    action, second = await plant.keep(wish)
    assert action is Action.RENEWED
    assert second.certificate.subject == first.certificate.subject
    assert second.certificate.public_key != first.certificate.public_key


async def test_force_renews_before_it_is_due(plant: Plant) -> None:
    wish = await plant.station()
    _, first = await plant.keep(wish)
    action, second = await plant.keep(replace(wish, force=True))
    assert action is Action.RENEWED
    assert second.certificate.serial_number != first.certificate.serial_number


async def test_a_renewal_that_was_interrupted_goes_on_with_the_key_it_began_with(plant: Plant) -> None:
    wish = await plant.station()
    _, present = await plant.keep(wish)
    signer = software_signer()
    subject, names = present.certificate.subject, present.certificate.subject_alt_name
    folder = IdentityFolder(plant.folder / "station")
    with folder.locked():
        folder.begin("stations", signer, await encode_certification_request(subject, signer, names))
    _, renewed = await plant.keep(replace(wish, force=True))
    assert renewed.certificate.public_key == signer.public_key


async def test_an_idevid_is_never_renewed(plant: Plant) -> None:
    """IEEE 802.1AR-2018: an IDevID is for the life of the device."""
    _, station = await plant.keep(await plant.station())
    await add_devices(plant.installation, "Example Supplier", "Pump", ["SN-1"])
    subject = Name.of((oids.SERIAL_NUMBER, "SN-1"))
    wish = Wish(plant.supplier.url, "idevid", plant.supplier.trust, subject, credential=station.credential)
    action, device = await plant.keep(wish, "device")
    assert action is Action.ENROLLED
    plant.clock.advance(365 * 100 * DAY)
    action, kept = await plant.keep(wish, "device")
    assert (action, kept.certificate) == (Action.KEPT, device.certificate)
    with pytest.raises(OperatorError, match="never renewed"):
        await plant.keep(replace(wish, force=True), "device")


class FailsBeforeTheCertificateIsKept(IdentityFolder):
    """Loses power when the certificate has come, and is not yet on disk."""

    def complete(self, begun: Begun, issued: Issued) -> Identity:
        raise PowerLossError(begun.label, issued.certificate.serial_number)


class PowerLossError(Exception):
    """What the folder above raises."""


async def test_a_certificate_lost_on_its_way_is_asked_for_again_with_the_same_secret(plant: Plant) -> None:
    """The secret is spent on the key of the first run, so the next run has to have that key."""
    wish = await plant.station()
    with pytest.raises(PowerLossError):
        await keep_identity(FailsBeforeTheCertificateIsKept(plant.folder / "station"), wish, plant.clock)
    action, _ = await plant.keep(wish)
    assert action is Action.ENROLLED
    assert await plant.certificates() == 1


async def test_a_refused_name_can_be_corrected_and_the_secret_still_works(plant: Plant) -> None:
    wish = await plant.station()
    with pytest.raises(RequestError, match="line-2"):
        await plant.keep(replace(wish, subject=Name.of((oids.COMMON_NAME, "line-2"))))
    folder = IdentityFolder(plant.folder / "station")
    begun = folder.begun()
    assert folder.current() is None
    assert begun is not None
    _, identity = await plant.keep(wish)
    assert identity.certificate.public_key == begun.signer.public_key


async def test_a_wrong_secret_is_refused_with_the_server_s_sentence(plant: Plant) -> None:
    wish = replace(await plant.station(), credential=BasicCredentials(plant.name, "guess"))
    with pytest.raises(AuthenticationFailed, match="one-time secret is wrong"):
        await plant.keep(wish)


async def test_a_given_key_is_certified_first_and_another_with_each_renewal(plant: Plant) -> None:
    signer = software_signer("P-384")
    wish = replace(await plant.station(), signer=signer)
    _, first = await plant.keep(wish)
    _, second = await plant.keep(replace(wish, force=True))
    assert first.certificate.public_key == signer.public_key
    assert second.certificate.public_key.key_type == "P-256"


async def test_where_tls_cannot_use_the_certificate_s_key_another_credential_renews_it(plant: Plant) -> None:
    """The Python library's TLS knows no ML-DSA; the certificate itself is as good as any."""
    wish = replace(await plant.station(), key_type="ML-DSA-44")
    _, first = await plant.keep(wish)
    with pytest.raises(OperatorError, match="ML-DSA-44"):
        await plant.keep(replace(wish, force=True, credential=None))
    _, second = await plant.keep(replace(await plant.station(), force=True))
    assert first.certificate.public_key.key_type == "ML-DSA-44"
    assert second.certificate.public_key.key_type == "P-256"


async def test_without_a_proof_nothing_is_asked_for(plant: Plant) -> None:
    wish = replace(await plant.station(), credential=None)
    with pytest.raises(OperatorError, match="--secret-file or --credential"):
        await plant.keep(wish)


async def test_an_expired_certificate_is_replaced_by_a_first_enrollment(plant: Plant) -> None:
    signer = software_signer()
    old_root = certify("Old root", ca=True, days=(-30, 30))
    expired = certify(plant.name, old_root, spki=signer.public_key.spki, days=(-20, -2))
    at = plant.clock.now() - 10 * 86400
    issued = check_issued(Granted(expired.der), signer.public_key, [old_root.der], at=at)
    folder = IdentityFolder(plant.folder / "station")
    with folder.locked():
        request = await encode_certification_request(EMPTY_NAME, signer)
        folder.complete(folder.begin("stations", signer, request), issued)
    action, identity = await plant.keep(await plant.station())
    assert action is Action.ENROLLED
    assert identity.certificate.public_key != signer.public_key


async def test_the_next_device_is_not_given_the_identity_that_a_folder_holds(plant: Plant) -> None:
    """Not where there is nothing to do, not by a renewal, and not once it has expired."""
    wish = await plant.station()
    _, present = await plant.keep(wish)
    other = replace(wish, subject=Name.of((oids.COMMON_NAME, "line-2")))
    for due in (other, replace(other, force=True)):
        with pytest.raises(OperatorError, match=f"holds the identity of 'CN={plant.name},"):
            await plant.keep(due)
    plant.clock.advance(3 * 365 * DAY)
    with pytest.raises(OperatorError, match=f"holds the identity of 'CN={plant.name},"):
        await plant.keep(other)
    kept = IdentityFolder(plant.folder / "station").current()
    assert kept is not None
    assert kept.certificate == present.certificate


async def test_another_type_of_key_is_refused_until_a_renewal_makes_one(plant: Plant) -> None:
    wish = await plant.station()
    await plant.keep(wish)
    other = replace(wish, key_type="P-384")
    with pytest.raises(OperatorError, match="P-256 key, not P-384"):
        await plant.keep(other)
    _, renewed = await plant.keep(replace(other, force=True))
    assert renewed.certificate.public_key.key_type == "P-384"
    assert (await plant.keep(other))[0] is Action.KEPT


async def test_a_damaged_certificate_is_made_whole_without_the_server(plant: Plant) -> None:
    wish = await plant.station()
    _, present = await plant.keep(wish)
    (plant.folder / "station" / "certificate.pem").write_bytes(b"")
    nobody_there = replace(wish, url="https://localhost:1")
    assert [(await plant.keep(nobody_there))[0] for _ in range(2)] == [Action.REPAIRED, Action.KEPT]
    assert (plant.folder / "station" / "certificate.pem").read_text() == pem_of(present.certificate.der)


async def test_a_folder_serves_one_channel(plant: Plant) -> None:
    wish = await plant.station()
    await plant.keep(wish)
    with pytest.raises(OperatorError, match="from channel 'stations', not 'idevid'"):
        await plant.keep(replace(wish, label="idevid"))
