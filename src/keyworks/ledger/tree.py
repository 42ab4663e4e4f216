"""The Merkle tree: hashes, roots, and the ranges that proofs are made of. Pure.

Source: RFC 6962 §2.1 (hashing), §2.1.1 (audit paths), §2.1.2 (consistency proofs).
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from keyworks.errors import IntegrityFailure

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
HASH_OCTETS: Final = 32


def leaf_hash(content: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def split_of(size: int) -> int:
    """Return the largest power of two below ``size`` (at least 2)."""
    return 1 << (size - 1).bit_length() - 1


class Frontier:
    """The right edge of a tree: enough to append and to know the root, whatever the size.

    Args:
        size: Number of leaves.
        nodes: Roots of the perfect subtrees, largest first: one per set bit of ``size``.
    """

    def __init__(self, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        self.size = size
        self._nodes = list(nodes)

    @classmethod
    def parse(cls, size: int, octets: bytes) -> "Frontier":
        """Return a frontier from its stored octets.

        Raises:
            IntegrityFailure: They are not the frontier of a tree of this size.
        """
        if len(octets) != size.bit_count() * HASH_OCTETS:
            raise IntegrityFailure("The ledger's tree head is damaged.", private=f"size {size}")
        return cls(size, [octets[at : at + HASH_OCTETS] for at in range(0, len(octets), HASH_OCTETS)])

    def encode(self) -> bytes:
        """Return the octets to be stored."""
        return b"".join(self._nodes)

    def append(self, leaf: bytes) -> None:
        """Append one leaf hash."""
        node, size = leaf, self.size
        while size & 1:
            node = node_hash(self._nodes.pop(), node)
            size >>= 1
        self._nodes.append(node)
        self.size += 1

    @property
    def root(self) -> bytes:
        """Return the tree's root hash."""
        if not self._nodes:
            return EMPTY_ROOT
        root = self._nodes[-1]
        for node in reversed(self._nodes[:-1]):
            root = node_hash(node, root)
        return root


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root


def range_hash(node: Callable[[int, int], bytes], start: int, end: int) -> bytes:
    """Return the hash over leaves ``start`` to ``end`` (exclusive), a range that occurs in proofs.

    Args:
        node: Returns the hash of the perfect subtree of 2**level leaves at a given place: (level, index).
        start: A multiple of the largest power of two below the range's length.
        end: Greater than ``start``.
    """
    size = end - start
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, start >> level)
    middle = start + split_of(size)
    return node_hash(range_hash(node, start, middle), range_hash(node, middle, end))


def inclusion_path(node: Callable[[int, int], bytes], index: int, size: int) -> tuple[bytes, ...]:
    """Return the audit path of a leaf in the tree of the given size, from the leaf upwards (§2.1.1)."""
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split_of(end - start)
        if index < middle:
            path.append(range_hash(node, middle, end))
            end = middle
        else:
            path.append(range_hash(node, start, middle))
            start = middle
    return tuple(reversed(path))


def consistency_path(node: Callable[[int, int], bytes], old_size: int, size: int) -> tuple[bytes, ...]:
    """Return the proof that the tree of ``size`` continues the one of ``old_size`` (§2.1.2)."""
    if old_size in (0, size):
        return ()
    path: list[bytes] = []
    start, end, whole = 0, size, True
    while end != old_size:
        middle = start + split_of(end - start)
        if old_size <= middle:
            path.append(range_hash(node, middle, end))
            end = middle
        else:
            path.append(range_hash(node, start, middle))
            start, whole = middle, False
    if not whole:
        path.append(range_hash(node, start, end))
    return tuple(reversed(path))
