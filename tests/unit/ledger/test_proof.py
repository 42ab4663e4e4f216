"""Verifying proofs with nothing but hashes."""

import pytest

from keyworks.errors import IntegrityFailure
from keyworks.ledger.proof import check_consistency, check_inclusion, commitment
from keyworks.ledger.tree import EMPTY_ROOT, consistency_path, inclusion_path, leaf_hash, root_of

MOST = 40
LEAVES = tuple(leaf_hash(str(number).encode()) for number in range(MOST))
ROOTS = tuple(root_of(LEAVES[:size]) for size in range(MOST + 1))
SIZES = range(1, MOST + 1)
OTHER = b"\x5a" * 32


def _node(level: int, index: int) -> bytes:
    return root_of(LEAVES[index << level : (index + 1) << level])


def _damaged(path: tuple[bytes, ...]) -> list[tuple[bytes, ...]]:
    """Return the path with each of its nodes changed, dropped, doubled, and one more at each end."""
    changed = [
        (*path[:at], *middle, *path[at + 1 :])
        for at, node in enumerate(path)
        for middle in ((OTHER,), (), (node, node), (node[:-1],))
    ]
    return [*changed, (*path, OTHER), (OTHER, *path)]


@pytest.mark.parametrize("size", SIZES)
def test_every_entry_of_every_tree_is_proven(size: int) -> None:
    """RFC 9162 §2.1.3.2."""
    for index in range(size):
        check_inclusion(LEAVES[index], index, size, inclusion_path(_node, index, size), ROOTS[size])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 11, 16, 40])
def test_no_other_leaf_place_size_or_root_is_proven(size: int) -> None:
    for index in range(size):
        path, root = inclusion_path(_node, index, size), ROOTS[size]
        wrong = [
            (OTHER, index, size, path, root),
            (LEAVES[index], index, size, path, OTHER),
            *((LEAVES[index], place, size, path, root) for place in range(-1, size + 2) if place != index),
            *((LEAVES[index], index, size, other, root) for other in _damaged(path)),
        ]
        for case in wrong:
            with pytest.raises(IntegrityFailure):
                check_inclusion(*case)


@pytest.mark.parametrize("size", [2, 3, 7, 8, 11, 16])
def test_a_path_for_one_size_never_proves_the_root_of_another(size: int) -> None:
    for index in range(size):
        path = inclusion_path(_node, index, size)
        for other in set(range(MOST + 1)) - {size}:
            with pytest.raises(IntegrityFailure):
                check_inclusion(LEAVES[index], index, other, path, ROOTS[other])


@pytest.mark.parametrize("size", SIZES)
def test_every_tree_is_proven_to_continue_every_smaller_one(size: int) -> None:
    """RFC 9162 §2.1.4.2."""
    for old_size in range(size + 1):
        path = consistency_path(_node, old_size, size)
        check_consistency(old_size, ROOTS[old_size], size, ROOTS[size], path)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 11, 16, 40])
def test_no_rewritten_tree_is_proven_to_continue_an_older_one(size: int) -> None:
    for old_size in range(size + 1):
        path, old_root, root = consistency_path(_node, old_size, size), ROOTS[old_size], ROOTS[size]
        wrong = [
            (old_size, OTHER, size, root, path),
            *([(old_size, old_root, size, OTHER, path)] if old_size else []),
            *((other, old_root, size, root, path) for other in range(-1, size + 2) if other != old_size),
            *((old_size, old_root, size, root, other) for other in _damaged(path)),
        ]
        for case in wrong:
            with pytest.raises(IntegrityFailure, match="rewritten"):
                check_consistency(*case)


def test_a_ledger_that_lost_entries_does_not_continue_the_older_one() -> None:
    with pytest.raises(IntegrityFailure, match="rewritten"):
        check_consistency(8, ROOTS[8], 7, ROOTS[7], ())


def test_an_empty_ledger_has_one_root_only() -> None:
    check_consistency(0, EMPTY_ROOT, 5, ROOTS[5], ())
    with pytest.raises(IntegrityFailure):
        check_consistency(0, OTHER, 5, ROOTS[5], ())


def test_there_is_no_entry_in_an_empty_ledger() -> None:
    with pytest.raises(IntegrityFailure, match="no entry 0"):
        check_inclusion(LEAVES[0], 0, 0, (), EMPTY_ROOT)


def test_a_commitment_depends_on_salt_and_body() -> None:
    salt, body = b"s" * 16, b'{"action":"x"}'
    known = commitment(salt, body)
    assert known == commitment(salt, body)
    assert known not in {commitment(b"t" * 16, body), commitment(salt, body + b" "), leaf_hash(body)}
