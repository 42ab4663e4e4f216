"""Requests that wait: recorded once, polled, issued for exactly what was approved, ended in time."""

import asyncio
from datetime import timedelta
from typing import Final

import pytest

from keyworks import oids
from keyworks.access.credential import BasicCredentials
from keyworks.authority import pending
from keyworks.authority.approval import Verdict, decide, find_request, list_requests
from keyworks.authority.authorize import Operation
from keyworks.authority.channel import ChannelPolicy
from keyworks.authority.order import Requester
from keyworks.authority.pending import LIFETIME, expire
from keyworks.authority.revoke import Revocation, revoke
from keyworks.errors import NotAuthorized, QuotaExceeded, Unavailable
from keyworks.keys.software import SoftwareSigner
from keyworks.service.installation import location_of
from keyworks.service.stations import add_station
from keyworks.store.opening import open_store
from keyworks.testing import NOON, EnrollmentDesk, FixedClock, Holder, ledger_entries, move, software_signer
from keyworks.x509.name import Name
from tests.unit.authority.policed import Policed, policed

SN: Final = oids.SERIAL_NUMBER
SN_1: Final = Name.of((SN, "SN-1"))
SN_2: Final = Name.of((SN, "SN-2"))
ADA: Final = Requester("operator:ada", "local")
GRACE: Final = Requester("operator:grace", "local")


class Waiting:
    """A station that asks for a device where one operator has to approve; its key stays the same."""

    def __init__(self, desk: EnrollmentDesk, station: Holder, registers: Policed) -> None:
        self.desk = desk
        self.station = station
        self.registers = registers
        self.signer = software_signer()

    async def ask(self, subject: Name = SN_1, signer: SoftwareSigner | None = None) -> Holder:
        return await self.desk.enroll("idevid", subject, by=self.station, signer=signer or self.signer)

    async def waits(self, subject: Name = SN_1, signer: SoftwareSigner | None = None) -> str:
        """Ask, and return the id under which the request waits."""
        with pytest.raises(Unavailable, match="waits for approval as ") as told:
            await self.ask(subject, signer)
        assert told.value.retry_after == timedelta(minutes=1)
        return told.value.detail.partition(" as ")[2].partition(";")[0]

    async def decide(
        self, request_id: str, by: Requester = ADA, *, approves: bool = True, at: int = NOON
    ) -> None:
        reason = "" if approves else "not on the delivery note"
        needed = self.registers.policy.approvals
        await self.desk.store.write(decide, Verdict(request_id, by, approves, reason, needed, at))

    async def actions(self) -> list[str]:
        entries = await ledger_entries(self.desk.store)
        return [one["action"] for one in entries if one["action"].startswith(("request.", "certificate.re"))]


@pytest.fixture
def waiting(desk: EnrollmentDesk, station: Holder) -> Waiting:
    own, _, registers = policed(desk, "idevid", ChannelPolicy(approvals=1))
    return Waiting(own, station, registers)


async def test_a_request_waits_until_it_is_approved_and_its_next_poll_gets_the_certificate(
    waiting: Waiting,
) -> None:
    """RFC 7030 §4.2.3: the client repeats its request; every repetition is the same request."""
    first = await waiting.waits()
    assert await waiting.waits() == first
    await waiting.decide(first)
    holder = await waiting.ask()
    assert (await waiting.ask()).issued.der == holder.issued.der
    assert await waiting.actions() == ["request.pending", "request.approved"]
    [asked, *_] = await ledger_entries(waiting.desk.store, "request.pending")
    assert (asked["actor"], asked["detail"]["request"]) == ("station:line-1", first)
    recorded = await waiting.desk.store.read(lambda tx: find_request(tx, first))
    assert (recorded.state, recorded.certificate_id) == ("issued", holder.issued.certificate_id)


async def test_an_approval_is_for_one_key_and_one_name(waiting: Waiting) -> None:
    approved = await waiting.waits()
    await waiting.decide(approved)
    others = {await waiting.waits(SN_1, software_signer()), await waiting.waits(SN_2)}
    assert len(others | {approved}) == 3


async def test_each_approval_is_another_operator_s(waiting: Waiting) -> None:
    waiting.registers.policy = ChannelPolicy(approvals=2)
    request = await waiting.waits()
    await waiting.decide(request)
    await waiting.waits()
    await waiting.decide(request, GRACE)
    await waiting.ask()


async def test_the_policy_at_the_time_of_the_poll_counts(waiting: Waiting) -> None:
    request = await waiting.waits()
    await waiting.decide(request)
    waiting.registers.policy = ChannelPolicy(approvals=2)
    await waiting.waits()
    waiting.registers.policy = ChannelPolicy(approvals=0)
    await waiting.ask()


async def test_the_poll_is_authorized_anew(waiting: Waiting) -> None:
    await waiting.decide(await waiting.waits())
    installation = waiting.desk.installation
    await move(installation, "SN-1", "retire")
    with pytest.raises(NotAuthorized, match="retired"):
        await waiting.ask()


