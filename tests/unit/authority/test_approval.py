"""What operators see of requests, and decide about them."""

import pytest

from keyworks.authority.approval import STATES, Verdict, decide, find_request, list_requests
from keyworks.authority.channel import ChannelPolicy
from keyworks.authority.order import Requester
from keyworks.authority.pending import LIFETIME
from keyworks.cli import request as commands
from keyworks.errors import NotAuthorized, OperatorError, Unavailable
from keyworks.oids import SERIAL_NUMBER
from keyworks.testing import NOON, SOURCE, EnrollmentDesk, Holder, ledger_entries
from keyworks.x509.name import Name
from tests.unit.authority.policed import policed

ADA = Requester("operator:ada", "local")
GRACE = Requester("operator:grace", "local")


@pytest.fixture
async def request_id(desk: EnrollmentDesk, station: Holder) -> str:
    """A request that takes two approvals."""
    own, _, _ = policed(desk, "idevid", ChannelPolicy(approvals=2))
    with pytest.raises(Unavailable):
        await own.enroll("idevid", Name.of((SERIAL_NUMBER, "SN-1")), by=station)
    [waiting] = await desk.store.read(lambda tx: list_requests(tx, "pending", "", 10))
    return waiting.id


def verdict(request_id: str, operator: Requester = ADA, *, approves: bool = True, at: int = NOON) -> Verdict:
    return Verdict(request_id, operator, approves, "" if approves else "no", 2, at)


async def test_a_request_says_who_wants_what(desk: EnrollmentDesk, request_id: str) -> None:
    asked = await desk.store.read(lambda tx: find_request(tx, request_id))
    assert (asked.requester, asked.source, asked.state) == ("station:line-1", SOURCE, "pending")
    assert asked.subject.endswith("O=Maker")
    assert (asked.profile, asked.key_type, asked.expires_at) == (
        "idevid",
        "P-256",
        NOON + LIFETIME.total_seconds(),
    )


async def test_one_operator_approves_once(desk: EnrollmentDesk, request_id: str) -> None:
    await desk.store.write(decide, verdict(request_id))
    with pytest.raises(OperatorError, match="already: each of the 2 approvals"):
        await desk.store.write(decide, verdict(request_id))
    decided = await desk.store.write(decide, verdict(request_id, GRACE))
    assert ([one.actor for one in decided.decisions], decided.approvals) == ([ADA.actor, GRACE.actor], 2)
    entries = await ledger_entries(desk.store, "request.approved")
    assert [(one["actor"], one["detail"]["approvals"]) for one in entries] == [
        (ADA.actor, "1 of 2"),
        (GRACE.actor, "2 of 2"),
    ]


async def test_who_asks_does_not_decide(desk: EnrollmentDesk, request_id: str) -> None:
    for approves in (True, False):
        with pytest.raises(NotAuthorized, match="Who asks does not decide"):
            await desk.store.write(
                decide, verdict(request_id, Requester("station:line-1", "local"), approves=approves)
            )
    assert await ledger_entries(desk.store, "request.approved") == []


async def test_a_rejection_is_final_and_says_why_in_the_ledger(desk: EnrollmentDesk, request_id: str) -> None:
    await desk.store.write(decide, verdict(request_id))
    decided = await desk.store.write(decide, verdict(request_id, approves=False))
    assert (decided.state, decided.approvals) == ("rejected", 0)
    [entry] = await ledger_entries(desk.store, "request.rejected")
    assert (entry["actor"], entry["detail"]) == (ADA.actor, {"request": request_id, "reason": "no"})
    with pytest.raises(OperatorError, match="is rejected; nothing is left to decide"):
        await desk.store.write(decide, verdict(request_id, GRACE))


async def test_nothing_is_decided_about_what_has_ended(desk: EnrollmentDesk, request_id: str) -> None:
    late = NOON + int(LIFETIME.total_seconds()) + 1
    with pytest.raises(OperatorError, match="is expired"):
        await desk.store.write(decide, verdict(request_id, at=late))


async def test_what_there_is_not_cannot_be_decided_about(desk: EnrollmentDesk) -> None:
    with pytest.raises(OperatorError, match="There is no request 'x'; see `keyworks request list`"):
        await desk.store.write(decide, verdict("x"))


def test_the_command_offers_the_states_that_there_are() -> None:
    assert commands.STATES == STATES
