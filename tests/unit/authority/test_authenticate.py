"""Who asks: by our own record, by a trust anchor, by a one-time secret."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from sqlalchemy import update

from keyworks import oids
from keyworks.access.credential import BasicCredentials, CertificateCredential, PresentedChain, SecretCredential
from keyworks.access.principal import DeviceIdentity, Kind, Principal
from keyworks.access.records import advance_trust, anchor
from keyworks.authority.authenticate import Authenticated
from keyworks.authority.profile import YEAR
from keyworks.errors import AuthenticationFailed, InvalidPath
from keyworks.service.anchors import add_anchor, drop_anchor
from keyworks.service.authorities import find_generation
from keyworks.service.certificates import revoke_by_operator
from keyworks.service.server_certificate import server_certificate
from keyworks.service.stations import add_station
from keyworks.store.engine import Transaction
from keyworks.store.statement import Statement
from keyworks.testing import EnrollmentDesk, FixedClock, Holder, presented_chain
from keyworks.x509.certificate import Certificate, pem_of
from keyworks.x509.der import octets_of, tlv, values_of, wrap
from keyworks.x509.name import Name

SN_1: Final = Name.of((oids.SERIAL_NUMBER, "SN-1"))
P_256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


async def by_chain(desk: EnrollmentDesk, presented: PresentedChain, label: str) -> Authenticated:
    register, epoch = await desk.registers.current()
    return await desk.authenticator.by_chain(presented, register.channel(label), register, epoch)


async def trust(desk: EnrollmentDesk, name: str, certificate: Certificate, maker: str | None) -> None:
    kind = Kind.STATION if maker is None else Kind.DEVICE
    await add_anchor(desk.installation, name, pem_of(certificate.der).encode(), kind, maker)


@pytest.fixture
async def idevid(desk: EnrollmentDesk, station: Holder) -> Holder:
    """A device with its IDevID."""
    return await desk.enroll("idevid", SN_1, by=station)


def rewritten(der: bytes) -> bytes:
    """Return a certificate with the other ECDSA signature that verifies: (r, n - s)."""
    tbs, algorithm, signature = values_of(der, "certificate")
    r, s = decode_dss_signature(bytes(tlv(signature).data)[1:])
    other = wrap(0x03, b"\x00" + encode_dss_signature(r, P_256_ORDER - s))
    return wrap(0x30, tbs + algorithm + octets_of(tlv(other)))


async def test_a_certificate_of_ours_is_authenticated_by_our_record(
    desk: EnrollmentDesk, station: Holder
) -> None:
    found = await by_chain(desk, station.presented, "idevid")
    assert found.principal == Principal(Kind.STATION, "line-1")
    assert found.credential == CertificateCredential(station.certificate)
    assert found.own is not None
    assert (found.own.certificate_id, found.own.owner) == (
        station.issued.certificate_id,
        "station:line-1",
    )
    assert found.until == station.certificate.not_after


async def test_a_certificate_of_ours_needs_no_chain(desk: EnrollmentDesk, station: Holder) -> None:
    assert (await by_chain(desk, presented_chain(station.issued.der), "idevid")).own is not None


async def test_a_device_is_who_the_inventory_says(desk: EnrollmentDesk, idevid: Holder) -> None:
    found = await by_chain(desk, idevid.presented, "idevid")
    assert found.principal.device == DeviceIdentity("Maker", "Drive", "SN-1")
    assert found.principal.text == "device:Maker/SN-1"


async def test_a_revocation_takes_effect_with_the_next_request(desk: EnrollmentDesk, station: Holder) -> None:
    await by_chain(desk, station.presented, "idevid")
    await revoke_by_operator(desk.installation, station.issued.certificate_id, "keyCompromise")
    with pytest.raises(AuthenticationFailed, match="certificate is revoked"):
        await by_chain(desk, station.presented, "idevid")


async def test_an_expired_certificate_of_ours_authenticates_nobody(
    desk: EnrollmentDesk, station: Holder, clock: FixedClock
) -> None:
    await by_chain(desk, station.presented, "idevid")
    clock.advance(YEAR - timedelta(seconds=1))
    await by_chain(desk, station.presented, "idevid")
    clock.advance(timedelta(seconds=1))
    with pytest.raises(AuthenticationFailed, match="has expired"):
        await by_chain(desk, station.presented, "idevid")


async def test_a_certificate_of_ours_is_not_accepted_before_its_time(
    desk: EnrollmentDesk, station: Holder, clock: FixedClock
) -> None:
    clock.advance(timedelta(minutes=-6))
    with pytest.raises(AuthenticationFailed, match="its time has not come yet"):
        await by_chain(desk, station.presented, "idevid")


@pytest.mark.parametrize("name", ["root", "issuing", "idevid-root", "idevid-issuing"])
async def test_an_authoritys_certificate_is_no_requesters(desk: EnrollmentDesk, name: str) -> None:
    generation = await find_generation(desk.installation, name)
    with pytest.raises(AuthenticationFailed, match="does not authenticate a requester"):
        await by_chain(desk, presented_chain(generation.certificate.der), "idevid")


async def test_a_servers_certificate_is_no_requesters(desk: EnrollmentDesk) -> None:
    server = await server_certificate(desk.installation)
    with pytest.raises(AuthenticationFailed, match="profile tls-server does not authenticate"):
        await by_chain(desk, presented_chain(*server.chain), "idevid")


@pytest.mark.parametrize("octets", [b"", b"\x30\x00", b"certificate"])
async def test_what_is_no_certificate_authenticates_nobody(desk: EnrollmentDesk, octets: bytes) -> None:
    with pytest.raises(AuthenticationFailed, match="cannot be read"):
        await by_chain(desk, presented_chain(octets), "idevid")


async def test_an_anchor_vouches_for_devices_of_its_manufacturer(field: EnrollmentDesk, idevid: Holder) -> None:
    found = await by_chain(field, idevid.presented, "ldevid")
    assert found.principal.device == DeviceIdentity("Maker", "Drive", "SN-1")
    assert found.own is None
    root = await field.registers.current()
    assert found.until == root[0].anchors[0].certificate.not_after


async def test_an_anchor_for_devices_vouches_for_no_station(field: EnrollmentDesk, idevid: Holder) -> None:
    with pytest.raises(InvalidPath):
        await by_chain(field, idevid.presented, "stations")


async def test_a_foreign_certificate_without_its_intermediates_has_no_path(
    field: EnrollmentDesk, idevid: Holder
) -> None:
    with pytest.raises(InvalidPath, match="no trust anchor of this channel vouches"):
        await by_chain(field, presented_chain(idevid.issued.der), "ldevid")


async def test_a_station_of_somebody_else_is_nobody_here(field: EnrollmentDesk, station: Holder) -> None:
    for label in ("ldevid", "stations"):
        with pytest.raises(InvalidPath):
            await by_chain(field, station.presented, label)


async def test_a_removed_anchor_takes_effect_with_the_next_request(
    field: EnrollmentDesk, idevid: Holder
) -> None:
    await by_chain(field, idevid.presented, "ldevid")
    await drop_anchor(field.installation, "maker")
    with pytest.raises(InvalidPath):
        await by_chain(field, idevid.presented, "ldevid")


async def test_anchors_with_one_certificate_have_to_agree_on_who_it_is(
    field: EnrollmentDesk, idevid: Holder
) -> None:
    register, _ = await field.registers.current()
    [maker] = register.anchors
    await trust(field, "again", maker.certificate, "Maker")
    assert (await by_chain(field, idevid.presented, "ldevid")).principal.device is not None
    await field.store.write(_give_to, ("again", "Rival"))
    with pytest.raises(AuthenticationFailed, match="say different things"):
        await by_chain(field, idevid.presented, "ldevid")


def _give_to(tx: Transaction, items: Sequence[tuple[str, str]]) -> list[None]:
    """Record what is refused when an anchor is added."""
    for name, maker in items:
        tx.execute(Statement(update(anchor).where(anchor.c.name == name).values(manufacturer=maker)))
        advance_trust(tx)
    return [None] * len(items)


async def test_a_certificate_that_nobody_vouches_for_is_not_known_here(
    field: EnrollmentDesk, idevid: Holder
) -> None:
    """Where a channel trusts no others, it is not its anchors that lack something."""
    with pytest.raises(InvalidPath, match="is not known here: this installation has not issued it"):
        await by_chain(field, idevid.presented, "stations")


async def test_one_certificate_may_be_an_anchor_for_two_kinds(field: EnrollmentDesk, idevid: Holder) -> None:
    register, _ = await field.registers.current()
    await trust(field, "a-station", register.anchors[0].certificate, None)
    found = await by_chain(field, idevid.presented, "ldevid")
    assert found.principal.kind is Kind.DEVICE
    with pytest.raises(AuthenticationFailed, match="does not allow clientAuth"):
        await by_chain(field, idevid.presented, "stations")


async def test_a_rewritten_copy_of_a_revoked_certificate_is_not_let_in_by_an_anchor(
    desk: EnrollmentDesk, station: Holder
) -> None:
    """An ECDSA signature (r, s) has a twin (r, n - s), so a certificate of ours can have unrecorded octets."""
    root = await find_generation(desk.installation, "root")
    await trust(desk, "own", root.certificate, None)
    await revoke_by_operator(desk.installation, station.issued.certificate_id, "keyCompromise")
    copy = rewritten(station.issued.der)
    assert Certificate.parse(copy).public_key == station.certificate.public_key
    with pytest.raises(AuthenticationFailed, match="has not recorded it"):
        await by_chain(desk, presented_chain(copy, *station.issued.chain[:-1]), "idevid")


async def test_a_proof_is_remembered_until_an_epoch_moves(desk: EnrollmentDesk, station: Holder) -> None:
    first = await by_chain(desk, station.presented, "idevid")
    assert await by_chain(desk, station.presented, "idevid") is first
    assert await by_chain(desk, station.presented, "stations") is first
    await trust(desk, "other", (await find_generation(desk.installation, "root")).certificate, None)
    assert await by_chain(desk, station.presented, "idevid") is not first


async def test_a_proof_for_one_kind_is_no_proof_for_another(field: EnrollmentDesk, idevid: Holder) -> None:
    await by_chain(field, idevid.presented, "ldevid")
    with pytest.raises(InvalidPath):
        await by_chain(field, idevid.presented, "stations")
    await by_chain(field, idevid.presented, "ldevid")


async def by_secret(desk: EnrollmentDesk, user: str, password: str, label: str) -> Authenticated:
    register, _ = await desk.registers.current()
    return await desk.authenticator.by_secret(BasicCredentials(user, password), register.channel(label))


async def test_a_one_time_secret_authenticates_its_station_at_its_channel(
    desk: EnrollmentDesk, clock: FixedClock
) -> None:
    """RFC 7030 §3.2.3."""
    new = await add_station(desk.installation, "line-2", ["idevid"])
    found = await by_secret(desk, "line-2", new.secret, "stations")
    assert found.principal == Principal(Kind.STATION, "line-2")
    assert isinstance(found.credential, SecretCredential)
    clock.advance(timedelta(hours=24))
    await by_secret(desk, "line-2", new.secret, "stations")
    clock.advance(timedelta(seconds=1))
    with pytest.raises(AuthenticationFailed, match="has expired"):
        await by_secret(desk, "line-2", new.secret, "stations")


@pytest.mark.parametrize(
    ("user", "suffix", "label"),
    [("line-1", "", "stations"), ("line-2", "x", "stations"), ("line-2", "", "idevid"), ("", "", "stations")],
)
async def test_a_one_time_secret_of_somebody_else_or_for_elsewhere_proves_nothing(
    desk: EnrollmentDesk, user: str, suffix: str, label: str
) -> None:
    new = await add_station(desk.installation, "line-2", ["idevid"])
    with pytest.raises(AuthenticationFailed, match="is wrong for this channel"):
        await by_secret(desk, user, new.secret + suffix, label)
