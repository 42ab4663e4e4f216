"""The catalogue of events: every action that an entry can have, what it means, and what its detail says.

A new one is a line here; then run ``docs/generate.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

ANYTHING: Final = "…"
"""The name of a field whose name depends on what happened."""


@dataclass(frozen=True, slots=True)
class Event:
    """A kind of event.

    Args:
        action: Its fixed name.
        meaning: What happened.
        detail: What the fields of an entry's detail say, by their names; not every entry has all of them.
    """

    action: str
    meaning: str
    detail: Mapping[str, str] = field(default_factory=dict)

    def allows(self, names: frozenset[str]) -> bool:
        """Return whether an entry's detail may have fields of these names."""
        return ANYTHING in self.detail or names <= self.detail.keys()


SECTIONS: Final = (
    *("factory", "authority", "profile", "channel", "anchor"),
    *("station", "service", "person", "site"),
)
"""Sections of a factory.toml, each with events of its own."""

_ADDED: Final = {ANYTHING: "each setting, by its name in factory.toml"}
_CHANGED: Final = {ANYTHING: "each setting that changed, by its name: before → after"}
_MOVED: Final = {"serial_number": "the device's", "from": "the state that it was in"}
_NAMES: Final = {"serial_number": "the device's", ANYTHING: "the names, by their kind: dns, ip, uri, tag"}
_EVENTS: Final = (
    Event(
        "installation.created",
        "The installation was created.",
        {"factory": "the file name of the policy that it started with"},
    ),
    Event("installation.moved", "Its database was copied from a file to a server, where it works from now on."),
    Event("node.joined", "A further node began to work on the database."),
    Event(
        "installation.upgraded",
        "Its database was brought to a newer version.",
        {"from": "the version it had", "to": "the version it has"},
    ),
    Event(
        "clock.corrected",
        "An operator confirmed a clock that runs behind the last record.",
        {"from": "the last record's time", "to": "the clock's"},
    ),
    Event(
        "key.generated",
        "A key was made.",
        {"key": "its id", "key_type": "such as P-256", "public_key": "SHA-256 of its SubjectPublicKeyInfo"},
    ),
    Event(
        "key.destroyed",
        "A key was removed that was made and never certified: somebody else was faster.",
        {"key": "its id", "key_type": "such as P-256", "public_key": "SHA-256 of its SubjectPublicKeyInfo"},
    ),
    Event(
        "key.shared",
        "A key-encryption key that a requester shares with the installation may be used.",
        {"identifier": "in hexadecimal", "bits": "its length"},
    ),
    Event(
        "key.forgotten",
        "A key-encryption key that a requester shared is not used any more.",
        {"identifier": "in hexadecimal"},
    ),
    Event(
        "policy.applied",
        "A version of the policy came into force.",
        {"sha256": "of the document", "what": "the command or file that it came from"},
    ),
    *(
        Event(f"{section}.{verb}", f"Of the policy, the section of {one} {section} was {verb}.", said)
        for section in SECTIONS
        for one in ("an" if section[0] in "aeiou" else "a",)
        for verb, said in (("added", _ADDED), ("changed", _CHANGED), ("removed", {}))
    ),
    Event(
        "secret.made",
        "A one-time secret was made for an account; former ones are void.",
        {"channel": "where it counts"},
    ),
    Event(
        "certificate.intended",
        "An authority's certificate is about to be signed.",
        {"serial_number": "as it will be", "tbs_sha256": "SHA-256 of what is signed"},
    ),
    Event(
        "certificate.issued",
        "A certificate was issued and released.",
        {
            "certificate": "its id",
            "serial_number": "in hexadecimal",
            "fingerprint": "SHA-256 of the certificate",
            "issuer": "authority and generation",
            "profile": "name and version",
            "subject": "as RFC 4514 writes it",
        },
    ),
    Event(
        "certificate.refused",
        "Somebody who is authenticated was refused a certificate.",
        {"operation": "what was asked for", "reason": "the sentence of the answer"},
    ),
    Event(
        "certificate.revoked",
        "A certificate was revoked.",
        {"certificate": "its id", "reason": "RFC 5280's word", "by": "the certificate that replaced it"},
    ),
    Event(
        "requests.refused",
        "Strangers were refused, summed up once a minute; the result is their number.",
        {ANYTHING: "address and cause, with their number; the busiest twenty"},
    ),
    Event(
        "request.pending",
        "A request waits for approval.",
        {
            "request": "its id",
            "channel": "the label",
            "profile": "name and version",
            "subject": "as RFC 4514 writes it",
        },
    ),
    Event(
        "request.approved",
        "An operator approved a request.",
        {"request": "its id", "approvals": "how many it has, and needs"},
    ),
    Event(
        "request.rejected",
        "An operator rejected a request.",
        {"request": "its id", "reason": "the operator's words"},
    ),
    Event("request.expired", "Nobody decided about a request in time.", {"request": "its id"}),
    Event(
        "device.registered",
        "A device came into the inventory.",
        {
            "manufacturer": "its maker",
            "product": "its type",
            "serial_number": "the device's",
            "site": "where it belongs",
            ANYTHING: "its names, by their kind",
        },
    ),
    Event("device.named", "A device was given further names.", _NAMES),
    Event("device.name_removed", "Names were taken from a device.", _NAMES),
    Event("device.shipped", "A device left the line.", _MOVED),
    Event("device.commissioned", "A device is in operation.", _MOVED),
    Event("device.reworked", "A device went back to the start of the line.", _MOVED),
    Event("device.returned", "A device came back to its maker.", _MOVED),
    Event("device.retired", "A device gets no certificates any more.", _MOVED),
    Event("device.lost", "A device is lost; its keys count as compromised.", _MOVED),
    Event("device.found", "A lost device is back.", _MOVED),
    Event("device.scrapped", "A device was destroyed.", _MOVED),
    Event(
        "order.added",
        "A production order was taken.",
        {
            "manufacturer": "of its devices",
            "product": "of its devices",
            "devices": "how many it lists",
            "quota": "how many of them may get an identity",
        },
    ),
    Event(
        "order.quota_changed", "Another number of its devices may get an identity.", {"quota": "that number"}
    ),
    Event("order.closed", "Devices of the order without an identity get none."),
    Event("order.reopened", "Devices of the order get their identity again."),
)
EVENTS: Final[Mapping[str, Event]] = MappingProxyType({event.action: event for event in _EVENTS})
