"""One entry with its proof, in one file: shows a customer one issuance, and nothing of the others.

A JSON object: the entry's body and salt, its index, the audit path up to the root, the checkpoint over that
root, and the key's string as a convenience. With ``consistency`` it also proves that the ledger continues an
older checkpoint that the customer already has.

Source: RFC 6962 §2.1.1 (audit paths), §2.1.2 (consistency); C2SP tlog-checkpoint.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from keyworks.errors import IntegrityFailure, OperatorError
from keyworks.ledger.export import Trust, Verified, check_notes, inner_key
from keyworks.ledger.proof import check_consistency, check_inclusion, commitment
from keyworks.ledger.tree import HASH_OCTETS

FORMAT: Final = "keyworks-ledger-proof/1"
MAX_PROOF_OCTETS: Final = 2 * 1024 * 1024
MAX_PATH: Final = 128
"""Hashes; a consistency proof has at most two per level of the tree, and no ledger has 2**64 entries."""


class Consistency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Proof that the ledger continues a smaller one.

    Args:
        size: The smaller one's.
        path: Hashes, hexadecimal.
    """

    size: int
    path: tuple[str, ...]


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An entry and its proof.

    Args:
        format: ``FORMAT``.
        index: The entry's place.
        body: Canonical JSON.
        salt: Of its commitment, hexadecimal.
        path: The audit path from the leaf upwards, hexadecimal.
        checkpoint: The signed note.
        key: The verifier key string.
        consistency: With an older checkpoint.
    """

    format: str
    index: int
    body: str
    salt: str
    path: tuple[str, ...]
    checkpoint: str
    key: str
    consistency: Consistency | None = None

    def encode(self) -> bytes:
        """Return the file."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """An entry that is in the ledger.

    Args:
        index: Its place.
        body: Canonical JSON.
        verified: What of the ledger was verified with it.
    """

    index: int
    body: str
    verified: Verified


def verify_proof(octets: bytes, trust: Trust) -> ProvenEntry:
    """Verify one entry's proof.

    Args:
        octets: The file; it may come from a stranger.
        trust: What is known from outside.

    Raises:
        IntegrityFailure: Something does not fit; the sentence says what.
        OperatorError: The older checkpoint given cannot be compared: the file has no proof for it.
    """
    proof = _parse(octets)
    stated, old = check_notes(proof.checkpoint, inner_key(proof.key), trust)
    [salt] = _hex((proof.salt,), "salt")
    leaf = commitment(salt, proof.body.encode())
    check_inclusion(leaf, proof.index, stated.size, _hashes(proof.path, "path"), stated.root)
    if old is not None:
        path = _consistency(proof, old.size, stated.size)
        check_consistency(old.size, old.root, stated.size, stated.root, path)
    verified = Verified(stated, trust.key is not None, old.size if old else None)
    return ProvenEntry(proof.index, proof.body, verified)


def _consistency(proof: Proof, old_size: int, size: int) -> tuple[bytes, ...]:
    if old_size in (0, size):
        return ()
    if proof.consistency is None or proof.consistency.size != old_size:
        raise OperatorError(
            f"This proof cannot be compared with a checkpoint over {old_size} entries; ask for one made with "
            "`keyworks ledger prove --since CHECKPOINT`."
        )
    return _hashes(proof.consistency.path, "consistency")


def _parse(octets: bytes) -> Proof:
    if len(octets) > MAX_PROOF_OCTETS:
        raise IntegrityFailure(f"A proof of more than {MAX_PROOF_OCTETS} octets is not looked at.")
    try:
        proof = msgspec.json.decode(octets, type=Proof)
    except ValueError as error:
        raise IntegrityFailure("This is no ledger proof, or it is damaged.") from error
    if proof.format != FORMAT:
        raise OperatorError(f"This proof has format '{proof.format}'; this release knows {FORMAT}.")
    return proof


def _hashes(path: tuple[str, ...], name: str) -> tuple[bytes, ...]:
    hashes = _hex(path, name)
    if len(path) > MAX_PATH or any(len(one) != HASH_OCTETS for one in hashes):
        raise IntegrityFailure(f"The proof's {name} is damaged.")
    return hashes


def _hex(texts: tuple[str, ...], name: str) -> tuple[bytes, ...]:
    try:
        return tuple(bytes.fromhex(one) for one in texts)
    except ValueError as error:
        raise IntegrityFailure(f"The proof's {name} is damaged: it is not hexadecimal.") from error
