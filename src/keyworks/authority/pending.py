"""Requests that wait for operators' approval: asked, decided about, polled; the same for every protocol.

::

    asked ──► pending ──► issued      by the first poll after enough approvals
                 ├──────► rejected    which answers every repetition of this very request
                 └──────► expired     nobody decided, or nobody came back, in time

An approval only records. What is issued is decided by the poll, which is authenticated and authorized anew,
against what is configured then; and it is for exactly what was approved, because another key, other names or
another version of the profile make another request. An approval is used up by the certificate it leads to, in
the same transaction.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from sqlalchemy import and_, bindparam, func, null, select, update

from keyworks.authority.channel import Channel
from keyworks.authority.order import Order, digest_of
from keyworks.authority.recording import find_repeated
from keyworks.authority.records import pending_request as request
from keyworks.authority.records import request_decision as decision
from keyworks.errors import NotAuthorized, QuotaExceeded
from keyworks.ledger.entry import Entry, SealedEntry, seal
from keyworks.ledger.records import insert_entries
from keyworks.store.engine import Store, Transaction
from keyworks.store.ids import new_id
from keyworks.store.statement import Statement, insert

RETRY_AFTER: Final = timedelta(minutes=1)
LIFETIME: Final = timedelta(days=7)
"""How long a request waits, and how long a rejection answers its repetitions."""

MAX_PENDING: Final = 100
"""Requests of one requester that wait at a time, so that nobody fills the table."""

_APPROVALS: Final = (
    select(func.count())
    .select_from(decision)
    .where(decision.c.request_id == request.c.id, decision.c.approves == 1)
    .scalar_subquery()
)
_REASON: Final = (
    select(decision.c.reason)
    .where(decision.c.request_id == request.c.id, decision.c.approves == 0)
    .limit(1)
    .scalar_subquery()
)
_FIND: Final = Statement(
    select(request.c.id, request.c.state, _APPROVALS, _REASON).where(
        request.c.request_key == bindparam("wanted_key"), request.c.expires_at >= bindparam("now")
    )
)
_INSERT: Final = Statement(insert(request).on_conflict_do_nothing().returning(request.c.id))
_COUNT: Final = Statement(
    select(func.count())
    .select_from(request)
    .where(request.c.requester == bindparam("wanted"), request.c.state == "pending")
)
_EXPIRE: Final = Statement(
    update(request)
    .where(request.c.state == "pending", request.c.expires_at < bindparam("now"))
    .values(state="expired", request_key=null())
    .returning(request.c.id, request.c.owner)
)
_FORGET_REJECTED: Final = Statement(
    update(request)
    .where(
        request.c.state == "rejected",
        request.c.expires_at < bindparam("now"),
        request.c.request_key.is_not(None),
    )
    .values(request_key=null())
)
_USE_UP: Final = Statement(
    update(request)
    .where(and_(request.c.id == bindparam("wanted_id"), request.c.state == "pending"))
    .values(state="issued", request_key=null(), certificate_id=bindparam("issued_id"))
    .returning(request.c.id)
)


@dataclass(frozen=True, slots=True)
class Pending:
    """A request that waits for approval: ask again later, with the same key.

    Args:
        request_id: As operators see it.
        retry_after: When it is worth asking again, counted from now.
    """

    request_id: str
    retry_after: timedelta = RETRY_AFTER

    @property
    def sentence(self) -> str:
        """Return what the requester is told."""
        return f"The request waits for approval as {self.request_id}; repeat it, with the same key, later."


@dataclass(frozen=True, slots=True)
class _Found:
    id: str
    state: str
    approvals: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class _Asked:
    key: bytes
    order: Order
    channel: Channel
    der: bytes
    at: int


async def await_approval(store: Store, order: Order, channel: Channel, der: bytes, at: int) -> Order | Pending:
    """Return the order if it may be carried out now, otherwise that it waits.

    Args:
        store: Where requests are kept.
        order: What was authorized just now.
        channel: Which says how many approvals it takes.
        der: The request as received.
        at: Now.

    Raises:
        NotAuthorized: An operator rejected this request.
        QuotaExceeded: Too many requests of this requester wait already.
    """
    if not channel.policy.approvals or order.request_key is None:
        return order
    profile = order.profile
    key = digest_of((order.request_key, profile.name.encode(), str(profile.version).encode()))
    found = await store.read(lambda tx: _find(tx, key, at))
    if found is None:
        if await store.read(lambda tx: find_repeated(tx, order, at)) is not None:
            return replace(order, companion=_refuse)
        found = await store.write(_ask, _Asked(key, order, channel, der, at))
    if found.state == "rejected":
        raise NotAuthorized(f"An operator rejected this request: {found.reason}")
    if found.approvals < channel.policy.approvals:
        return Pending(found.id)
    return replace(order, companion=_using_up(found.id, order))


def _find(tx: Transaction, key: bytes, at: int) -> _Found | None:
    for row in tx.execute(_FIND, {"wanted_key": key, "now": at}):
        return _Found(*row)
    return None


def _ask(tx: Transaction, items: Sequence[_Asked]) -> list[_Found]:
    """Record requests (a write function); of two workers with one request the second finds the first's."""
    return [_ask_one(tx, one) for one in items]


