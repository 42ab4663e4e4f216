"""Requests that wait, as one operator sees them and decides about them."""

from datetime import timedelta

import pytest

from keyworks.authority.channel import ChannelPolicy
from keyworks.authority.pending import LIFETIME
from keyworks.errors import OperatorError, Unavailable
from keyworks.oids import SERIAL_NUMBER
from keyworks.service.installation import Installation
from keyworks.service.inventory import add_devices
from keyworks.service.requests import (
    approve_request,
    expire_requests,
    find_request,
    list_requests,
    reject_request,
)
from keyworks.testing import NOON, EnrollmentDesk, FixedClock, Holder
from keyworks.x509.name import Name
from keyworks.x509.tbs import NO_EXPIRY
from tests.unit.authority.policed import policed


class Desk:
    """A supplier's channel where operators have to approve, and a station that asks there."""

    def __init__(self, desk: EnrollmentDesk, installation: Installation, station: Holder) -> None:
        self.desk = desk
        self.installation = installation
        self.station = station

    async def wait(self, serial_number: str) -> str:
        """Ask for a device that has to be waited for; return the request's id."""
        with pytest.raises(Unavailable):
            await self.desk.enroll("idevid", Name.of((SERIAL_NUMBER, serial_number)), by=self.station)
        return (await list_requests(self.installation, "", "", 100))[-1].id


@pytest.fixture
async def own(supplier: Installation, request: pytest.FixtureRequest) -> Desk:
    await add_devices(supplier, "Maker", "Drive", ["SN-1", "SN-2", "SN-3"])
    bare = EnrollmentDesk(supplier)
    station = await bare.station("line-1", "idevid")
    approvals = getattr(request, "param", 1)
    desk, installation, _ = policed(bare, "idevid", ChannelPolicy(approvals=approvals))
    return Desk(desk, installation, station)


async def test_a_request_shows_the_certificate_it_would_lead_to(own: Desk) -> None:
    seen = await find_request(own.installation, await own.wait("SN-1"))
    assert (seen.channel, seen.needed, seen.state, seen.names) == ("idevid", 1, "pending", ())
    assert (seen.not_before, seen.not_after) == (NOON - 300, NO_EXPIRY)


async def test_requests_are_found_by_state_page_by_page(own: Desk, clock: FixedClock) -> None:
    first, second, third = [await own.wait(f"SN-{number}") for number in (1, 2, 3)]
    await approve_request(own.installation, second)
    await reject_request(own.installation, third, "unknown")

    async def ids(state: str, after: str = "", most: int = 1) -> list[str]:
        return [one.id for one in await list_requests(own.installation, state, after, most)]

    assert (await ids("pending"), await ids("approved"), await ids("rejected")) == ([first], [second], [third])
    assert (await ids(""), await ids("", first), await ids("approved", second)) == ([first], [second], [])
    clock.advance(LIFETIME + timedelta(seconds=1))
    for ended in (2, 0):
        assert await ids("expired", most=9) == [first, second]
        assert await expire_requests(own.installation) == ended


@pytest.mark.parametrize("own", [2], indirect=True)
async def test_one_account_cannot_approve_twice(own: Desk) -> None:
    request_id = await own.wait("SN-1")
    seen = await approve_request(own.installation, request_id)
    assert (seen.state, seen.asked.approvals, seen.needed) == ("pending", 1, 2)
    with pytest.raises(OperatorError, match="each of the 2 approvals"):
        await approve_request(own.installation, request_id)


@pytest.mark.parametrize("reason", ["", "  ", "a\nb", "x" * 201, "\x1b[31m"])
async def test_a_rejection_has_a_reason_that_can_be_told(own: Desk, reason: str) -> None:
    request_id = await own.wait("SN-1")
    with pytest.raises(OperatorError, match="Say why"):
        await reject_request(own.installation, request_id, reason)
    assert (await find_request(own.installation, request_id)).state == "pending"
