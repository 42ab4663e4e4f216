"""Tables and statements of sites, anchors, accounts, one-time secrets, key-encryption keys, and epochs.

Epochs are what caches go by.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import msgspec
from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
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

from keyworks.access.anchor import Anchor
from keyworks.access.principal import Kind
from keyworks.access.secret import USED, OneTimeSecret
from keyworks.errors import NotAuthorized
from keyworks.store.engine import Transaction
from keyworks.store.schema import metadata
from keyworks.store.statement import Statement, insert
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
site: Final = Table(
    "site",
    metadata,
    Column("name", Text, primary_key=True),
    Column("description", Text, nullable=False),
    Column("zone", Text, nullable=False),
)
account: Final = Table(
    "account",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("active", Integer, nullable=False),
    Column("names", Text, nullable=False),
    Column("site", Text),
    Column("created_at", Integer, nullable=False),
)
"""``names``: a JSON object, from the kind of an alternative name to those that may be certified."""

account_channel: Final = Table(
    "account_channel",
    metadata,
    Column("account_id", Text, ForeignKey("account.id"), primary_key=True),
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
key_encryption_key: Final = Table(
    "key_encryption_key",
    metadata,
    Column("identifier", LargeBinary, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("bits", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("added_at", Integer, nullable=False),
    Index("key_encryption_key_owner", "owner"),
)
epoch: Final = Table(
    "epoch",
    metadata,
    Column("name", Text, primary_key=True),
    Column("number", Integer, nullable=False),
)
"""``trust`` moves with each change of what is configured; ``revocation`` with each revocation."""

_put_anchor: Final = insert(anchor)
PUT_ANCHOR: Final = Statement(
    _put_anchor.on_conflict_do_update(
        index_elements=[anchor.c.name],
        set_={name: _put_anchor.excluded[name] for name in ("der", "vouches_for", "manufacturer")},
    )
)
SELECT_ANCHORS: Final = Statement(
    select(anchor.c.id, anchor.c.name, anchor.c.der, anchor.c.vouches_for, anchor.c.manufacturer).order_by(
        anchor.c.name
    )
)
DELETE_ANCHOR: Final = Statement(delete(anchor).where(anchor.c.name == bindparam("name")))
SELECT_SITES: Final = Statement(select(*site.c).order_by(site.c.name))
_put_site: Final = insert(site)
PUT_SITE: Final = Statement(
    _put_site.on_conflict_do_update(
        index_elements=[site.c.name],
        set_={name: _put_site.excluded[name] for name in ("description", "zone")},
    )
)
DELETE_SITE: Final = Statement(delete(site).where(site.c.name == bindparam("name")))
_put_account: Final = insert(account)
PUT_ACCOUNT: Final = Statement(
    _put_account.on_conflict_do_update(
        index_elements=[account.c.name],
        set_={name: _put_account.excluded[name] for name in ("kind", "active", "names", "site")},
    ).returning(account.c.id)
)
DELETE_ACCOUNT: Final = Statement(delete(account).where(account.c.id == bindparam("id")))
INSERT_ACCOUNT_CHANNEL: Final = Statement(insert(account_channel))
DELETE_ACCOUNT_CHANNELS: Final = Statement(
    delete(account_channel).where(account_channel.c.account_id == bindparam("id"))
)
SELECT_ACCOUNTS: Final = Statement(
    select(
        account.c.id,
        account.c.kind,
        account.c.name,
        account.c.active,
        account.c.names,
        account.c.site,
        account_channel.c.channel_label,
    )
    .outerjoin(account_channel, account_channel.c.account_id == account.c.id)
    .where(or_(bindparam("any") == 1, account.c.name == bindparam("wanted_name")))
    .order_by(account.c.name, account_channel.c.channel_label)
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
    .where(
        one_time_secret.c.id == bindparam("wanted_id"),
        one_time_secret.c.spent == 0,
        or_(one_time_secret.c.bound_key.is_(None), one_time_secret.c.bound_key == bindparam("key")),
    )
    .values(spent=1, bound_key=bindparam("key"))
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

INSERT_KEK: Final = Statement(
    insert(key_encryption_key).on_conflict_do_nothing().returning(key_encryption_key.c.identifier)
)
_THE_OWNER_S: Final = (
    key_encryption_key.c.identifier == bindparam("identifier"),
    key_encryption_key.c.owner == bindparam("owner"),
)
SELECT_KEK: Final = Statement(select(key_encryption_key.c.sealed).where(*_THE_OWNER_S))
DELETE_KEK: Final = Statement(
    delete(key_encryption_key).where(*_THE_OWNER_S).returning(key_encryption_key.c.identifier)
)
SELECT_KEKS_OF: Final = Statement(
    select(key_encryption_key.c.identifier, key_encryption_key.c.bits, key_encryption_key.c.added_at)
    .where(key_encryption_key.c.owner == bindparam("owner"))
    .order_by(key_encryption_key.c.added_at, key_encryption_key.c.identifier)
)
DELETE_KEKS_OF: Final = Statement(
    delete(key_encryption_key).where(key_encryption_key.c.owner == bindparam("owner"))
)

ADVANCE_EPOCH: Final = Statement(
    insert(epoch)
    .values(name=bindparam("name"), number=1)
    .on_conflict_do_update(index_elements=[epoch.c.name], set_={"number": epoch.c.number + 1})
)
SELECT_EPOCHS: Final = Statement(select(epoch.c.name, epoch.c.number))


_NAMES: Final = msgspec.json.Decoder(dict[str, tuple[str, ...]])


@dataclass(frozen=True, slots=True)
class Account:
    """A registered station, service or person.

    Args:
        id: Opaque.
        kind: What it is; a name belongs to one account, whatever its kind.
        name: As in its certificate.
        active: A disabled one is refused everywhere.
        channels: Labels of the channels it may use.
        names: Alternative names that may stand in its certificates, by kind.
        site: Where it is.
    """

    id: str
    kind: Kind
    name: str
    active: bool
    channels: frozenset[str]
    names: Mapping[str, tuple[str, ...]]
    site: str | None


def list_anchors(tx: Transaction) -> list[Anchor]:
    """Return all trust anchors."""
    return [
        Anchor(row[0], row[1], Certificate.parse(row[2]), Kind(row[3]), row[4])
        for row in tx.execute(SELECT_ANCHORS)
    ]


def list_accounts(tx: Transaction) -> list[Account]:
    """Return all accounts by name."""
    return _accounts(tx.execute(SELECT_ACCOUNTS, {"any": 1, "wanted_name": ""}))


def find_account(tx: Transaction, name: str) -> Account | None:
    """Return the account called ``name``, if it is registered."""
    found = _accounts(tx.execute(SELECT_ACCOUNTS, {"any": 0, "wanted_name": name}))
    return found[0] if found else None


def _accounts(rows: Sequence[tuple[str, str, str, int, str, str | None, str | None]]) -> list[Account]:
    channels: dict[str, set[str]] = {}
    for row in rows:
        channels.setdefault(row[0], set()).update([row[6]] if row[6] else [])
    first = {row[0]: row for row in rows}
    return [
        Account(
            id=identifier,
            kind=Kind(row[1]),
            name=row[2],
            active=bool(row[3]),
            channels=frozenset(channels[identifier]),
            names=MappingProxyType(_NAMES.decode(row[4])),
            site=row[5],
        )
        for identifier, row in first.items()
    ]


def put_account(tx: Transaction, new: Account, at: int) -> None:
    """Write an account; one of the same name is changed, and keeps its id."""
    row = {
        "id": new.id,
        "name": new.name,
        "kind": new.kind.value,
        "active": int(new.active),
        "names": msgspec.json.encode(dict(new.names)).decode(),
        "site": new.site,
        "created_at": at,
    }
    [(identifier,)] = tx.execute(PUT_ACCOUNT, row)
    tx.execute(DELETE_ACCOUNT_CHANNELS, {"id": identifier})
    for label in sorted(new.channels):
        tx.execute(INSERT_ACCOUNT_CHANNEL, {"account_id": identifier, "channel_label": label})


def remove_account(tx: Transaction, gone: Account) -> None:
    """Remove an account, with its key-encryption keys and the one-time secrets that it has not used up.

    Another account of its name, registered later, must not inherit them.
    """
    tx.execute(VOID_SECRETS, {"kind": gone.kind.value, "name": gone.name})
    tx.execute(DELETE_KEKS_OF, {"owner": f"{gone.kind.value}:{gone.name}"})
    tx.execute(DELETE_ACCOUNT_CHANNELS, {"id": gone.id})
    tx.execute(DELETE_ACCOUNT, {"id": gone.id})


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
            raise NotAuthorized(USED)
    return [None] * len(uses)


def spend_secret(tx: Transaction, secret_id: str, key: bytes) -> None:
    """Mark a secret spent, for the public key that is certified in the same transaction.

    Raises:
        NotAuthorized: It was spent before, and what was issued for it is no longer valid; or it was replaced,
            or used for another key.
    """
    if not tx.execute(SPEND_SECRET, {"wanted_id": secret_id, "key": key}):
        raise NotAuthorized(
            "The one-time secret is spent, or a newer one has replaced it; ask the operator for a new one."
        )


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
