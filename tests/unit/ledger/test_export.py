"""The ledger as files: what verifies is what was signed; any damage is named."""

import json
import shutil
from pathlib import Path

import pytest

from keyworks.errors import IntegrityFailure, KeyworksError, OperatorError
from keyworks.ledger.checkpoint import Checkpoint, NoteKey, sign_checkpoint
from keyworks.ledger.entry import Entry, SealedEntry, seal
from keyworks.ledger.export import ExportWriter, Tiling, Trust, tile_path, verify_export
from keyworks.ledger.tree import root_of
from keyworks.testing import software_signer

ORIGIN = "keyworks/test"
SIGNER = software_signer("Ed25519")
KEY = NoteKey.of(ORIGIN, SIGNER.public_key)
ENTRIES = tuple(
    seal(Entry(at, "operator:me", "local", f"device:{at}", "device.added", "ok")) for at in range(600)
)


async def note_over(entries: tuple[SealedEntry, ...], origin: str = ORIGIN) -> str:
    return await sign_checkpoint(
        Checkpoint(origin, len(entries), root_of([one.leaf_hash for one in entries])), SIGNER
    )


async def export(folder: Path, entries: tuple[SealedEntry, ...]) -> Path:
    folder.mkdir()
    writer = ExportWriter(folder)
    for index, one in enumerate(entries):
        writer.add(index, one.body, one.salt, one.leaf_hash)
    writer.finish(await note_over(entries), KEY)
    return folder


def change_entry_299(folder: Path, changes: dict[str, object]) -> None:
    lines = (folder / "entries.jsonl").read_text().splitlines()
    lines[299] = json.dumps(json.loads(lines[299]) | changes)
    (folder / "entries.jsonl").write_text("\n".join(lines) + "\n")


@pytest.fixture
async def exported(tmp_path: Path) -> Path:
    return await export(tmp_path / "export", ENTRIES)


@pytest.mark.parametrize(
    ("level", "place", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 0, 7, "tile/0/000.p/7"),
        (1, 67, 256, "tile/1/067"),
        (0, 1000, 256, "tile/0/x001/000"),
        (2, 1234067, 1, "tile/2/x001/x234/067.p/1"),
    ],
)
def test_a_tile_lies_where_other_implementations_look_for_it(
    level: int, place: int, width: int, path: str
) -> None:
    """C2SP tlog-tiles, Merkle tree: the index in 3-digit path elements, all but the last prefixed with x."""
    assert tile_path(level, place, width) == path


@pytest.mark.parametrize(
    ("size", "tiles"),
    [
        (0, []),
        (1, [(0, 0, 1)]),
        (256, [(0, 0, 256), (1, 0, 1)]),
        (600, [(0, 0, 256), (0, 1, 256), (0, 2, 88), (1, 0, 2)]),
    ],
)
def test_tiles_are_cut_as_the_tree_grows(size: int, tiles: list[tuple[int, int, int]]) -> None:
    found: list[tuple[int, int, int]] = []
    tiling = Tiling(lambda level, place, hashes: found.append((level, place, len(hashes))))
    for number in range(size):
        tiling.append(number.to_bytes(32, "big"))
    tiling.finish()
    assert found == tiles


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 600])
async def test_an_export_of_any_size_verifies_with_its_key(tmp_path: Path, size: int) -> None:
    verified = verify_export(await export(tmp_path / "export", ENTRIES[:size]), Trust(KEY))
    assert verified.checkpoint.size == size
    assert verified.signed


async def test_without_anything_from_outside_files_are_not_called_signed(exported: Path) -> None:
    verified = verify_export(exported, Trust())
    assert (verified.signed, verified.continues, verified.checkpoint.size) == (False, None, 600)


async def test_a_key_from_outside_that_is_another_ledgers_is_refused(exported: Path) -> None:
    stranger = NoteKey.of(ORIGIN, software_signer("Ed25519").public_key)
    with pytest.raises(IntegrityFailure, match="not the ledger of the key given"):
        verify_export(exported, Trust(stranger))


