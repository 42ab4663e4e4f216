"""What may be issued to whom: each profile's rule, and each refusal."""

from datetime import timedelta
from typing import Final

import pytest

from keyworks import oids
from keyworks.access.credential import BasicCredentials
from keyworks.access.principal import Kind
from keyworks.authority.authorize import Operation
from keyworks.errors import InvalidPath, KeyworksError, NotAuthorized, NotFound, RejectedName
from keyworks.service.accounts import set_account_active
from keyworks.service.anchors import add_anchor
from keyworks.service.authorities import find_generation
from keyworks.service.channels import NewChannel, create_channel
from keyworks.service.inventory import add_devices
from keyworks.service.stations import add_station
from keyworks.testing import EnrollmentDesk, FixedClock, Holder, move, throwaway_installation
from keyworks.x509.certificate import pem_of
from keyworks.x509.name import EMPTY_NAME, Name

SN, ORG, OU = oids.SERIAL_NUMBER, oids.ORGANIZATION_NAME, oids.ORGANIZATIONAL_UNIT_NAME
SN_1: Final = Name.of((SN, "SN-1"))


@pytest.fixture
async def idevid(desk: EnrollmentDesk, station: Holder) -> Holder:
    """A device with its IDevID."""
    return await desk.enroll("idevid", SN_1, by=station)


async def test_a_station_gets_a_registered_device_its_idevid(desk: EnrollmentDesk, station: Holder) -> None:
    holder = await desk.enroll("idevid", SN_1, by=station)
    assert holder.certificate.subject.text == "serialNumber=SN-1,CN=SN-1,OU=Drive,O=Maker"
    assert holder.certificate.public_key == holder.signer.public_key


async def test_a_device_gets_its_ldevid_with_its_foreign_idevid(field: EnrollmentDesk, idevid: Holder) -> None:
    for subject in (EMPTY_NAME, idevid.certificate.subject):
        holder = await field.enroll("ldevid", subject, by=idevid)
        text = "serialNumber=SN-1,CN=SN-1,OU=Drive,OU=Maker,O=Example Operator"
        assert holder.certificate.subject.text == text


async def test_a_station_gets_its_own_certificate_anew_with_the_one_it_has(
    desk: EnrollmentDesk, station: Holder
) -> None:
    holder = await desk.enroll("stations", by=station)
    assert holder.certificate.subject.text == "CN=line-1,O=Example Supplier"


@pytest.mark.parametrize(
    ("subject", "cause", "sentence"),
    [
        (Name.of((SN, "SN-9")), NotAuthorized, "'SN-9' is registered; register it first"),
        (EMPTY_NAME, RejectedName, "has to name one device"),
        (Name.of((SN, "SN-1"), (oids.COMMON_NAME, "SN-2")), RejectedName, "certifies 'SN-1' here"),
        (Name.of((SN, "SN-1"), (ORG, "Rival")), RejectedName, "certifies 'Maker' here"),
        (Name.of((SN, "SN-1"), (OU, "Pump")), RejectedName, "certifies 'Drive' here"),
    ],
)
async def test_a_station_enrolls_no_device_but_a_registered_one_by_its_names(
    desk: EnrollmentDesk, station: Holder, subject: Name, cause: type[KeyworksError], sentence: str
) -> None:
    with pytest.raises(cause, match=sentence):
        await desk.enroll("idevid", subject, by=station)


async def test_products_that_share_a_serial_number_are_told_apart_by_the_names_in_the_request(
    desk: EnrollmentDesk, station: Holder
) -> None:
    await add_devices(desk.installation, "Maker", "Pump", ["SN-1"])
    await add_devices(desk.installation, "Rival", "Drive", ["SN-1"])
    for names in (
        [],
        [(OU, "Drive")],
        [(ORG, "Maker")],
        [(ORG, "Nobody")],
        [(ORG, "Maker"), (ORG, "Rival"), (OU, "Drive")],
        [(ORG, "Rival"), (OU, "Pump")],
    ):
        with pytest.raises(RejectedName, match="Several devices have serial number 'SN-1'"):
            await desk.enroll("idevid", Name.of((SN, "SN-1"), *names), by=station)
    pump = await desk.enroll("idevid", Name.of((OU, "Pump"), (SN, "SN-1")), by=station)
    rival = await desk.enroll("idevid", Name.of((ORG, "Rival"), (SN, "SN-1")), by=station)
    drive = await desk.enroll("idevid", Name.of((ORG, "Maker"), (OU, "Drive"), (SN, "SN-1")), by=station)
    subjects = [holder.certificate.subject.values(ORG) for holder in (pump, rival, drive)]
    assert subjects == [("Maker",), ("Rival",), ("Maker",)]


