"""Tables and statements of anchors, stations, one-time secrets, and the epochs that caches are keyed by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
    bindparam,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from keyworks.access.anchor import Anchor
from keyworks.access.principal import Kind
from keyworks.access.secret import OneTimeSecret
from keyworks.errors import NotAuthorized, OperatorError
from keyworks.store.engine import Transaction
from keyworks.store.schema import metadata
from keyworks.store.statement import Statement
from keyworks.x509.certificate import Certificate

anchor: Final = Table(
    "anchor",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("der", LargeBinary, nullable=False),
    Column("vouches_for", Text, nullable=False),
    Column("manufacturer", Text),
    Column("created_at", Integer, nullable=False),
)
station: Final = Table(
    "station",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("active", Integer, nullable=False),
    Column("created_at", Integer, nullable=False),
)
station_channel: Final = Table(
    "station_channel",
    metadata,
    Column("station_id", Text, ForeignKey("station.id"), primary_key=True),
    Column("channel_label", Text, primary_key=True),
)
one_time_secret: Final = Table(
    "one_time_secret",
    metadata,
    Column("id", Text, primary_key=True),
    Column("mac", LargeBinary, nullable=False, unique=True),
    Column("principal_kind", Text, nullable=False),
    Column("principal_name", Text, nullable=False),
    Column("channel_label", Text, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("expires_at", Integer, nullable=False),
    Column("bound_key", LargeBinary),
    Column("spent", Integer, nullable=False),
)
epoch: Final = Table(
    "epoch",
    metadata,
    Column("name", Text, primary_key=True),
    Column("number", Integer, nullable=False),
)
"""``trust`` moves with each change of what is configured; ``revocation`` with each revocation."""

INSERT_ANCHOR: Final = Statement(insert(anchor).on_conflict_do_nothing().returning(anchor.c.id))
SELECT_ANCHORS: Final = Statement(
    select(anchor.c.id, anchor.c.name, anchor.c.der, anchor.c.vouches_for, anchor.c.manufacturer).order_by(
        anchor.c.name
    )
)
DELETE_ANCHOR: Final = Statement(
    delete(anchor).where(anchor.c.name == bindparam("name")).returning(anchor.c.id)
)
INSERT_STATION: Final = Statement(insert(station).on_conflict_do_nothing().returning(station.c.id))
INSERT_STATION_CHANNEL: Final = Statement(insert(station_channel).on_conflict_do_nothing())
SELECT_STATIONS: Final = Statement(
    select(station.c.id, station.c.name, station.c.active, station_channel.c.channel_label)
    .outerjoin(station_channel, station_channel.c.station_id == station.c.id)
    .where(or_(bindparam("any") == 1, station.c.name == bindparam("wanted_name")))
    .order_by(station.c.name, station_channel.c.channel_label)
)
SET_STATION_ACTIVE: Final = Statement(
    update(station)
    .where(station.c.name == bindparam("wanted_name"))
    .values(active=bindparam("wanted"))
    .returning(station.c.id)
)
INSERT_SECRET: Final = Statement(insert(one_time_secret))
_SECRET: Final = (
    one_time_secret.c.id,
    one_time_secret.c.principal_kind,
    one_time_secret.c.principal_name,
    one_time_secret.c.channel_label,
    one_time_secret.c.expires_at,
    one_time_secret.c.bound_key,
    one_time_secret.c.spent,
)
SELECT_SECRET: Final = Statement(select(*_SECRET).where(one_time_secret.c.mac == bindparam("mac")))
BIND_SECRET: Final = Statement(
    update(one_time_secret)
    .where(
        one_time_secret.c.id == bindparam("wanted_id"),
        or_(one_time_secret.c.bound_key.is_(None), one_time_secret.c.bound_key == bindparam("key")),
    )
    .values(bound_key=bindparam("key"))
    .returning(one_time_secret.c.id)
)
SPEND_SECRET: Final = Statement(
    update(one_time_secret)
    .where(one_time_secret.c.id == bindparam("wanted_id"), one_time_secret.c.spent == 0)
    .values(spent=1)
    .returning(one_time_secret.c.id)
)
VOID_SECRETS: Final = Statement(
    update(one_time_secret)
    .where(
        one_time_secret.c.principal_kind == bindparam("kind"),
        one_time_secret.c.principal_name == bindparam("name"),
        one_time_secret.c.spent == 0,
    )
    .values(spent=1)
)
"""A new secret replaces those not used up: perhaps it was asked for because one of them is in wrong hands."""

ADVANCE_EPOCH: Final = Statement(
    insert(epoch)
    .values(name=bindparam("name"), number=1)
    .on_conflict_do_update(index_elements=[epoch.c.name], set_={"number": epoch.c.number + 1})
)
SELECT_EPOCHS: Final = Statement(select(epoch.c.name, epoch.c.number))


@dataclass(frozen=True, slots=True)
class Station:
    """A station as registered.

    Args:
        id: Opaque.
        name: As in its certificate.
        active: A disabled one is refused everywhere.
        channels: Labels of the channels it may use.
    """

    id: str
    name: str
    active: bool
    channels: frozenset[str]


def list_anchors(tx: Transaction) -> list[Anchor]:
    """Return all trust anchors."""
    return [
        Anchor(row[0], row[1], Certificate.parse(row[2]), Kind(row[3]), row[4])
        for row in tx.execute(SELECT_ANCHORS)
    ]


def list_stations(tx: Transaction) -> list[Station]:
    """Return all stations."""
    return _stations(tx.execute(SELECT_STATIONS, {"any": 1, "wanted_name": ""}))


def find_station(tx: Transaction, name: str) -> Station | None:
    """Return the station called ``name``, if it is registered."""
    found = _stations(tx.execute(SELECT_STATIONS, {"any": 0, "wanted_name": name}))
    return found[0] if found else None


def _stations(rows: Sequence[tuple[str, str, int, str | None]]) -> list[Station]:
    channels: dict[tuple[str, str, int], set[str]] = {}
    for identifier, name, active, label in rows:
        channels.setdefault((identifier, name, active), set()).update([label] if label else [])
    return [Station(key[0], key[1], bool(key[2]), frozenset(labels)) for key, labels in channels.items()]


def find_secret(tx: Transaction, mac: bytes) -> OneTimeSecret | None:
    """Return the secret stored as ``mac``, if there is one."""
    for row in tx.execute(SELECT_SECRET, {"mac": mac}):
        return OneTimeSecret(row[0], Kind(row[1]), row[2], row[3], row[4], row[5], bool(row[6]))
    return None


def bind_secret(tx: Transaction, uses: Sequence[tuple[str, bytes]]) -> list[None]:
    """Bind secrets to the public keys they are used for (a write function).

    Raises:
        NotAuthorized: A secret was used for another key before.
    """
    for secret_id, key in uses:
        if not tx.execute(BIND_SECRET, {"wanted_id": secret_id, "key": key}):
            raise NotAuthorized("The one-time secret was used for another key; ask the operator for a new one.")
    return [None] * len(uses)


def spend_secret(tx: Transaction, secret_id: str) -> None:
    """Mark a secret spent.

    Raises:
        NotAuthorized: It was spent before, and what was issued for it is no longer valid; or it was replaced.
    """
    if not tx.execute(SPEND_SECRET, {"wanted_id": secret_id}):
        raise NotAuthorized(
            "The one-time secret is spent, or a newer one has replaced it; ask the operator for a new one."
        )


def remove_anchor(tx: Transaction, name: str) -> None:
    """Remove a trust anchor.

    Raises:
        OperatorError: There is none of this name.
    """
    if not tx.execute(DELETE_ANCHOR, {"name": name}):
        raise OperatorError(f"There is no trust anchor '{name}'; see `keyworks anchor list`.")
    advance_trust(tx)


def read_epoch(tx: Transaction) -> tuple[int, int]:
    """Return the (trust, revocation) epoch."""
    numbers = dict(tx.execute(SELECT_EPOCHS))
    return numbers.get("trust", 0), numbers.get("revocation", 0)


def advance_trust(tx: Transaction) -> None:
    """Make every worker read what is configured anew with its next request."""
    tx.execute(ADVANCE_EPOCH, {"name": "trust"})


def advance_revocation(tx: Transaction) -> None:
    """Make every worker authenticate anew with its next request."""
    tx.execute(ADVANCE_EPOCH, {"name": "revocation"})