def _ask_one(tx: Transaction, asked: _Asked) -> _Found:
    expire(tx, [asked.at])
    order = asked.order
    names = order.wanted.subject_alt_name
    row = {
        "id": new_id(),
        "channel_id": asked.channel.id,
        "request_key": asked.key,
        "owner": order.owner,
        "profile": order.profile.name,
        "profile_version": order.profile.version,
        "subject": order.wanted.subject.text,
        "subject_alt_name": names.encode() if names is not None else None,
        "key_type": order.public_key.key_type,
        "public_key": order.public_key.fingerprint,
        "der": asked.der,
        "requester": order.requester.actor,
        "source": order.requester.source,
        "created_at": asked.at,
        "expires_at": asked.at + int(LIFETIME.total_seconds()),
        "state": "pending",
        "certificate_id": None,
    }
    if tx.execute(_INSERT, row):
        [(waiting,)] = tx.execute(_COUNT, {"wanted": order.requester.actor})
        if waiting > MAX_PENDING:
            raise QuotaExceeded(
                f"{MAX_PENDING} requests of yours wait for approval already; an operator has to decide first."
            )
        insert_entries(tx, [_asked_entry(asked, row["id"])])
    [found] = tx.execute(_FIND, {"wanted_key": asked.key, "now": asked.at})
    return _Found(*found)


def _asked_entry(asked: _Asked, request_id: object) -> SealedEntry:
    order = asked.order
    detail = (
        ("request", str(request_id)),
        ("channel", asked.channel.label),
        ("profile", f"{order.profile.name}/{order.profile.version}"),
        ("subject", order.wanted.subject.text),
    )
    return order.requester.entry(asked.at, order.owner, "request.pending", detail)


def _refuse(_tx: Transaction, _certificate_id: str) -> None:
    """Stand in the way of a new certificate, where only the one that is there was to be given again."""
    raise NotAuthorized("The certificate that answered this request is gone; ask again.")


def _using_up(request_id: str, order: Order) -> Callable[[Transaction, str], None]:
    """Return what writes, with the certificate, that its approval is used up."""

    def use_up(tx: Transaction, certificate_id: str) -> None:
        if not tx.execute(_USE_UP, {"wanted_id": request_id, "issued_id": certificate_id}):
            raise NotAuthorized("The approval of this request was withdrawn or used up meanwhile; ask again.")
        if order.companion is not None:
            order.companion(tx, certificate_id)

    return use_up


def expire(tx: Transaction, instants: Sequence[int]) -> list[int]:
    """End what has waited too long (a write function); return how many requests that were."""
    outcomes = []
    for at in instants:
        tx.execute(_FORGET_REJECTED, {"now": at})
        ended = tx.execute(_EXPIRE, {"now": at})
        insert_entries(tx, [_expired(request_id, owner, at) for request_id, owner in ended])
        outcomes.append(len(ended))
    return outcomes


def _expired(request_id: str, owner: str, at: int) -> SealedEntry:
    detail = (("request", request_id),)
    return seal(Entry(at, "keyworks", "local", owner, "request.expired", "ok", None, detail))