async def test_a_whole_ledger_made_anew_with_another_key_is_refused_by_the_key_from_outside(
    tmp_path: Path,
) -> None:
    forger = software_signer("Ed25519")
    folder = await export(tmp_path / "forged", ENTRIES[:3])
    leaves = [one.leaf_hash for one in ENTRIES[:3]]
    (folder / "checkpoint").write_text(await sign_checkpoint(Checkpoint(ORIGIN, 3, root_of(leaves)), forger))
    (folder / "key").write_text(NoteKey.of(ORIGIN, forger.public_key).text)
    assert not verify_export(folder, Trust()).signed
    with pytest.raises(IntegrityFailure):
        verify_export(folder, Trust(KEY))


@pytest.mark.parametrize("size", [0, 1, 256, 300, 600])
async def test_an_export_continues_every_older_checkpoint(exported: Path, size: int) -> None:
    old = await note_over(ENTRIES[:size])
    assert verify_export(exported, Trust(checkpoint=old)).continues == size


async def test_a_rewritten_history_does_not_continue_the_older_checkpoint(tmp_path: Path) -> None:
    old = await note_over(ENTRIES[:5])
    folder = await export(tmp_path / "export", (ENTRIES[6], *ENTRIES[1:9]))
    with pytest.raises(IntegrityFailure, match="rewritten"):
        verify_export(folder, Trust(KEY, old))


async def test_a_ledger_cut_short_is_noticed_by_the_older_checkpoint(tmp_path: Path) -> None:
    old = await note_over(ENTRIES[:9])
    folder = await export(tmp_path / "export", ENTRIES[:4])
    with pytest.raises(IntegrityFailure, match="covers 9 entries, this one 4: entries are missing"):
        verify_export(folder, Trust(KEY, old))


async def test_an_older_checkpoint_of_another_ledger_is_refused(exported: Path) -> None:
    with pytest.raises(IntegrityFailure, match="older checkpoint does not fit"):
        verify_export(exported, Trust(KEY, await note_over(ENTRIES[:4], "keyworks/other")))


async def test_a_withheld_entry_is_counted_and_its_place_is_proven(exported: Path) -> None:
    change_entry_299(exported, {"body": None, "salt": None})
    verified = verify_export(exported, Trust(KEY))
    assert (verified.withheld, verified.checkpoint.size) == (1, 600)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"body": "{}"}, r"Entry 299 is not the one that tile/0/001 commits to"),
        ({"salt": "00" * 16}, r"Entry 299 is not the one that tile/0/001 commits to"),
        ({"salt": "zz"}, r"Entry 299 cannot be read"),
        ({"salt": None}, r"Entry 299 cannot be read"),
        ({"body": 7}, r"Entry 299 cannot be read"),
        ({"index": 300}, r"Entry 299 is not in its place: entries.jsonl has entry 300 there\. Lines were"),
        ({"more": 1}, r"Entry 299 cannot be read"),
        ({"body": "x" * 2_000_000}, r"Entry 299 cannot be read"),
    ],
)
def test_a_changed_entry_is_named(exported: Path, changes: dict[str, object], sentence: str) -> None:
    change_entry_299(exported, changes)
    with pytest.raises(IntegrityFailure, match=sentence):
        verify_export(exported, Trust(KEY))


@pytest.mark.parametrize(
    ("tile", "sentence"),
    [
        ("tile/0/001", r"Entry 256 is not the one that tile/0/001 commits to"),
        ("tile/0/002.p/88", r"Entry 512 is not the one that tile/0/002.p/88 commits to"),
        ("tile/1/000.p/2", r"tile/1/000.p/2 does not fit the tiles below it"),
    ],
)
def test_a_changed_tile_is_named(exported: Path, tile: str, sentence: str) -> None:
    octets = bytearray((exported / tile).read_bytes())
    octets[0] ^= 1
    (exported / tile).write_bytes(octets)
    with pytest.raises(IntegrityFailure, match=sentence):
        verify_export(exported, Trust(KEY))


async def test_an_entry_changed_with_every_tile_above_it_does_not_have_the_signed_root(tmp_path: Path) -> None:
    folder = await export(tmp_path / "export", (ENTRIES[9], *ENTRIES[1:5]))
    (folder / "checkpoint").write_text(await note_over(ENTRIES[:5]))
    with pytest.raises(IntegrityFailure, match="first 5 entries do not have the root hash of the checkpoint"):
        verify_export(folder, Trust(KEY))


