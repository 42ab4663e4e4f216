"""One entry proven in one file: to whoever has the key, or an older checkpoint, and nothing else."""

import json
from collections.abc import Callable

import pytest

from keyworks.errors import IntegrityFailure, KeyworksError, OperatorError
from keyworks.ledger.checkpoint import Checkpoint, NoteKey, sign_checkpoint
from keyworks.ledger.entry import Entry, seal
from keyworks.ledger.export import Trust
from keyworks.ledger.proof_file import FORMAT, Consistency, Proof, verify_proof
from keyworks.ledger.tree import consistency_path, inclusion_path, root_of
from keyworks.testing import software_signer

ORIGIN = "keyworks/test"
SIGNER = software_signer("Ed25519")
KEY = NoteKey.of(ORIGIN, SIGNER.public_key)
ENTRIES = [seal(Entry(at, "operator:me", "local", f"device:{at}", "device.added", "ok")) for at in range(21)]
LEAVES = [one.leaf_hash for one in ENTRIES]


def node(level: int, index: int) -> bytes:
    return root_of(LEAVES[index << level : (index + 1) << level])


async def note_over(size: int) -> str:
    return await sign_checkpoint(Checkpoint(ORIGIN, size, root_of(LEAVES[:size])), SIGNER)


async def proof_of(index: int, since: int | None = None) -> Proof:
    size = len(LEAVES)
    path = consistency_path(node, since, size) if since else ()
    return Proof(
        format=FORMAT,
        index=index,
        body=ENTRIES[index].body.decode(),
        salt=ENTRIES[index].salt.hex(),
        path=tuple(one.hex() for one in inclusion_path(node, index, size)),
        checkpoint=await note_over(size),
        key=KEY.text,
        consistency=Consistency(since, tuple(one.hex() for one in path)) if since else None,
    )


@pytest.mark.parametrize("index", [0, 7, 16, 20])
async def test_an_entry_is_proven_to_whoever_has_the_key(index: int) -> None:
    proven = verify_proof((await proof_of(index)).encode(), Trust(KEY))
    assert (proven.index, proven.body) == (index, ENTRIES[index].body.decode())
    assert proven.verified.signed


async def test_a_proof_shows_no_other_entry() -> None:
    document = (await proof_of(7)).encode().decode()
    assert [one.id for one in ENTRIES if one.id in document] == [ENTRIES[7].id]


async def test_without_a_key_a_proof_is_not_called_signed() -> None:
    assert not verify_proof((await proof_of(7)).encode(), Trust()).verified.signed


@pytest.mark.parametrize("since", [1, 8, 13, 20])
async def test_a_proof_since_an_older_checkpoint_shows_that_the_ledger_continues_it(since: int) -> None:
    proof = await proof_of(7, since)
    proven = verify_proof(proof.encode(), Trust(checkpoint=await note_over(since)))
    assert proven.verified.continues == since


@pytest.mark.parametrize("size", [0, len(LEAVES)])
async def test_an_empty_and_an_equal_checkpoint_need_no_consistency_proof(size: int) -> None:
    proven = verify_proof((await proof_of(7)).encode(), Trust(KEY, await note_over(size)))
    assert proven.verified.continues == size


async def test_a_checkpoint_that_the_file_has_no_proof_for_cannot_be_compared() -> None:
    with pytest.raises(OperatorError, match="--since"):
        verify_proof((await proof_of(7, 8)).encode(), Trust(KEY, await note_over(9)))


@pytest.mark.parametrize("size", [0, 8, 21])
async def test_an_older_checkpoint_with_another_root_is_not_continued(size: int) -> None:
    other = await sign_checkpoint(Checkpoint(ORIGIN, size, bytes(32)), SIGNER)
    with pytest.raises(IntegrityFailure):
        verify_proof((await proof_of(7, 8)).encode(), Trust(KEY, other))


Change = Callable[[dict[str, object]], object]


@pytest.mark.parametrize(
    "change",
    [
        lambda proof: proof.update(index=8),
        lambda proof: proof.update(index=-1),
        lambda proof: proof.update(index=10**30),
        lambda proof: proof.update(body=proof["body"] + " "),
        lambda proof: proof.update(body="\ud800"),
        lambda proof: proof.update(salt="00" * 16),
        lambda proof: proof.update(salt="no"),
        lambda proof: proof["path"].pop(),
        lambda proof: proof["path"].append("00" * 32),
        lambda proof: proof["path"].__setitem__(0, "00"),
        lambda proof: proof["path"].extend(["00" * 32] * 200),
        lambda proof: proof["path"].reverse(),
        lambda proof: proof.update(checkpoint=proof["checkpoint"].replace("21", "22", 1)),
        lambda proof: proof.update(key="keyworks/test+00000000+AAAA"),
        lambda proof: proof.update(key="é+é+é"),
        lambda proof: proof.pop("salt"),
        lambda proof: proof.update(more=1),
        lambda proof: proof.update(format="other"),
        lambda proof: proof.update(body="x" * 3_000_000),
        lambda proof: proof["consistency"]["path"].pop(),
    ],
)
async def test_a_changed_proof_proves_nothing(change: Change) -> None:
    document = json.loads((await proof_of(7, 8)).encode())
    change(document)
    with pytest.raises((IntegrityFailure, OperatorError)):
        verify_proof(json.dumps(document).encode(), Trust(KEY, await note_over(8)))


@pytest.mark.parametrize("octets", [b"", b"[" * 100_000, b"\xff", b"null", b"{}"])
def test_bytes_that_are_no_proof_are_refused(octets: bytes) -> None:
    with pytest.raises(KeyworksError):
        verify_proof(octets, Trust())
