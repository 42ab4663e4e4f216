"""What may be issued: an order carries every decision to the issuing path, and no way to change one."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from keyworks.algorithms.public_key import PublicKey
from keyworks.authority.profile import Issuer, Profile, Wanted
from keyworks.ledger.entry import Entry, SealedEntry, seal
from keyworks.store.engine import Transaction


class Replacement(Enum):
    """What becomes of the live certificate that the owner has in the slot."""

    REVOKE_UNTIL_SHIPPED = "revoke until shipped"
    """Its device is still on the line: revoke it as superseded. Once shipped, refuse."""

    REVOKE = "revoke"
    """Its holder enrolled anew (a reset device): revoke it as superseded, and what it was renewed from.

    But not the very certificate that authenticated the request.
    """

    KEEP = "keep"
    """A renewal: it stays valid until its end, so that a lost reply strands nobody."""


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asked, as the ledger says it.

    Args:
        actor: Such as ``station:line-1``.
        source: The address it came from, or ``local``.
        request_hash: SHA-256 of the request as received, if there was one.
    """

    actor: str
    source: str
    request_hash: bytes | None = None

    def entry(self, at: int, what: str, action: str, detail: tuple[tuple[str, str], ...] = ()) -> SealedEntry:
        """Return the entry of what was done for this requester, to be written in that very transaction.

        Args:
            at: When, in epoch seconds.
            what: What it was done to, such as ``device:ID``.
            action: Such as ``certificate.issued``.
            detail: Further (name, value) pairs.
        """
        return seal(Entry(at, self.actor, self.source, what, action, "ok", self.request_hash, detail))


@dataclass(frozen=True, slots=True)
class Order:
    """A certificate that may be issued.

    Args:
        issuer: Who signs.
        profile: What it looks like.
        wanted: Its names.
        public_key: The subject's key, its possession proven (or our own).
        owner: Whose certificate it becomes: ``device:ID``, ``station:NAME``, ``authority:NAME``, ...
        replacement: What becomes of the owner's present certificate in this slot.
        requester: Who asked.
        channel_id: Through which channel, if any.
        device_id: The inventory's device, where the owner is one.
        counts: Whether the device belongs to a production order, whose quota its first certificate counts in.
        request_key: Equal for identical initial requests; ``None`` always issues.
        credential_id: The certificate of ours that authenticated the request, if one did. It is not revoked
            for the new one: a lost reply strands nobody.
        chosen: Kinds and values of names that the request alone chose: nobody else may have them.
        companion: Writes what must become durable with the certificate (an authority's generation).
    """

    issuer: Issuer
    profile: Profile
    wanted: Wanted
    public_key: PublicKey
    owner: str
    replacement: Replacement
    requester: Requester
    channel_id: str | None = None
    device_id: str | None = None
    counts: bool = False
    request_key: bytes | None = None
    credential_id: str | None = None
    chosen: tuple[tuple[str, str], ...] = ()
    companion: Callable[[Transaction, str], None] | None = None

    @property
    def slot(self) -> str:
        """Return the slot it takes: an owner has one live certificate per slot and algorithm."""
        return self.channel_id or self.profile.name


def request_key(channel_id: str, public_key: PublicKey, wanted: Wanted, credential: bytes) -> bytes:
    """Return what makes an initial request identical to an earlier one.

    Args:
        channel_id: The channel asked.
        public_key: The key to be certified.
        wanted: The names it will carry.
        credential: Fingerprint of what authenticated the requester.
    """
    return digest_of((channel_id.encode(), public_key.fingerprint, wanted.key, credential))


def digest_of(parts: Sequence[bytes]) -> bytes:
    """Return octets that are equal for equal parts alone, however these are divided."""
    return hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()