async def test_an_approval_is_used_up_by_its_certificate(waiting: Waiting) -> None:
    """What was revoked does not come back by asking again."""
    first = await waiting.waits()
    await waiting.decide(first)
    holder = await waiting.ask()
    gone = Revocation(holder.issued.certificate_id, "device", "cessationOfOperation", ADA, NOON)
    assert await waiting.desk.store.write(revoke, gone)
    assert await waiting.waits() != first


async def test_a_rejection_answers_its_request_and_no_other(waiting: Waiting, clock: FixedClock) -> None:
    request = await waiting.waits()
    await waiting.decide(request, approves=False)
    with pytest.raises(NotAuthorized, match="An operator rejected this request: not on the delivery note"):
        await waiting.ask()
    await waiting.waits(SN_1, software_signer())
    clock.advance(LIFETIME + timedelta(seconds=1))
    assert await waiting.waits() != request


async def test_what_was_approved_can_be_rejected_until_it_is_polled(waiting: Waiting) -> None:
    request = await waiting.waits()
    await waiting.decide(request)
    await waiting.decide(request, approves=False)
    with pytest.raises(NotAuthorized, match="rejected"):
        await waiting.ask()


async def test_a_request_that_nobody_decides_about_ends(waiting: Waiting, clock: FixedClock) -> None:
    request = await waiting.waits()
    clock.advance(LIFETIME)
    assert await waiting.desk.store.write(expire, clock.at) == 0
    clock.advance(timedelta(seconds=1))
    assert await waiting.desk.store.write(expire, clock.at) == 1
    [entry] = await ledger_entries(waiting.desk.store, "request.expired")
    assert entry["detail"] == {"request": request}
    assert await waiting.waits() != request


async def test_an_approval_that_comes_to_nothing_in_time_is_void(waiting: Waiting, clock: FixedClock) -> None:
    request = await waiting.waits()
    await waiting.decide(request)
    clock.advance(LIFETIME + timedelta(seconds=1))
    assert await waiting.waits() != request


async def test_nobody_fills_the_table(waiting: Waiting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "MAX_PENDING", 2)
    await waiting.waits()
    second = await waiting.waits(SN_2)
    with pytest.raises(QuotaExceeded, match="2 requests of yours wait"):
        await waiting.ask(Name.of((SN, "SN-3")))
    await waiting.waits()
    await waiting.decide(second, approves=False)
    await waiting.waits(Name.of((SN, "SN-3")))
    assert len(await waiting.desk.store.read(lambda tx: list_requests(tx, "", "", 9))) == 3


async def test_two_workers_with_one_request_record_it_once(waiting: Waiting, clock: FixedClock) -> None:
    installation = waiting.desk.installation
    other = open_store(location_of(installation.home, installation.settings.database), clock)
    try:
        bare = EnrollmentDesk(installation, other)
        second = Waiting(
            policed(bare, "idevid", ChannelPolicy(approvals=1))[0], waiting.station, waiting.registers
        )
        second.signer = waiting.signer
        ids = await asyncio.gather(waiting.waits(), second.waits(), waiting.waits())
    finally:
        await other.close()
    assert len(set(ids)) == 1
    assert await waiting.actions() == ["request.pending"]


async def test_two_workers_use_one_approval_for_one_certificate(waiting: Waiting, clock: FixedClock) -> None:
    await waiting.decide(await waiting.waits())
    installation = waiting.desk.installation
    other = open_store(location_of(installation.home, installation.settings.database), clock)
    try:
        bare = EnrollmentDesk(installation, other)
        second = Waiting(
            policed(bare, "idevid", ChannelPolicy(approvals=1))[0], waiting.station, waiting.registers
        )
        second.signer = waiting.signer
        holders = await asyncio.gather(waiting.ask(), second.ask())
    finally:
        await other.close()
    assert len({one.issued.der for one in holders}) == 1


async def test_a_renewal_does_not_wait(desk: EnrollmentDesk, station: Holder) -> None:
    """Approval is for who becomes part of the plant, not for who stays."""
    own, _, _ = policed(desk, "stations", ChannelPolicy(approvals=1))
    subject = station.certificate.subject
    await own.enroll("stations", subject, by=station, operation=Operation.REENROLL)


async def test_a_one_time_secret_waits_with_its_request_and_is_spent_with_the_certificate(
    desk: EnrollmentDesk, station: Holder
) -> None:
    own, _, registers = policed(desk, "stations", ChannelPolicy(approvals=1))
    new = await add_station(desk.installation, "line-2", ["idevid"])
    by, signer = BasicCredentials("line-2", new.secret), software_signer()
    waiting = Waiting(own, station, registers)
    with pytest.raises(Unavailable) as told:
        await own.enroll("stations", by=by, signer=signer)
    with pytest.raises(NotAuthorized, match="used for another key"):
        await own.enroll("stations", by=by)
    await waiting.decide(told.value.detail.partition(" as ")[2].partition(";")[0])
    holder = await own.enroll("stations", by=by, signer=signer)
    gone = Revocation(holder.issued.certificate_id, "station", "cessationOfOperation", ADA, NOON)
    assert await own.store.write(revoke, gone)
    registers.policy = ChannelPolicy()
    with pytest.raises(NotAuthorized, match="secret is spent"):
        await own.enroll("stations", by=by, signer=signer)
