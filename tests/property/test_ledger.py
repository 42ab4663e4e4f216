"""The ledger, whatever it holds: proofs prove what is so and nothing else; no note does harm."""

import base64
import hashlib
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyworks.errors import IntegrityFailure, OperatorError
from keyworks.ledger.checkpoint import Checkpoint, NoteKey, parse_checkpoint, verify_checkpoint
from keyworks.ledger.entry import Entry, seal
from keyworks.ledger.proof import check_consistency, check_inclusion, commitment
from keyworks.ledger.tree import (
    Frontier,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    range_hash,
    root_of,
)

ORIGIN = "keyworks/line/1"
KEY = NoteKey(ORIGIN, bytes(range(32)))
SIGNATURE = base64.b64encode(KEY.identifier + bytes(64)).decode()
NOTE = f"{Checkpoint(ORIGIN, 7, bytes(32)).encode().decode()}\n— {ORIGIN} {SIGNATURE}\n"
BIG = 1 << 40


def _virtual(level: int, index: int) -> bytes:
    """Return a node of an endless tree whose every leaf is the same: so that sizes may be huge."""
    del index
    node = leaf_hash(b"")
    for _ in range(level):
        node = node_hash(node, node)
    return node


def _node(leaves: list[bytes]) -> Callable[[int, int], bytes]:
    return lambda level, index: root_of(leaves[index << level : (index + 1) << level])


@st.composite
def _trees(draw: st.DrawFn) -> tuple[list[bytes], int, int]:
    leaves = [leaf_hash(content) for content in draw(st.lists(st.binary(max_size=4), min_size=1, max_size=200))]
    return leaves, draw(st.integers(0, len(leaves) - 1)), draw(st.integers(0, len(leaves)))


@given(_trees())
def test_every_entry_and_every_older_ledger_is_proven(tree: tuple[list[bytes], int, int]) -> None:
    leaves, index, old_size = tree
    size, root, node = len(leaves), root_of(leaves), _node(leaves)
    check_inclusion(leaves[index], index, size, inclusion_path(node, index, size), root)
    path = consistency_path(node, old_size, size)
    check_consistency(old_size, root_of(leaves[:old_size]), size, root, path)


@given(_trees(), st.binary(min_size=32, max_size=32))
def test_a_changed_entry_is_never_proven(tree: tuple[list[bytes], int, int], changed: bytes) -> None:
    """Neither the entry itself, nor that the ledger with it continues one that covered the former."""
    leaves, index, old_size = tree
    size, root = len(leaves), root_of(leaves)
    rewritten = [*leaves[:index], changed, *leaves[index + 1 :]]
    path = inclusion_path(_node(rewritten), index, size)
    with pytest.raises(IntegrityFailure):
        check_inclusion(changed, index, size, path, root)
    if index < old_size:
        path = consistency_path(_node(rewritten), old_size, size)
        with pytest.raises(IntegrityFailure):
            check_consistency(old_size, root_of(leaves[:old_size]), size, root_of(rewritten), path)


@given(st.data(), st.integers(1, BIG))
def test_proofs_hold_in_ledgers_of_any_size(data: st.DataObject, size: int) -> None:
    index, old_size = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    root = range_hash(_virtual, 0, size)
    path = inclusion_path(_virtual, index, size)
    check_inclusion(leaf_hash(b""), index, size, path, root)
    assert len(path) <= size.bit_length()
    consistency = consistency_path(_virtual, old_size, size)
    check_consistency(old_size, range_hash(_virtual, 0, old_size), size, root, consistency)


@given(
    st.integers(-2, BIG),
    st.integers(-2, BIG),
    st.lists(st.binary(max_size=33), max_size=80),
    st.binary(min_size=32, max_size=32),
)
def test_a_made_up_proof_proves_nothing(one: int, size: int, path: list[bytes], root: bytes) -> None:
    with pytest.raises(IntegrityFailure):
        check_inclusion(leaf_hash(b"x"), one, size, path, root)
    with pytest.raises(IntegrityFailure):
        check_consistency(one, root, size, hashlib.sha256(root).digest(), path)


@given(st.lists(st.binary(max_size=4), max_size=300), st.integers(0, 300))
def test_a_tree_is_the_same_however_often_it_was_stored_on_the_way(contents: list[bytes], at: int) -> None:
    leaves = [leaf_hash(content) for content in contents]
    frontier = Frontier()
    for number, leaf in enumerate(leaves):
        if number == at:
            frontier = Frontier.parse(frontier.size, frontier.encode())
        frontier.append(leaf)
    assert frontier.root == root_of(leaves)


@given(st.text() | st.text(alphabet="\n— +019AZaz=/", max_size=300))
def test_no_text_is_taken_for_a_checkpoint_or_does_harm(text: str) -> None:
    for read in (parse_checkpoint, lambda note: verify_checkpoint(note, KEY)):
        with pytest.raises(IntegrityFailure):
            read(text)


@given(st.integers(0, len(NOTE) - 1), st.text(max_size=3), st.integers(0, 3))
def test_a_mutated_checkpoint_is_refused_or_says_something_well_formed(at: int, put: str, drop: int) -> None:
    note = NOTE[:at] + put + NOTE[at + drop :]
    try:
        checkpoint, signatures = parse_checkpoint(note)
    except IntegrityFailure:
        return
    assert note.encode().startswith(f"{checkpoint.origin}\n{checkpoint.size}\n".encode())
    assert len(checkpoint.root) == 32
    assert signatures
    with pytest.raises(IntegrityFailure):
        verify_checkpoint(note, KEY)


@given(st.text() | st.integers(0, len(KEY.text)).map(lambda at: KEY.text[:at] + "A" + KEY.text[at + 1 :]))
def test_a_key_string_is_refused_or_comes_back_as_it_was(text: str) -> None:
    try:
        key = NoteKey.parse(text)
    except OperatorError:
        return
    assert (key, key.text) == (KEY, KEY.text)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.integers(0, BIG), st.tuples(*[_TEXT] * 5), st.dictionaries(_TEXT, _TEXT, max_size=4))
def test_an_entry_says_what_it_was_made_of_and_commits_to_it(
    at: int, words: tuple[str, ...], detail: dict[str, str]
) -> None:
    actor, source, thing, action, result = words
    sealed = seal(Entry(at, actor, source, thing, action, result, None, tuple(detail.items())))
    body = json.loads(sealed.body)
    assert [body[name] for name in ("at", "actor", "source", "object", "action", "result")] == [at, *words]
    assert body["detail"] == detail
    assert b"\n" not in sealed.body
    assert sealed.leaf_hash == commitment(sealed.salt, sealed.body)