async def test_a_devices_certificate_is_no_stations(desk: EnrollmentDesk, idevid: Holder) -> None:
    for label in ("idevid", "stations"):
        with pytest.raises(NotAuthorized, match="serves a station; the client certificate is a device's"):
            await desk.enroll(label, Name.of((SN, "SN-2")), by=idevid)


async def test_a_wrong_label_is_no_channel(desk: EnrollmentDesk, station: Holder) -> None:
    with pytest.raises(NotFound, match="no channel 'ldevid'"):
        await desk.enroll("ldevid", SN_1, by=station)


async def test_nobody_gets_a_servers_certificate_over_the_network(
    desk: EnrollmentDesk, station: Holder
) -> None:
    with pytest.raises(NotAuthorized, match="serves nobody"):
        await desk.enroll("tls", by=station)


async def test_a_disabled_station_is_refused_with_its_next_request(
    desk: EnrollmentDesk, station: Holder
) -> None:
    await desk.enroll("idevid", SN_1, by=station)
    await set_account_active(desk.installation, Kind.STATION, "line-1", active=False)
    for label, operation in (("idevid", Operation.ENROLL), ("stations", Operation.REENROLL)):
        with pytest.raises(NotAuthorized, match="is disabled"):
            await desk.enroll(label, station.certificate.subject, by=station, operation=operation)


async def test_a_disabled_station_gets_nothing_for_its_secret(desk: EnrollmentDesk) -> None:
    new = await add_station(desk.installation, "line-2", ["idevid"])
    await set_account_active(desk.installation, Kind.STATION, "line-2", active=False)
    with pytest.raises(NotAuthorized, match="is disabled"):
        await desk.enroll("stations", by=BasicCredentials("line-2", new.secret))


async def test_a_station_uses_only_its_own_channels(desk: EnrollmentDesk) -> None:
    await create_channel(desk.installation, NewChannel("other-line", "idevid-issuing", "idevid"))
    station = await desk.station("line-2", "other-line")
    with pytest.raises(NotAuthorized, match="may not use channel idevid"):
        await desk.enroll("idevid", SN_1, by=station)
    await desk.enroll("other-line", SN_1, by=station)


async def test_a_retired_device_gets_nothing_any_more(
    desk: EnrollmentDesk, station: Holder, field: EnrollmentDesk, idevid: Holder
) -> None:
    ldevid = await field.enroll("ldevid", by=idevid)
    await move(desk.installation, "SN-1", "retire")
    with pytest.raises(NotAuthorized, match="is retired"):
        await desk.enroll("idevid", SN_1, by=station, signer=idevid.signer)
    await move(field.installation, "SN-1", "retire")
    subject = ldevid.certificate.subject
    for by, operation in (
        (idevid, Operation.ENROLL),
        (ldevid, Operation.ENROLL),
        (ldevid, Operation.REENROLL),
    ):
        with pytest.raises(NotAuthorized, match="is retired"):
            await field.enroll("ldevid", subject, by=by, operation=operation)


async def test_a_device_that_its_owner_does_not_know_gets_nothing(
    desk: EnrollmentDesk, station: Holder, field: EnrollmentDesk
) -> None:
    stranger = await desk.enroll("idevid", Name.of((SN, "SN-3")), by=station)
    with pytest.raises(NotAuthorized, match="SN-3 of Maker is not in this inventory"):
        await field.enroll("ldevid", by=stranger)


async def test_a_device_asks_for_no_other_devices_name(field: EnrollmentDesk, idevid: Holder) -> None:
    with pytest.raises(RejectedName, match="serialNumber 'SN-2', but this channel certifies 'SN-1'"):
        await field.enroll("ldevid", Name.of((SN, "SN-2")), by=idevid)