def test_lines_that_changed_places_are_told_as_that(exported: Path) -> None:
    """None of them is missing."""
    lines = (exported / "entries.jsonl").read_text().splitlines(keepends=True)
    (exported / "entries.jsonl").write_text("".join((*lines[:2], lines[3], lines[2], *lines[4:])))
    with pytest.raises(
        IntegrityFailure, match=r"Entry 2 is not in its place: .* entry 3 there\. Lines .* moved"
    ):
        verify_export(exported, Trust(KEY))


async def test_without_its_own_key_an_export_is_verified_with_the_key_from_outside(exported: Path) -> None:
    """The one that comes with it is a convenience: whoever made the files also made that one."""
    (exported / "key").unlink()
    assert verify_export(exported, Trust(KEY)).signed
    with pytest.raises(IntegrityFailure, match="bring the ledger's key with --key"):
        verify_export(exported, Trust())
    with pytest.raises(IntegrityFailure, match="is not signed by"):
        verify_export(exported, Trust(NoteKey(KEY.name, bytes(32))))


@pytest.mark.parametrize("name", ["key", "entries.jsonl", "tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2"])
@pytest.mark.parametrize("damage", ["missing", "empty", "longer", "folder", "not text"])
def test_a_damaged_file_is_never_taken(exported: Path, name: str, damage: str) -> None:
    file = exported / name
    trust = Trust() if (name, damage) == ("key", "missing") else Trust(KEY)
    octets = file.read_bytes()
    file.unlink()
    if damage == "folder":
        file.mkdir()
    elif damage != "missing":
        file.write_bytes({"empty": b"", "longer": octets + b"x", "not text": b"\xff" * 64}[damage])
    with pytest.raises(IntegrityFailure):
        verify_export(exported, trust)


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\xff\xfe",
        b"keyworks/test\n600\n",
        b"x" * 100_000,
        b"keyworks/test\n" + b"9" * 5000 + b"\nAA==\n\n",
    ],
)
def test_a_damaged_checkpoint_is_never_taken(exported: Path, note: bytes) -> None:
    (exported / "checkpoint").write_bytes(note)
    with pytest.raises(IntegrityFailure):
        verify_export(exported, Trust())


async def test_a_checkpoint_of_another_ledger_signed_with_this_key_is_refused(exported: Path) -> None:
    other = await note_over(ENTRIES, "keyworks/other")
    (exported / "checkpoint").write_text(other)
    (exported / "key").write_text(NoteKey("keyworks/test", KEY.public_key).text)
    with pytest.raises(IntegrityFailure):
        verify_export(exported, Trust())


def test_a_checkpoint_over_more_entries_than_there_are_is_refused_at_the_first_missing_one(
    exported: Path,
) -> None:
    (exported / "entries.jsonl").write_text("")
    with pytest.raises(IntegrityFailure, match="ends before entry 0 of 600"):
        verify_export(exported, Trust(KEY))


async def test_every_changed_octet_of_a_small_export_is_noticed_or_changes_nothing(tmp_path: Path) -> None:
    """What verifies has the bodies that were recorded, whatever was done to the files."""
    original = await export(tmp_path / "export", ENTRIES[:2])
    bodies = [json.loads(line)["body"] for line in (original / "entries.jsonl").read_text().splitlines()]
    for name in ("entries.jsonl", "tile/0/000.p/2", "checkpoint", "key"):
        octets = (original / name).read_bytes()
        for place in range(0, len(octets), 3):
            (original / name).write_bytes(octets[:place] + bytes([octets[place] ^ 0x15]) + octets[place + 1 :])
            try:
                verify_export(original, Trust(KEY))
            except KeyworksError:
                continue
            lines = (original / "entries.jsonl").read_text().splitlines()
            assert [json.loads(line)["body"] for line in lines] == bodies
        (original / name).write_bytes(octets)


def test_a_folder_that_is_no_export_is_the_operators_mistake(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="no ledger export"):
        verify_export(tmp_path, Trust())


async def test_a_body_that_is_not_text_is_not_exported(tmp_path: Path) -> None:
    writer = ExportWriter(tmp_path)
    with pytest.raises(IntegrityFailure, match="Entry 0 is damaged"):
        writer.add(0, b"\xff", b"salt", b"leaf")
    writer.close()


async def test_an_export_is_a_copy_that_verifies_anywhere(exported: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(exported, tmp_path / "elsewhere"))
    assert verify_export(moved, Trust(KEY)) == verify_export(exported, Trust(KEY))
