"""Further names of devices: host names, addresses, URIs, asset tags. Each belongs to one device alone."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Text, and_, bindparam, delete, func, select

from keyworks.devices.device import MAX_CHARACTERS, check_word
from keyworks.devices.records import device_name, folded
from keyworks.errors import RejectedName
from keyworks.store.engine import Transaction
from keyworks.store.statement import Statement, insert
from keyworks.x509.general_name import certifiable

KINDS: Final = ("dns", "ip", "uri", "email", "tag")
"""Kinds of names; a tag is the plant's own and never certified."""

_SAME: Final = and_(
    func.lower(device_name.c.value) == bindparam("folded", type_=Text),
    device_name.c.kind == bindparam("kind"),
)
"""Whatever the letters: a name is kept as it was given."""

_INSERT: Final = Statement(insert(device_name))
_OWNER: Final = Statement(select(device_name.c.device_id).where(_SAME))
_DELETE: Final = Statement(
    delete(device_name)
    .where(_SAME, device_name.c.device_id == bindparam("device_id"))
    .returning(device_name.c.value)
)
_OF_DEVICE: Final = Statement(
    select(device_name.c.kind, device_name.c.value)
    .where(device_name.c.device_id == bindparam("device_id"))
    .order_by(device_name.c.kind, device_name.c.value)
)

Name = tuple[str, str]
"""A kind, and a value as ``checked_name`` returns it."""


def checked_name(kind: str, value: str) -> Name:
    """Return a name in its one spelling.

    Raises:
        RejectedName: It is none of its kind.
    """
    if kind == "tag":
        return kind, check_word("tag", value)
    if kind == "dns" and value.startswith("*"):
        raise RejectedName(f"{value[:MAX_CHARACTERS]!r} is a wildcard; a device has host names of its own.")
    return kind, certifiable(kind, value.lower() if kind == "dns" else value)


def in_words(names: Sequence[Name]) -> tuple[tuple[str, str], ...]:
    """Return names as the ledger says them: each kind once, with its values."""
    kinds = dict.fromkeys(kind for kind, _ in names)
    return tuple((kind, " ".join(value for one, value in names if one == kind)) for kind in kinds)


def names_of(tx: Transaction, device_id: str) -> Mapping[str, tuple[str, ...]]:
    """Return the names of a device by kind."""
    found: dict[str, tuple[str, ...]] = {}
    for kind, value in tx.execute(_OF_DEVICE, {"device_id": device_id}):
        found[kind] = (*found.get(kind, ()), value)
    return found


def owner_of(tx: Transaction, name: Name) -> str | None:
    """Return the id of the device that a name belongs to, in whatever letters."""
    rows = tx.execute(_OWNER, {"kind": name[0], "folded": folded(name[1])})
    return str(rows[0][0]) if rows else None


def add_names(tx: Transaction, device_id: str, names: Sequence[Name]) -> list[Name]:
    """Give a device names; return those that it did not have.

    Raises:
        RejectedName: One belongs to another device.
    """
    added = []
    for kind, value in names:
        owner = owner_of(tx, (kind, value))
        if owner is None:
            tx.execute(_INSERT, {"kind": kind, "value": value, "device_id": device_id})
            added.append((kind, value))
        elif owner != device_id:
            raise RejectedName(
                f"The {kind} name '{value}' belongs to another device; "
                f"see `keyworks device list --name {value}`."
            )
    return added


def remove_names(tx: Transaction, device_id: str, names: Sequence[Name]) -> list[Name]:
    """Take names away from a device; return those that it had, as it had them."""
    return [
        (kind, str(had))
        for kind, value in names
        for (had,) in tx.execute(_DELETE, {"kind": kind, "folded": folded(value), "device_id": device_id})
    ]
