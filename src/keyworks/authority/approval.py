"""What operators see of requests that wait, and what they decide about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, or_, select, update

from keyworks.authority.order import Requester
from keyworks.authority.records import pending_request as request
from keyworks.authority.records import request_decision as decision
from keyworks.errors import NotAuthorized, OperatorError
from keyworks.ledger.entry import SealedEntry
from keyworks.ledger.records import insert_entries
from keyworks.store.engine import Transaction
from keyworks.store.statement import Statement, insert

STATES: Final = ("pending", "approved", "rejected", "issued", "expired")
"""As operators see them; approved is a pending one with enough approvals, until it is polled."""

MAX_REASON: Final = 200

_COLUMNS: Final = tuple(one for one in request.c if one.name not in ("request_key", "der"))
_LIST: Final = Statement(
    select(*_COLUMNS)
    .where(
        or_(bindparam("wanted_state") == "", request.c.state == bindparam("wanted_state")),
        request.c.id > bindparam("after"),
    )
    .order_by(request.c.id)
    .limit(bindparam("most"))
)
_ONE: Final = Statement(select(*_COLUMNS).where(request.c.id == bindparam("wanted_id")))
_DECISIONS: Final = Statement(
    select(decision.c.actor, decision.c.approves, decision.c.reason, decision.c.at)
    .where(decision.c.request_id == bindparam("wanted_id"))
    .order_by(decision.c.at, decision.c.actor)
)
_DECIDE: Final = Statement(insert(decision).on_conflict_do_nothing().returning(decision.c.actor))
_OVERTURN: Final = Statement(
    update(decision)
    .where(decision.c.request_id == bindparam("wanted_id"), decision.c.actor == bindparam("wanted_actor"))
    .values(approves=0, reason=bindparam("why"), at=bindparam("now"))
)
_REJECT: Final = Statement(
    update(request).where(request.c.id == bindparam("wanted_id")).values(state="rejected")
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What one operator decided.

    Args:
        actor: Who.
        approves: Or rejects.
        reason: Why, where it was said.
        at: When.
    """

    actor: str
    approves: bool
    reason: str
    at: int


@dataclass(frozen=True, slots=True)
class AskedFor:
    """A request as recorded.

    Args:
        id: Opaque, time-ordered.
        channel_id: Where it came in.
        owner: Whose certificate it would be.
        profile: What it would look like.
        profile_version: Of that profile.
        subject: Its subject.
        subject_alt_name: DER, where it has one.
        key_type: Of its key.
        public_key: Fingerprint of its key.
        requester: Who asks.
        source: The address it came from.
        created_at: When it was first asked.
        expires_at: Until when it waits.
        state: As recorded: an approved one is pending until it is polled.
        certificate_id: What was issued for it.
        decisions: What was decided, in order.
    """

    id: str
    channel_id: str
    owner: str
    profile: str
    profile_version: int
    subject: str
    subject_alt_name: bytes | None
    key_type: str
    public_key: bytes
    requester: str
    source: str
    created_at: int
    expires_at: int
    state: str
    certificate_id: str | None
    decisions: tuple[Decision, ...]

    @property
    def approvals(self) -> int:
        """Return how many operators approve it."""
        return sum(one.approves for one in self.decisions)


def list_requests(tx: Transaction, state: str, after: str, most: int) -> list[AskedFor]:
    """Return requests in the order in which they came, page by page.

    Args:
        tx: Where to look.
        state: As recorded; empty for all.
        after: Only those behind this id.
        most: At most so many.
    """
    rows = tx.execute(_LIST, {"wanted_state": state, "after": after, "most": most})
    return [_asked_for(tx, row) for row in rows]


def find_request(tx: Transaction, request_id: str) -> AskedFor:
    """Return one request.

    Raises:
        OperatorError: There is none.
    """
    for row in tx.execute(_ONE, {"wanted_id": request_id}):
        return _asked_for(tx, row)
    raise OperatorError(f"There is no request '{request_id}'; see `keyworks request list`.")


def _asked_for(tx: Transaction, row: tuple[object, ...]) -> AskedFor:
    values = dict(zip((one.name for one in _COLUMNS), row, strict=True))
    decided = tx.execute(_DECISIONS, {"wanted_id": values["id"]})
    decisions = tuple(Decision(actor, bool(approves), reason, at) for actor, approves, reason, at in decided)
    return AskedFor(**values, decisions=decisions)  # type: ignore[arg-type]  # as the columns say


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision to be recorded.

    Args:
        request_id: About which request.
        operator: Who decides.
        approves: Or rejects.
        reason: Why; a requester is told why it was rejected.
        needed: Approvals that the channel asks for now.
        at: When.
    """

    request_id: str
    operator: Requester
    approves: bool
    reason: str
    needed: int
    at: int


def decide(tx: Transaction, items: Sequence[Verdict]) -> list[AskedFor]:
    """Record decisions with their ledger entries (a write function); return the requests as they are then.

    Raises:
        OperatorError: Nothing is to be decided any more, or this operator has approved it before.
        NotAuthorized: The requester decides about its own request.
    """
    return [_decide_one(tx, one) for one in items]


def _decide_one(tx: Transaction, verdict: Verdict) -> AskedFor:
    asked = find_request(tx, verdict.request_id)
    _check_open(asked, verdict)
    actor = verdict.operator.actor
    if actor == asked.requester:
        raise NotAuthorized("Who asks does not decide about it.")
    row = {
        "request_id": asked.id,
        "actor": actor,
        "approves": int(verdict.approves),
        "reason": verdict.reason,
        "at": verdict.at,
    }
    if not tx.execute(_DECIDE, row):
        if verdict.approves:
            raise OperatorError(
                f"You have approved request {asked.id} already: each of the {verdict.needed} approvals has to "
                "come from another operator."
            )
        known = {"wanted_id": asked.id, "wanted_actor": actor, "why": verdict.reason, "now": verdict.at}
        tx.execute(_OVERTURN, known)
    if not verdict.approves:
        tx.execute(_REJECT, {"wanted_id": asked.id})
    decided = find_request(tx, asked.id)
    insert_entries(tx, [_entry(decided, verdict)])
    return decided


def _check_open(asked: AskedFor, verdict: Verdict) -> None:
    state = "expired" if asked.state == "pending" and asked.expires_at < verdict.at else asked.state
    if state != "pending":
        raise OperatorError(f"Request {asked.id} is {state}; nothing is left to decide about it.")


def _entry(asked: AskedFor, verdict: Verdict) -> SealedEntry:
    said = (
        (("approvals", f"{asked.approvals} of {verdict.needed}"),)
        if verdict.approves
        else (("reason", verdict.reason),)
    )
    action = "request.approved" if verdict.approves else "request.rejected"
    return verdict.operator.entry(verdict.at, asked.owner, action, (("request", asked.id), *said))
