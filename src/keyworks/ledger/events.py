"""The catalogue of events: every action that an entry can have, what it means, and what its detail says."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Event:
    """A kind of event.

    Args:
        action: Its fixed name.
        meaning: What happened.
        details: The names in an entry's detail; ``…`` for those that depend on what happened.
    """

    action: str
    meaning: str
    details: tuple[str, ...] = ()


SECTIONS: Final = (
    *("factory", "authority", "profile", "channel", "anchor"),
    *("station", "service", "person", "site"),
)
"""Sections of a factory.toml, each with events of its own."""

_MOVED: Final = ("serial_number", "from")
_EVENTS: Final = (
    Event("installation.created", "The installation was created.", ("factory",)),
    Event("installation.upgraded", "Its database was brought to a newer version.", ("from", "to")),
    Event("clock.corrected", "An operator confirmed a clock that runs behind the last record.", ("from", "to")),
    Event("key.generated", "A key was made.", ("key", "key_type", "public_key")),
    Event("policy.applied", "A version of the policy came into force.", ("sha256", "what")),
    *(
        Event(f"{section}.{verb}", f"Of the policy, the section of {one} {section} was {verb}.", ("…",))
        for section in SECTIONS
        for verb in ("added", "changed", "removed")
        for one in ("an" if section[0] in "aeiou" else "a",)
    ),
    Event("secret.made", "A one-time secret was made for an account; former ones are void.", ("channel",)),
    Event(
        "certificate.intended",
        "An authority's certificate is about to be signed.",
        ("serial_number", "tbs_sha256"),
    ),
    Event(
        "certificate.issued",
        "A certificate was issued and released.",
        ("certificate", "serial_number", "fingerprint", "issuer", "profile", "subject"),
    ),
    Event(
        "certificate.refused",
        "Somebody who is authenticated was refused a certificate.",
        ("operation", "reason"),
    ),
    Event(
        "certificate.revoked",
        "A certificate was revoked.",
        ("certificate", "reason", "by, where it was replaced"),
    ),
    Event(
        "requests.refused", "Strangers were refused, summed up once a minute.", ("address and cause: count",)
    ),
    Event(
        "request.pending", "A request waits for approval.", ("request", "channel", "profile", "subject", "…")
    ),
    Event("request.approved", "An operator approved a request.", ("request", "…")),
    Event("request.rejected", "An operator rejected a request.", ("request", "reason", "…")),
    Event("request.expired", "Nobody decided about a request in time.", ("request",)),
    Event(
        "device.registered",
        "A device came into the inventory.",
        ("manufacturer", "product", "serial_number", "site", "its names by kind"),
    ),
    Event("device.named", "A device was given further names.", ("serial_number", "the names by kind")),
    Event("device.name_removed", "Names were taken from a device.", ("serial_number", "the names by kind")),
    Event("device.shipped", "A device left the line.", _MOVED),
    Event("device.commissioned", "A device is in operation.", _MOVED),
    Event("device.reworked", "A device went back to the start of the line.", _MOVED),
    Event("device.returned", "A device came back to its maker.", _MOVED),
    Event("device.retired", "A device gets no certificates any more.", _MOVED),
    Event("device.lost", "A device is lost; its keys count as compromised.", _MOVED),
    Event("device.found", "A lost device is back.", _MOVED),
    Event("device.scrapped", "A device was destroyed.", _MOVED),
    Event("order.added", "A production order was taken.", ("manufacturer", "product", "devices", "quota")),
    Event("order.quota_changed", "Another number of its devices may get an identity.", ("quota",)),
    Event("order.closed", "Devices of the order without an identity get none."),
    Event("order.reopened", "Devices of the order get their identity again."),
)
EVENTS: Final[Mapping[str, Event]] = MappingProxyType({event.action: event for event in _EVENTS})
