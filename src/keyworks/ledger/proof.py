"""Verifying proofs, with nothing but hashes: what an auditor needs and can read in five minutes.

Source: RFC 9162 §2.1.3.2 (inclusion), §2.1.4.2 (consistency).
"""

import hashlib
from collections.abc import Sequence

from keyworks.errors import IntegrityFailure
from keyworks.ledger.tree import EMPTY_ROOT, leaf_hash, node_hash


def commitment(salt: bytes, body: bytes) -> bytes:
    """Return the leaf hash of an entry: a commitment that says nothing about the body without the salt."""
    return leaf_hash(hashlib.sha256(salt + body).digest())


def check_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf is in a tree.

    Args:
        leaf: Its hash.
        index: Its place, from 0.
        size: The tree's.
        path: The audit path, from the leaf upwards.
        root: The tree's.

    Raises:
        IntegrityFailure: It is not proven.
    """
    if not 0 <= index < size:
        raise IntegrityFailure(f"There is no entry {index} in a ledger of {size} entries.")
    place, last, computed = index, size - 1, leaf
    for node in path:
        if last == 0:
            raise IntegrityFailure("The inclusion proof is too long.")
        if place & 1 or place == last:
            computed = node_hash(node, computed)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            computed = node_hash(computed, node)
        place, last = place >> 1, last >> 1
    if last or computed != root:
        raise IntegrityFailure(f"Entry {index} is not proven to be in the ledger of {size} entries.")


def check_consistency(old_size: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> None:
    """Check that a tree continues an older one without changing anything in it.

    Args:
        old_size: The older tree's.
        old_root: The older tree's.
        size: The newer tree's.
        root: The newer tree's.
        path: The consistency proof.

    Raises:
        IntegrityFailure: It is not proven.
    """
    if 0 < old_size < size:
        proven = _roots(old_size, old_root, size, path) == (old_root, root)
    else:
        # Every tree continues itself, and the empty one.
        same = root if old_size == size else EMPTY_ROOT
        proven = not path and old_size in (0, size) and old_root == same
    if not proven:
        raise IntegrityFailure(
            f"The ledger of {size} entries does not continue the one of {old_size}: something was rewritten."
        )


def _roots(old_size: int, old_root: bytes, size: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Return the roots of both trees as a consistency proof has them; ``None`` if its length is wrong."""
    nodes = [old_root, *path] if old_size & (old_size - 1) == 0 else list(path)
    place, last = old_size - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    if not nodes:
        return None
    old_computed = computed = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            old_computed, computed = node_hash(node, old_computed), node_hash(node, computed)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            computed = node_hash(computed, node)
        place, last = place >> 1, last >> 1
    return None if last else (old_computed, computed)
