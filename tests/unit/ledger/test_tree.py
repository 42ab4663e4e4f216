"""The Merkle tree, against the published vectors and against the RFC's definition written down again."""

import hashlib
from collections.abc import Sequence

import pytest

from keyworks.errors import IntegrityFailure
from keyworks.ledger.tree import (
    EMPTY_ROOT,
    Frontier,
    consistency_path,
    inclusion_path,
    leaf_hash,
    range_hash,
    root_of,
    split_of,
)

# Inputs and roots that implementations of Certificate Transparency share (transparency-dev/merkle, testonly).
CT_INPUTS = (
    *("", "00", "10", "2021", "3031", "40414243"),
    *("5051525354555657", "606162636465666768696a6b6c6d6e6f"),
)
CT_ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
MOST = 40
CONTENTS = tuple(str(number).encode() for number in range(MOST))
LEAVES = tuple(leaf_hash(content) for content in CONTENTS)
SIZES = range(1, MOST + 1)


def _split(contents: Sequence[bytes]) -> int:
    """RFC 6962 §2.1: the largest power of two smaller than n."""
    k = 1
    while 2 * k < len(contents):
        k *= 2
    return k


def _mth(contents: Sequence[bytes]) -> bytes:
    """RFC 6962 §2.1: the Merkle Tree Hash."""
    if not contents:
        return hashlib.sha256().digest()
    if len(contents) == 1:
        return hashlib.sha256(b"\x00" + contents[0]).digest()
    k = _split(contents)
    return hashlib.sha256(b"\x01" + _mth(contents[:k]) + _mth(contents[k:])).digest()


def _path(m: int, contents: Sequence[bytes]) -> tuple[bytes, ...]:
    """RFC 6962 §2.1.1: PATH(m, D[n])."""
    if len(contents) == 1:
        return ()
    k = _split(contents)
    if m < k:
        return (*_path(m, contents[:k]), _mth(contents[k:]))
    return (*_path(m - k, contents[k:]), _mth(contents[:k]))


def _subproof(m: int, contents: Sequence[bytes], *, whole: bool) -> tuple[bytes, ...]:
    """RFC 6962 §2.1.2: SUBPROOF(m, D[n], b)."""
    if m == len(contents):
        return () if whole else (_mth(contents),)
    k = _split(contents)
    if m <= k:
        return (*_subproof(m, contents[:k], whole=whole), _mth(contents[k:]))
    return (*_subproof(m - k, contents[k:], whole=False), _mth(contents[:k]))


def _node(level: int, index: int) -> bytes:
    return root_of(LEAVES[index << level : (index + 1) << level])


@pytest.mark.parametrize("size", range(len(CT_ROOTS)))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    leaves = [leaf_hash(bytes.fromhex(content)) for content in CT_INPUTS[:size]]
    assert root_of(leaves).hex() == CT_ROOTS[size]


@pytest.mark.parametrize("size", SIZES)
def test_a_root_is_the_merkle_tree_hash(size: int) -> None:
    """RFC 6962 §2.1."""
    assert root_of(LEAVES[:size]) == _mth(CONTENTS[:size])
    assert range_hash(_node, 0, size) == _mth(CONTENTS[:size])


@pytest.mark.parametrize("size", SIZES)
def test_an_audit_path_is_the_rfcs(size: int) -> None:
    """RFC 6962 §2.1.1."""
    for index in range(size):
        assert inclusion_path(_node, index, size) == _path(index, CONTENTS[:size])


@pytest.mark.parametrize("size", SIZES)
def test_a_consistency_proof_is_the_rfcs(size: int) -> None:
    """RFC 6962 §2.1.2."""
    for old_size in range(1, size + 1):
        expected = _subproof(old_size, CONTENTS[:size], whole=True)
        assert consistency_path(_node, old_size, size) == expected


def test_every_tree_continues_the_empty_one_without_proof() -> None:
    assert consistency_path(_node, 0, MOST) == ()


def test_a_leaf_is_never_taken_for_a_node() -> None:
    """RFC 6962 §2.1: the prefixes give second preimage resistance."""
    left, right = LEAVES[:2]
    assert leaf_hash(left + right) != root_of([left, right])


@pytest.mark.parametrize("size", [0, *SIZES])
def test_a_frontier_goes_on_where_it_was_stored(size: int) -> None:
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf)
    stored = Frontier.parse(size, frontier.encode())
    assert stored.root == frontier.root == (root_of(LEAVES[:size]) if size else EMPTY_ROOT)
    for leaf in LEAVES[size:]:
        stored.append(leaf)
    assert (stored.size, stored.root) == (MOST, root_of(LEAVES))


@pytest.mark.parametrize(
    ("size", "octets"), [(0, b"\0" * 32), (1, b""), (3, b"\0" * 32), (2, b"\0" * 31), (7, b"\0" * 97)]
)
def test_a_damaged_frontier_is_noticed(size: int, octets: bytes) -> None:
    with pytest.raises(IntegrityFailure, match="tree head"):
        Frontier.parse(size, octets)


@pytest.mark.parametrize(("size", "split"), [(2, 1), (3, 2), (4, 2), (5, 4), (8, 4), (9, 8), (1000, 512)])
def test_a_tree_is_split_at_the_largest_power_of_two_below_its_size(size: int, split: int) -> None:
    assert split_of(size) == split
