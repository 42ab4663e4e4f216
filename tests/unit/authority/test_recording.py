"""Recording: slots, replacement, and who owns a key, decided in the durable transaction."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from keyworks import oids
from keyworks.authority.authorize import Operation
from keyworks.authority.library import PROFILES
from keyworks.authority.naming import certified, device_facts
from keyworks.authority.order import Order, Replacement, Requester
from keyworks.authority.revoke import Revocation, revoke
from keyworks.authority.status import CertificateRecord, Filter, list_certificates
from keyworks.devices.device import DeviceState
from keyworks.errors import AuthenticationFailed, NotAuthorized
from keyworks.service.inventory import find_device
from keyworks.testing import NOON, EnrollmentDesk, FixedClock, Holder, ledger_entries, move, software_signer
from keyworks.x509.name import Name


def serial(number: str) -> Name:
    return Name.of((oids.SERIAL_NUMBER, number))


async def certificates_of(desk: EnrollmentDesk, serial_number: str) -> Sequence[CertificateRecord]:
    device = await find_device(desk.installation, serial_number)
    wanted = Filter(owner=f"device:{device.id}")
    return await desk.store.read(lambda tx: list_certificates(tx, wanted))


async def test_a_device_becomes_issued_with_its_first_certificate(
    desk: EnrollmentDesk, station: Holder
) -> None:
    await desk.enroll("idevid", serial("SN-1"), by=station)
    assert (await find_device(desk.installation, "SN-1")).state is DeviceState.ISSUED
    assert (await find_device(desk.installation, "SN-2")).state is DeviceState.REGISTERED


async def test_a_device_on_the_line_may_be_given_another_identity_and_the_former_is_superseded(
    desk: EnrollmentDesk, station: Holder
) -> None:
    first = await desk.enroll("idevid", serial("SN-1"), by=station)
    _, before = await desk.registers.current()
    second = await desk.enroll("idevid", serial("SN-1"), by=station)
    states = [(one.state, one.revocation_reason) for one in await certificates_of(desk, "SN-1")]
    assert states == [("revoked", "superseded"), ("valid", None)]
    [entry] = await ledger_entries(desk.store, "certificate.revoked")
    assert entry["detail"] == {
        "certificate": first.issued.certificate_id,
        "by": second.issued.certificate_id,
        "reason": "superseded",
    }
    _, after = await desk.registers.current()
    assert after[1] > before[1]


@pytest.mark.parametrize("key_type", ["P-256", "Ed25519"])
async def test_a_shipped_device_gets_no_second_key_of_any_algorithm(
    desk: EnrollmentDesk, station: Holder, key_type: str
) -> None:
    await desk.enroll("idevid", serial("SN-1"), by=station)
    await move(desk.installation, "SN-1", "ship")
    with pytest.raises(NotAuthorized, match="has left the line"):
        await desk.enroll("idevid", serial("SN-1"), by=station, signer=software_signer(key_type))
    assert [one.state for one in await certificates_of(desk, "SN-1")] == ["valid"]


async def test_a_shipped_device_whose_identity_was_revoked_gets_no_other(
    desk: EnrollmentDesk, station: Holder
) -> None:
    first = await desk.enroll("idevid", serial("SN-1"), by=station)
    await move(desk.installation, "SN-1", "ship")
    wanted = Revocation(
        first.issued.certificate_id, "device", "keyCompromise", desk.installation.operator, NOON
    )
    assert await desk.store.write(revoke, wanted)
    for signer, reason in ((first.signer, "compromised"), (software_signer(), "has left the line")):
        with pytest.raises(NotAuthorized, match=reason):
            await desk.enroll("idevid", serial("SN-1"), by=station, signer=signer)


async def test_a_lost_reply_is_still_answered_after_shipping(desk: EnrollmentDesk, station: Holder) -> None:
    first = await desk.enroll("idevid", serial("SN-1"), by=station)
    await move(desk.installation, "SN-1", "ship")
    again = await desk.enroll("idevid", serial("SN-1"), by=station, signer=first.signer)
    assert again.issued.der == first.issued.der


async def test_one_key_belongs_to_one_device_for_ever(desk: EnrollmentDesk, station: Holder) -> None:
    first = await desk.enroll("idevid", serial("SN-1"), by=station)
    with pytest.raises(NotAuthorized, match="belongs to another device"):
        await desk.enroll("idevid", serial("SN-2"), by=station, signer=first.signer)
    await desk.enroll("idevid", serial("SN-1"), by=station)
    with pytest.raises(NotAuthorized, match="belongs to another device"):
        await desk.enroll("idevid", serial("SN-2"), by=station, signer=first.signer)
    assert await certificates_of(desk, "SN-2") == []


async def test_a_key_that_was_refused_a_certificate_is_nobody_s(desk: EnrollmentDesk, station: Holder) -> None:
    """It was never certified, so who asked with it first has no claim to it."""
    signer = software_signer()
    await desk.enroll("idevid", serial("SN-1"), by=station)
    await move(desk.installation, "SN-1", "ship")
    with pytest.raises(NotAuthorized, match="has left the line"):
        await desk.enroll("idevid", serial("SN-1"), by=station, signer=signer)
    await desk.enroll("idevid", serial("SN-2"), by=station, signer=signer)


async def test_a_key_that_was_certified_stays_its_owner_s_when_another_certificate_is_refused(
    desk: EnrollmentDesk, station: Holder
) -> None:
    first = await desk.enroll("idevid", serial("SN-1"), by=station)
    [record] = await certificates_of(desk, "SN-1")
    gone = Revocation(record.id, record.owner, "superseded", desk.installation.operator, NOON)
    assert await desk.store.write(revoke, gone)
    await move(desk.installation, "SN-1", "ship")
    with pytest.raises(NotAuthorized, match="has left the line"):
        await desk.enroll("idevid", serial("SN-1"), by=station, signer=first.signer)
    with pytest.raises(NotAuthorized, match="belongs to another device"):
        await desk.enroll("idevid", serial("SN-2"), by=station, signer=first.signer)


async def test_a_stations_own_key_is_no_devices(desk: EnrollmentDesk, station: Holder) -> None:
    with pytest.raises(NotAuthorized, match="belongs to another device or service"):
        await desk.enroll("idevid", serial("SN-1"), by=station, signer=station.signer)


async def test_a_device_has_one_live_certificate_per_algorithm(desk: EnrollmentDesk, station: Holder) -> None:
    for key_type in ("P-256", "ML-DSA-65", "P-256", "ML-DSA-65"):
        await desk.enroll("idevid", serial("SN-1"), by=station, signer=software_signer(key_type))
    states = [one.state for one in await certificates_of(desk, "SN-1")]
    assert states == ["revoked", "revoked", "valid", "valid"]


async def test_a_reset_device_that_enrolls_anew_has_its_former_ldevid_superseded(
    desk: EnrollmentDesk, station: Holder, field: EnrollmentDesk
) -> None:
    """IEEE 802.1AR §5: a reset keeps the IDevID and erases LDevIDs."""
    idevid = await desk.enroll("idevid", serial("SN-1"), by=station)
    for _ in range(2):
        await field.enroll("ldevid", by=idevid)
    assert [one.state for one in await certificates_of(field, "SN-1")] == ["revoked", "valid"]


async def test_what_renewals_have_left_valid_is_superseded_when_the_device_enrolls_anew(
    desk: EnrollmentDesk, station: Holder, field: EnrollmentDesk
) -> None:
    """Otherwise a certificate that was renewed before a reset would outlive it; other algorithms are others."""
    idevid = await desk.enroll("idevid", serial("SN-1"), by=station)
    await field.enroll("ldevid", by=idevid, signer=software_signer("Ed25519"))
    first = await field.enroll("ldevid", by=idevid)
    subject, again = first.certificate.subject, Operation.REENROLL
    second = await field.enroll("ldevid", subject, by=first, operation=again)
    third = await field.enroll("ldevid", subject, by=second, operation=again)
    fourth = await field.enroll("ldevid", by=idevid)
    states = [one.state for one in await certificates_of(field, "SN-1")]
    assert states == ["valid", "revoked", "revoked", "revoked", "valid"]
    entries = [one["detail"] for one in await ledger_entries(field.store, "certificate.revoked")]
    assert [one["certificate"] for one in entries] == [
        first.issued.certificate_id,
        second.issued.certificate_id,
        third.issued.certificate_id,
    ]
    assert {one["by"] for one in entries} == {fourth.issued.certificate_id}
    formers = (first, second, third)
    assert fourth.issued.superseded == tuple(f"{one.certificate.serial_number:x}" for one in formers)
    assert {one.issued.superseded for one in formers} == {()}


async def test_the_certificate_that_asks_for_its_successor_is_spared_so_that_a_lost_reply_strands_nobody(
    desk: EnrollmentDesk, station: Holder
) -> None:
    """The identical retry has to be authenticated once more; every other live one of the slot is superseded."""
    other = await desk.enroll("stations", by=station)
    signer = software_signer()
    first = await desk.enroll("stations", by=station, signer=signer)
    assert first.issued.superseded == (f"{other.certificate.serial_number:x}",)
    again = await desk.enroll("stations", by=station, signer=signer)
    assert (again.issued.der, again.issued.repeated) == (first.issued.der, True)
    await desk.enroll("idevid", serial("SN-1"), by=station)
    with pytest.raises(AuthenticationFailed, match="is revoked"):
        await desk.enroll("idevid", serial("SN-2"), by=other)


async def test_a_certificate_that_was_spared_is_superseded_by_the_next_one_that_it_does_not_ask_for(
    desk: EnrollmentDesk, station: Holder, field: EnrollmentDesk
) -> None:
    idevid = await desk.enroll("idevid", serial("SN-1"), by=station)
    first = await field.enroll("ldevid", by=idevid)
    second = await field.enroll("ldevid", by=first)
    assert [one.state for one in await certificates_of(field, "SN-1")] == ["valid", "valid"]
    third = await field.enroll("ldevid", by=second)
    assert third.issued.superseded == (f"{first.certificate.serial_number:x}",)
    assert [one.state for one in await certificates_of(field, "SN-1")] == ["revoked", "valid", "valid"]


@pytest.mark.parametrize("replacement", [Replacement.REVOKE, Replacement.KEEP])
async def test_a_device_that_is_retired_after_its_request_was_authorized_gets_nothing(
    field: EnrollmentDesk, replacement: Replacement
) -> None:
    """The one that decides is the durable transaction: what was read before may have changed."""
    register, _ = await field.registers.current()
    channel = register.channel("ldevid")
    issuer = register.current_generation(channel.authority_id).issuer
    device = await find_device(field.installation, "SN-1")
    order = Order(
        issuer=issuer,
        profile=channel.profile,
        wanted=certified(PROFILES["ldevid"], device_facts(issuer.name, device)),
        public_key=software_signer().public_key,
        owner=f"device:{device.id}",
        replacement=replacement,
        requester=Requester("device:Maker/SN-1", "192.0.2.7"),
        channel_id=channel.id,
        device_id=device.id,
    )
    await move(field.installation, "SN-1", "retire")
    with pytest.raises(NotAuthorized, match="is retired"):
        await field.path.issue(order)
    assert await certificates_of(field, "SN-1") == []


async def test_an_expired_certificate_in_the_slot_is_not_revoked_as_well(
    desk: EnrollmentDesk, station: Holder, field: EnrollmentDesk, clock: FixedClock
) -> None:
    idevid = await desk.enroll("idevid", serial("SN-1"), by=station)
    await field.enroll("ldevid", by=idevid)
    clock.advance(timedelta(days=731))
    await field.enroll("ldevid", by=idevid)
    [first, second] = await certificates_of(field, "SN-1")
    assert (first.state_at(clock.now()), second.state_at(clock.now())) == ("expired", "valid")
    assert await ledger_entries(field.store, "certificate.revoked") == []


async def test_a_record_says_what_was_issued_and_why(desk: EnrollmentDesk, station: Holder) -> None:
    holder = await desk.enroll("idevid", serial("SN-1"), by=station)
    [record] = await certificates_of(desk, "SN-1")
    certificate = holder.certificate
    assert record.der == holder.issued.der
    assert int.from_bytes(record.serial_number, "big") == certificate.serial_number
    assert (record.not_before, record.not_after) == (certificate.not_before, certificate.not_after)
    assert (record.profile, record.profile_version) == ("idevid", 1)
    assert record.public_key == certificate.public_key.fingerprint
    assert record.subject == certificate.subject.text
    register, _ = await desk.registers.current()
    channel = register.channel("idevid")
    assert record.channel_id == channel.id
    issuer = register.current_generation(channel.authority_id).issuer
    assert record.generation_id == issuer.generation_id
