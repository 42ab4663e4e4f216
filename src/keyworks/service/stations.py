"""Stations: what on a line may ask for certificates of others."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from keyworks.access import records
from keyworks.access.principal import Kind
from keyworks.access.records import Station, advance_trust, list_stations
from keyworks.access.secret import LIFETIME, new_secret
from keyworks.errors import OperatorError
from keyworks.ledger.entry import SealedEntry
from keyworks.ledger.records import insert_entries
from keyworks.service.event import event
from keyworks.service.installation import Installation
from keyworks.store.engine import Transaction
from keyworks.store.ids import new_id

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True, repr=False)
class NewStation:
    """A station just registered.

    Args:
        name: As in its certificate.
        enrolls_at: Label of the channel where it gets its own certificate.
        channels: Labels of all channels it may use, that of its own certificate first.
        secret: Proves once who it is; shown now and never again.
        expires_at: The secret's last valid second.
    """

    name: str
    enrolls_at: str
    channels: tuple[str, ...]
    secret: str
    expires_at: int


async def add_station(installation: Installation, name: str, channels: Sequence[str]) -> NewStation:
    """Register a station, with a one-time secret for its first certificate.

    A station that is registered already gets the channels named in addition, and a new secret, which replaces
    every former one that it has not used up.

    Raises:
        OperatorError: The name cannot be one, or a channel does not exist or serves no stations.
    """
    if not _NAME.fullmatch(name):
        raise OperatorError(f"'{name}' cannot be a station: use 1 to 64 letters, digits and inner . _ -")
    register, _ = await installation.registers.current()
    own = next((one.label for one in register.channels.values() if one.profile.name == "station"), None)
    if own is None:
        raise OperatorError("There is no channel with profile station, where it could get its certificate.")
    for label in channels:
        known = register.channels.get(label)
        if known is None or Kind.STATION not in known.accepts:
            raise OperatorError(
                f"There is no channel '{label}' that serves stations; see `keyworks channel list`."
            )
    labels = tuple(dict.fromkeys((own, *channels)))
    at = installation.clock.now()
    new = NewStation(name, own, labels, new_secret(), at + int(LIFETIME.total_seconds()))
    mac = installation.keystore.mac(new.secret.encode())
    entry = event(installation, "station.registered", f"station:{name}", (("channels", " ".join(labels)),))
    return replace(new, channels=await installation.store.write(_insert, (new, mac, at, entry)))


def _insert(
    tx: Transaction, items: Sequence[tuple[NewStation, bytes, int, SealedEntry]]
) -> list[tuple[str, ...]]:
    outcomes = []
    for new, mac, at, entry in items:
        row: dict[str, Any] = {"id": new_id(), "name": new.name, "active": 1, "created_at": at}
        tx.execute(records.INSERT_STATION, row)
        known = records.find_station(tx, new.name)
        for label in new.channels:
            tx.execute(
                records.INSERT_STATION_CHANNEL,
                {"station_id": known.id if known else row["id"], "channel_label": label},
            )
        secret = {
            "id": new_id(),
            "mac": mac,
            "principal_kind": Kind.STATION.value,
            "principal_name": new.name,
            "channel_label": new.enrolls_at,
            "created_at": at,
            "expires_at": new.expires_at,
            "bound_key": None,
            "spent": 0,
        }
        tx.execute(records.VOID_SECRETS, {"kind": Kind.STATION.value, "name": new.name})
        tx.execute(records.INSERT_SECRET, secret)
        insert_entries(tx, [entry])
        advance_trust(tx)
        before = sorted(known.channels.difference(new.channels)) if known else []
        outcomes.append((*new.channels, *before))
    return outcomes


async def set_station_active(installation: Installation, name: str, *, active: bool) -> None:
    """Let a station work, or stop it with its next request.

    Raises:
        OperatorError: There is no such station.
    """
    action = "station.enabled" if active else "station.disabled"
    await installation.store.write(_set_active, (name, active, event(installation, action, f"station:{name}")))


def _set_active(tx: Transaction, items: Sequence[tuple[str, bool, SealedEntry]]) -> list[None]:
    for name, active, entry in items:
        if not tx.execute(records.SET_STATION_ACTIVE, {"wanted_name": name, "wanted": int(active)}):
            raise OperatorError(f"There is no station '{name}'; see `keyworks station list`.")
        insert_entries(tx, [entry])
        advance_trust(tx)
    return [None] * len(items)


async def all_stations(installation: Installation) -> list[Station]:
    """Return all stations by name."""
    return await installation.store.read(list_stations)
