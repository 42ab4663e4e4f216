"""Recording an issued certificate: every uniqueness rule is decided here, inside the durable transaction."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from keyworks.access.records import advance_revocation
from keyworks.authority import records
from keyworks.authority.chosen_names import claim_names
from keyworks.authority.order import Order, Replacement
from keyworks.devices.device import GONE, DeviceState
from keyworks.devices.order import count_device
from keyworks.devices.records import get_device, issue_to, set_state
from keyworks.errors import KeyworksError, NotAuthorized
from keyworks.ledger.entry import SealedEntry
from keyworks.ledger.records import insert_entries
from keyworks.store.engine import Transaction
from keyworks.store.ids import new_id
from keyworks.x509.certificate import Certificate

SUPERSEDED: Final = "superseded"
KEY_COMPROMISE: Final = "keyCompromise"
_NOBODY: Final = "compromised"
"""Whose a compromised key is: no owner is called so."""


@dataclass(frozen=True, slots=True)
class Issuance:
    """A signed certificate that nobody has seen yet.

    Args:
        order: What it was made from.
        serial_number: Positive.
        not_before: Epoch seconds.
        not_after: Epoch seconds.
        der: The certificate.
        fingerprint: SHA-256 of ``der``.
        at: When it was issued.
    """

    order: Order
    serial_number: int
    not_before: int
    not_after: int
    der: bytes
    fingerprint: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the database decided.

    Args:
        certificate_id: Of the certificate to release; empty where refused.
        der: The certificate to release.
        repeated: It is an earlier one, issued for an identical request.
        refusal: Why nothing may be released.
        superseded: Serial numbers, in hexadecimal, of the certificates that it replaces and that are revoked
            now, oldest first.
        chain: Its issuers' certificates, DER, where the issuer is another one than the order's: the former
            generation that answered the identical request.
    """

    certificate_id: str = ""
    der: bytes = b""
    repeated: bool = False
    refusal: KeyworksError | None = None
    superseded: tuple[str, ...] = ()
    chain: tuple[bytes, ...] = ()


def find_repeated(tx: Transaction, order: Order, at: int) -> Recorded | None:
    """Return the live certificate that an identical request got, if there is one.

    One of another profile, or of a former version, is none: whoever asks again gets what is certified now.
    """
    same = {
        "owner": order.owner,
        "request_key": order.request_key,
        "profile": order.profile.name,
        "profile_version": order.profile.version,
    }
    for certificate_id, der, not_after, generation_id in tx.execute(records.SELECT_REPEATED, same):
        if not_after >= at:
            former = generation_id != order.issuer.generation_id
            chain = tuple(_chain_of(tx, generation_id)) if former else ()
            return Recorded(certificate_id, der, repeated=True, chain=chain)
    return None


def _chain_of(tx: Transaction, generation_id: str | None) -> Iterator[bytes]:
    while generation_id is not None:
        [(der, generation_id)] = tx.execute(records.SELECT_GENERATION, {"id": generation_id})
        yield der


def record(tx: Transaction, issuances: Sequence[Issuance]) -> list[Recorded]:
    """Record certificates with their ledger entries; for each, say what may be released.

    One refused or repeated request never fails the group it shares a transaction with.
    """
    entries: list[SealedEntry] = []
    outcomes: list[Recorded] = []
    for some in _independent(issuances):
        outcomes += tx.together(lambda own, issuance: _record_one(own, issuance, entries), some)
    insert_entries(tx, entries)
    return outcomes


def _independent(issuances: Sequence[Issuance]) -> Iterator[Sequence[Issuance]]:
    """Yield them in order, divided so that no owner, key or chosen name is twice in one part.

    What is decided about one of them then depends on none of its part.
    """
    start, seen = 0, set[object]()
    for place, issuance in enumerate(issuances):
        order = issuance.order
        own = (order.owner, order.public_key.fingerprint, *order.chosen)
        if not seen.isdisjoint(own):
            yield issuances[start:place]
            start, seen = place, set()
        seen.update(own)
    yield issuances[start:]


def _record_one(tx: Transaction, issuance: Issuance, entries: list[SealedEntry]) -> Recorded:
    order, subject = issuance.order, issuance.order.wanted.subject.text
    refusal = _refusal(tx, order, issuance.at)
    certificate_id = _insert(tx, issuance, subject) if refusal is None else None
    if certificate_id is None:
        # Another worker may have answered the identical request since we looked: then its answer is ours.
        return find_repeated(tx, order, issuance.at) or Recorded(refusal=refusal)
    formers = _take_slot(tx, issuance, certificate_id)
    for former in formers:
        revoke_certificate(tx, former, SUPERSEDED, issuance.at)
        superseded = (("certificate", former), ("by", certificate_id), ("reason", SUPERSEDED))
        entries.append(_entry(issuance, "certificate.revoked", superseded))
    if order.companion is not None:
        order.companion(tx, certificate_id)
    entries.append(_entry(issuance, "certificate.issued", _description(issuance, certificate_id, subject)))
    return Recorded(certificate_id, issuance.der, superseded=tuple(formers.values()))


def _refusal(tx: Transaction, order: Order, at: int) -> KeyworksError | None:
    """Say why the certificate may not be, or ``None``; claims key, names and device for it where it may."""
    key = {"public_key": order.public_key.fingerprint}
    if not tx.execute(records.CLAIM_KEY, {**key, "owner": order.owner}):
        [(owner,)] = tx.execute(records.SELECT_KEY_OWNER, key)
        if owner == _NOBODY:
            return NotAuthorized("This public key was revoked as compromised; make a new key.")
        if owner != order.owner:
            return NotAuthorized("This public key belongs to another device or service; make a new key.")
        return _holder_refusal(tx, order, at)
    refusal = _holder_refusal(tx, order, at)
    if refusal is not None:
        tx.execute(records.DISCLAIM_KEY, key)  # never certified, it is nobody's
    return refusal


