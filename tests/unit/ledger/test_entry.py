"""What happened, as the ledger keeps it."""

import hashlib
import json

from keyworks.ledger.entry import SALT_OCTETS, Entry, seal
from keyworks.ledger.proof import commitment

ENTRY = Entry(
    at=1_790_000_000,
    actor="station:line-1",
    source="192.0.2.7",
    object="device:1",
    action="certificate.issued",
    result="ok",
    request_hash=hashlib.sha256(b"request").digest(),
    detail=(("subject", 'CN=Größe "1"\n'), ("fingerprint", "00ff")),
)


def test_a_body_is_canonical_json() -> None:
    """Sorted names, no white space, UTF-8: so that everybody hashes the same octets."""
    sealed = seal(ENTRY)
    body = json.loads(sealed.body)
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert sealed.body == canonical
    assert "Größe".encode() in sealed.body


def test_a_body_says_everything() -> None:
    sealed = seal(ENTRY)
    assert json.loads(sealed.body) == {
        "id": sealed.id,
        "at": 1_790_000_000,
        "actor": "station:line-1",
        "source": "192.0.2.7",
        "object": "device:1",
        "action": "certificate.issued",
        "result": "ok",
        "request_hash": hashlib.sha256(b"request").hexdigest(),
        "detail": {"subject": 'CN=Größe "1"\n', "fingerprint": "00ff"},
    }


def test_an_entry_without_a_request_says_so() -> None:
    assert json.loads(seal(Entry(1, "operator:a", "local", "x", "y", "ok")).body)["request_hash"] is None


def test_a_leaf_commits_to_the_body_and_hides_it() -> None:
    """Equal entries have unequal leaves: nobody finds out what happened by hashing guesses."""
    one, other = seal(ENTRY), seal(ENTRY)
    assert one.leaf_hash == commitment(one.salt, one.body)
    assert (len(one.salt), one.salt != other.salt, one.leaf_hash != other.leaf_hash) == (
        SALT_OCTETS,
        True,
        True,
    )


def test_entries_keep_the_order_in_which_they_are_made() -> None:
    made = [seal(ENTRY).id for _ in range(100)]
    assert made == sorted(made)