async def test_devices_of_two_manufacturers_with_one_serial_number_stay_two(
    field: EnrollmentDesk, idevid: Holder, clock: FixedClock
) -> None:
    """The manufacturer is the anchor's: what a supplier writes into a certificate names no other's device."""
    operator = field.installation
    async with throwaway_installation(operator.home.parent / "rival", "supplier", clock) as rival:
        await add_devices(rival, "Maker", "Drive", ["SN-1"])
        theirs = EnrollmentDesk(rival)
        twin = await theirs.enroll("idevid", SN_1, by=await theirs.station("line-1", "idevid"))
        root = await find_generation(rival, "idevid-root")
        await add_anchor(operator, "rival", pem_of(root.certificate.der).encode(), Kind.DEVICE, "Rival")
    assert twin.certificate.subject == idevid.certificate.subject
    with pytest.raises(NotAuthorized, match="SN-1 of Rival is not in this inventory"):
        await field.enroll("ldevid", by=twin)
    await add_devices(operator, "Rival", "Drive", ["SN-1"])
    ours, others = await field.enroll("ldevid", by=idevid), await field.enroll("ldevid", by=twin)
    units = [holder.certificate.subject.values(OU) for holder in (ours, others)]
    assert units == [("Maker", "Drive"), ("Rival", "Drive")]


async def test_a_re_enrollment_keeps_the_names_and_takes_a_new_key(
    field: EnrollmentDesk, idevid: Holder
) -> None:
    """RFC 7030 §4.2.2."""
    first = await field.enroll("ldevid", by=idevid)
    subject = first.certificate.subject
    second = await field.enroll("ldevid", subject, by=first, operation=Operation.REENROLL)
    third = await field.enroll("ldevid", subject, by=second, signer=second.signer, operation=Operation.REENROLL)
    assert second.certificate.subject == third.certificate.subject == subject
    assert len({holder.issued.der for holder in (first, second, third)}) == 3


async def test_a_re_enrollment_that_changes_the_subject_is_refused(
    field: EnrollmentDesk, idevid: Holder
) -> None:
    """RFC 7030 §4.2.2."""
    ldevid = await field.enroll("ldevid", by=idevid)
    for subject in (EMPTY_NAME, SN_1, idevid.certificate.subject):
        with pytest.raises(RejectedName, match="keeps its names"):
            await field.enroll("ldevid", subject, by=ldevid, operation=Operation.REENROLL)


async def test_an_idevid_is_never_renewed(desk: EnrollmentDesk, field: EnrollmentDesk, idevid: Holder) -> None:
    """IEEE 802.1AR: an IDevID lasts as long as its device."""
    subject, again = idevid.certificate.subject, Operation.REENROLL
    with pytest.raises(NotAuthorized, match="serves a station"):
        await desk.enroll("idevid", subject, by=idevid, operation=again)
    with pytest.raises(NotAuthorized, match="use simpleenroll first"):
        await field.enroll("ldevid", subject, by=idevid, operation=again)
    await create_channel(desk.installation, NewChannel("ldevid", "issuing", "ldevid"))
    with pytest.raises(NotAuthorized, match="An IDevID is never renewed"):
        await desk.enroll("ldevid", subject, by=idevid, operation=again)


async def test_a_certificate_is_renewed_only_where_it_came_from(
    desk: EnrollmentDesk, station: Holder, field: EnrollmentDesk, idevid: Holder
) -> None:
    again = Operation.REENROLL
    with pytest.raises(NotAuthorized, match="renews only certificates that it has issued"):
        await desk.enroll("idevid", station.certificate.subject, by=station, operation=again)
    await create_channel(field.installation, NewChannel("ldevid-2", "issuing", "ldevid"))
    ldevid = await field.enroll("ldevid", by=idevid)
    with pytest.raises(NotAuthorized, match="Channel ldevid-2 renews only"):
        await field.enroll("ldevid-2", ldevid.certificate.subject, by=ldevid, operation=again)
    await field.enroll("ldevid", ldevid.certificate.subject, by=ldevid, operation=again)


async def test_a_secret_renews_nothing(desk: EnrollmentDesk) -> None:
    new = await add_station(desk.installation, "line-2", ["idevid"])
    with pytest.raises(NotAuthorized, match="authenticated by the certificate being renewed"):
        await desk.enroll("stations", by=BasicCredentials("line-2", new.secret), operation=Operation.REENROLL)


async def test_an_expired_foreign_certificate_authenticates_nobody(
    desk: EnrollmentDesk, station: Holder, field: EnrollmentDesk, clock: FixedClock
) -> None:
    root = await find_generation(desk.installation, "root")
    await add_anchor(field.installation, "any", pem_of(root.certificate.der).encode(), Kind.STATION, None)
    clock.advance(timedelta(days=400))
    with pytest.raises(InvalidPath, match="expired on"):
        await field.enroll("stations", by=station)