def _holder_refusal(tx: Transaction, order: Order, at: int) -> KeyworksError | None:
    """Say why the owner may not have it, or ``None``; notes that it has where it may."""
    taken = claim_names(tx, order, at) if order.chosen else None
    if taken is not None or order.device_id is None:
        return taken
    if issue_to(tx, order.device_id):
        exceeded = count_device(tx, order.device_id) if order.counts else None
        if exceeded is not None:  # its first certificate, so it was registered before
            set_state(tx, order.device_id, DeviceState.ISSUED, DeviceState.REGISTERED)
        return exceeded
    if order.replacement is Replacement.REVOKE_UNTIL_SHIPPED:
        return NotAuthorized(
            "The device has left the line; it gets no further identity, and the one it has cannot be replaced."
        )
    # It was in use when the request was authorized; the operator may have retired it since.
    device = get_device(tx, order.device_id)
    if device is None or device.state in GONE:
        return NotAuthorized("The device is retired, lost or scrapped; it gets no certificates any more.")
    return None


def _insert(tx: Transaction, issuance: Issuance, subject: str) -> str | None:
    """Write the certificate and return its id; ``None`` if a live one answers the identical request."""
    order, certificate_id = issuance.order, new_id()
    row = {
        "id": certificate_id,
        "generation_id": order.issuer.generation_id,
        "serial_number": records.serial_octets(issuance.serial_number),
        "channel_id": order.channel_id,
        "profile": order.profile.name,
        "profile_version": order.profile.version,
        "owner": order.owner,
        "subject": subject,
        "public_key": order.public_key.fingerprint,
        "not_before": issuance.not_before,
        "not_after": issuance.not_after,
        "issued_at": issuance.at,
        "state": "valid",
        "revoked_at": None,
        "revocation_reason": None,
        "fingerprint": issuance.fingerprint,
        "request_key": order.request_key,
        "der": issuance.der,
    }
    while not tx.execute(records.INSERT_CERTIFICATE, row):
        if find_repeated(tx, order, issuance.at) is not None:
            return None
        tx.execute(records.FORGET_REQUEST, {"wanted_owner": order.owner, "wanted_key": order.request_key})
    return certificate_id


def _take_slot(tx: Transaction, issuance: Issuance, certificate_id: str) -> dict[str, str]:
    """Put a certificate into its slot; return the live ones that it supersedes there: ids, serial numbers.

    They can be several: each renewal has left its predecessor valid. The one that authenticated the request is
    spared: its holder needs it once more, to repeat the request, should the reply be lost.
    """
    order = issuance.order
    place = {"owner": order.owner, "slot": order.slot}
    taken = {**place, "algorithm": order.public_key.key_type, "certificate_id": certificate_id}
    if tx.execute(records.TAKE_EMPTY_SLOT, taken):
        return {}
    tx.execute(records.TAKE_SLOT, taken)
    if order.replacement is Replacement.KEEP:
        return {}
    live = tx.execute(records.SELECT_LIVE, {**place, "at": issuance.at, "new": certificate_id})
    formers = {former: Certificate.parse(der) for former, der in live if former != order.credential_id}
    return {
        former: f"{one.serial_number:x}"
        for former, one in formers.items()
        if one.public_key.key_type == order.public_key.key_type
    }


def revoke_certificate(tx: Transaction, certificate_id: str, reason: str, at: int) -> bool:
    """Mark a certificate revoked, at once for every worker; return whether that changed anything.

    A revocation is final, but for its reason: where the key turns out to be compromised later, that is recorded
    too, and the time of the revocation stays. A compromised key is certified for nobody again, not even for its
    owner.
    """
    known = {"wanted_id": certificate_id, "at": at, "reason": reason, "compromise": KEY_COMPROMISE}
    changed = tx.execute(records.REVOKE, known)
    if changed:
        advance_revocation(tx)
        if reason == KEY_COMPROMISE:
            tx.execute(records.BLOCK_KEY, {"wanted_id": certificate_id, "nobody": _NOBODY})
    return bool(changed)


def _description(issuance: Issuance, certificate_id: str, subject: str) -> tuple[tuple[str, str], ...]:
    order = issuance.order
    return (
        ("certificate", certificate_id),
        ("serial_number", f"{issuance.serial_number:x}"),
        ("fingerprint", issuance.fingerprint.hex()),
        ("issuer", order.issuer.file_name),
        ("profile", f"{order.profile.name}/{order.profile.version}"),
        ("subject", subject),
    )


def _entry(issuance: Issuance, action: str, detail: tuple[tuple[str, str], ...]) -> SealedEntry:
    order = issuance.order
    return order.requester.entry(issuance.at, order.owner, action, detail)


def intent_entry(order: Order, serial_number: int, tbs: bytes, at: int) -> SealedEntry:
    """Return what is entered before an authority's certificate is signed.

    A token that counts its signatures can then be reconciled with the ledger, even after a crash in between.
    """
    detail = (("serial_number", f"{serial_number:x}"), ("tbs_sha256", hashlib.sha256(tbs).hexdigest()))
    return order.requester.entry(at, order.owner, "certificate.intended", detail)
