"""What happened, as the ledger keeps it."""

from dataclasses import dataclass
from typing import Final

import msgspec

from keyworks.ledger.proof import commitment
from keyworks.store.ids import new_id
from keyworks.store.randomness import random_octets

SALT_OCTETS: Final = 16


@dataclass(frozen=True, slots=True)
class Entry:
    """One event.

    Args:
        at: When, in epoch seconds.
        actor: Who did it, such as ``station:line-1`` or ``operator:root``.
        source: The address it came from, or ``local``.
        object: What it was done to.
        action: What was done, such as ``certificate.issued``.
        result: ``ok``, or the cause of the refusal.
        request_hash: SHA-256 of the request, if there was one.
        detail: Further (name, value) pairs.
    """

    at: int
    actor: str
    source: str
    object: str
    action: str
    result: str
    request_hash: bytes | None = None
    detail: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """An entry as it is stored: its body, and the commitment that becomes its leaf.

    Args:
        id: Time-ordered.
        at: When, in epoch seconds.
        action: What was done.
        object: What it was done to.
        body: Canonical JSON (sorted names, no white space, UTF-8).
        salt: Keeps the commitment from being guessed.
        leaf_hash: RFC 6962 leaf hash over SHA-256(salt, body).
    """

    id: str
    at: int
    action: str
    object: str
    body: bytes
    salt: bytes
    leaf_hash: bytes


_encode = msgspec.json.Encoder(order="sorted").encode


def seal(entry: Entry) -> SealedEntry:
    """Return an entry ready to be stored."""
    identifier = new_id()
    body = _encode(
        {
            "id": identifier,
            "at": entry.at,
            "actor": entry.actor,
            "source": entry.source,
            "object": entry.object,
            "action": entry.action,
            "result": entry.result,
            "request_hash": entry.request_hash.hex() if entry.request_hash else None,
            "detail": dict(entry.detail),
        }
    )
    salt = random_octets(SALT_OCTETS)
    return SealedEntry(identifier, entry.at, entry.action, entry.object, body, salt, commitment(salt, body))
