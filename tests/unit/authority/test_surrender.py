"""What a holder may give up by itself: its own certificate, of the channel that it came through."""

import pytest

from keyworks.authority.authorize import Operation
from keyworks.authority.enrollment import Admitted, Attempt
from keyworks.authority.surrender import Surrender, find_surrendered
from keyworks.errors import NotAuthorized, NotFound
from keyworks.oids import SERIAL_NUMBER
from keyworks.testing import SOURCE, EnrollmentDesk, Holder
from keyworks.x509.name import EMPTY_NAME, Name


async def admitted(desk: EnrollmentDesk, label: str, holder: Holder) -> Admitted:
    return await desk.enrollment.admit(
        Attempt(label, Operation.ENROLL, holder.presented, None, b"message", SOURCE)
    )


async def found(desk: EnrollmentDesk, label: str, by: Holder, wanted: Surrender) -> str:
    who = await admitted(desk, label, by)
    record = await desk.store.read(lambda tx: find_surrendered(tx, wanted, who.channel, who.authenticated))
    return record.id


def surrender_of(holder: Holder) -> Surrender:
    return Surrender(holder.certificate.issuer, holder.certificate.serial_number, "superseded")


async def test_a_holder_gives_up_its_certificate_with_it_or_with_another_of_its_own(
    desk: EnrollmentDesk, station: Holder
) -> None:
    second = await desk.enroll(
        "stations", station.certificate.subject, by=station, operation=Operation.REENROLL
    )
    for by in (station, second):
        for held in (station, second):
            assert await found(desk, "stations", by, surrender_of(held)) == held.issued.certificate_id


async def test_a_station_gives_up_no_device_and_no_other_station(desk: EnrollmentDesk, station: Holder) -> None:
    device = await desk.enroll("idevid", Name.of((SERIAL_NUMBER, "SN-1")), by=station)
    other = await desk.station("line-2")
    for held, label in ((device, "idevid"), (other, "stations")):
        with pytest.raises(NotAuthorized, match="at the request of its own holder"):
            await found(desk, label, station, surrender_of(held))


async def test_it_is_given_up_on_the_channel_that_it_came_from(desk: EnrollmentDesk, station: Holder) -> None:
    with pytest.raises(NotAuthorized, match="not issued through channel idevid"):
        await found(desk, "idevid", station, surrender_of(station))


async def test_a_foreign_device_s_certificate_is_not_ours_to_revoke(
    field: EnrollmentDesk, desk: EnrollmentDesk, station: Holder
) -> None:
    """Its IDevID is the supplier's; with it, it gives up none of the LDevIDs that it has here."""
    device = await desk.enroll("idevid", Name.of((SERIAL_NUMBER, "SN-1")), by=station)
    local = await field.enroll("ldevid", EMPTY_NAME, by=device)
    with pytest.raises(NotFound):
        await found(field, "ldevid", device, surrender_of(device))
    with pytest.raises(NotAuthorized):
        await found(field, "ldevid", device, surrender_of(local))
    assert await found(field, "ldevid", local, surrender_of(local)) == local.issued.certificate_id


@pytest.mark.parametrize("serial_number", [0, 5, -1, 1 << 200])
async def test_a_serial_number_that_was_never_issued_is_not_found(
    desk: EnrollmentDesk, station: Holder, serial_number: int
) -> None:
    with pytest.raises(NotFound, match="No certificate with this issuer and serial number"):
        await found(
            desk, "stations", station, Surrender(station.certificate.issuer, serial_number, "superseded")
        )


async def test_another_issuer_s_certificate_of_this_number_is_not_found(
    desk: EnrollmentDesk, station: Holder
) -> None:
    wanted = Surrender(station.certificate.subject, station.certificate.serial_number, "superseded")
    with pytest.raises(NotFound):
        await found(desk, "stations", station, wanted)
