"""The ledger as files that anyone can verify, with neither the installation nor its database.

::

    checkpoint              signed statement of size and root (C2SP tlog-checkpoint)
    key                     the verifier key string; a convenience: whoever made the files also made this one
    entries.jsonl           one line per entry: {"index": 0, "body": "...", "salt": "..."}
    tile/LEVEL/PLACE[.p/W]  hashes, 256 per full tile (C2SP tlog-tiles)

A body is canonical JSON, carried as a string so that its octets stay what they were. Body and salt are null
where an entry is withheld: its leaf then comes from the tile, and everything else is still proven.

Trust comes from outside: a key or an older checkpoint that the verifier already has. Without them files can
only agree with each other.

Source: C2SP tlog-tiles (layout), tlog-checkpoint; RFC 6962 §2.1 (hashing).
"""

import json
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import msgspec

from keyworks.errors import IntegrityFailure, OperatorError
from keyworks.ledger.checkpoint import MAX_NOTE_OCTETS, Checkpoint, NoteKey, verify_checkpoint
from keyworks.ledger.proof import commitment
from keyworks.ledger.tree import HASH_OCTETS, Frontier, root_of

CHECKPOINT: Final = "checkpoint"
KEY: Final = "key"
ENTRIES: Final = "entries.jsonl"
TILE_WIDTH: Final = 256
"""Hashes in a full tile (C2SP tlog-tiles)."""

MAX_LINE_OCTETS: Final = 1024 * 1024
MAX_KEY_OCTETS: Final = 1024


@dataclass(frozen=True, slots=True)
class Trust:
    """What a verifier has from outside.

    Args:
        key: The ledger's key.
        checkpoint: An older checkpoint, as a signed note.
    """

    key: NoteKey | None = None
    checkpoint: str | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """What was verified.

    Args:
        checkpoint: What the ledger states.
        signed: Whether a key from outside signed the checkpoint.
        continues: Size of the older checkpoint from outside that the ledger continues, if one was given.
        withheld: Entries without a body, of which only the place is proven.
    """

    checkpoint: Checkpoint
    signed: bool
    continues: int | None = None
    withheld: int = 0


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry in ``entries.jsonl``.

    Args:
        index: Its place.
        body: Canonical JSON; ``None`` where it is withheld.
        salt: Of its commitment, hexadecimal; ``None`` with the body.
    """

    index: int
    body: str | None
    salt: str | None

    def leaf(self) -> bytes | None:
        """Return the leaf hash, or ``None`` where the entry is withheld.

        Raises:
            ValueError: The salt is not hexadecimal, or one of body and salt is missing.
        """
        if self.body is None and self.salt is None:
            return None
        if self.body is None or self.salt is None:
            raise ValueError("half an entry")
        return commitment(bytes.fromhex(self.salt), self.body.encode())


def tile_path(level: int, place: int, width: int) -> str:
    """Return where a tile lies: ``tile/0/x001/x234/067``, with ``.p/W`` behind it while it is partial."""
    groups = [place % 1000]
    while place := place // 1000:
        groups.append(place % 1000)
    last, *rest = groups
    parts = "".join(f"x{group:03}/" for group in reversed(rest))
    return f"tile/{level}/{parts}{last:03}" + (f".p/{width}" if width < TILE_WIDTH else "")


class Tiling:
    """Cuts a tree into tiles while it grows.

    Args:
        emit: Called with level, place and hashes of each tile, once it is as full as it will be.
    """

    def __init__(self, emit: Callable[[int, int, list[bytes]], None]) -> None:
        self._emit = emit
        self._open: list[list[bytes]] = []
        self._places: list[int] = []

    def append(self, node: bytes, level: int = 0) -> None:
        """Append one leaf hash (or, on a higher level, the root of a full tile)."""
        if level == len(self._open):
            self._open.append([])
            self._places.append(0)
        row = self._open[level]
        row.append(node)
        if len(row) == TILE_WIDTH:
            self._emit(level, self._places[level], row)
            self._open[level] = []
            self._places[level] += 1
            self.append(root_of(row), level + 1)

    def finish(self) -> None:
        """Emit the tiles that stay partial."""
        for level, row in enumerate(self._open):
            if row:
                self._emit(level, self._places[level], row)


class ExportWriter:
    """Writes the files; what it writes is as stored, so that verifying them verifies the ledger.

    Args:
        folder: Exists, and is empty.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entries: IO[bytes] = (folder / ENTRIES).open("xb")
        self._tiling = Tiling(self._write_tile)
        self._count = 0

    def add(self, index: int, body: bytes, salt: bytes, leaf: bytes) -> None:
        """Write the next entry.

        Raises:
            IntegrityFailure: Its body is damaged, or an entry before it is missing.
        """
        self._check_next(index)
        line = {"index": index, "body": text_of(body, f"Entry {index}"), "salt": salt.hex()}
        self._entries.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        self._tiling.append(leaf)
        self._count += 1

    def _check_next(self, index: int) -> None:
        if index != self._count:
            raise IntegrityFailure(f"Entry {self._count} is missing: the ledger was changed.")

    def finish(self, note: str, key: NoteKey) -> None:
        """Write the checkpoint over all entries added, and close.

        Raises:
            IntegrityFailure: The checkpoint is over more entries, or not signed with the key.
        """
        self._check_next(verify_checkpoint(note, key).size)
        self._tiling.finish()
        (self._folder / CHECKPOINT).write_bytes(note.encode())
        (self._folder / KEY).write_bytes(key.text.encode() + b"\n")
        self.close()

    def close(self) -> None:
        """Close the files, finished or not."""
        self._entries.close()

    def _write_tile(self, level: int, place: int, hashes: list[bytes]) -> None:
        file = self._folder / tile_path(level, place, len(hashes))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"".join(hashes))


def verify_export(folder: Path, trust: Trust) -> Verified:
    """Verify every entry, every tile, the root and the checkpoint of an export.

    Args:
        folder: Where the files are; they may come from a stranger.
        trust: What is known from outside.

    Raises:
        IntegrityFailure: Something does not fit; the sentence says which entry, tile or file.
        OperatorError: There is no export in the folder.
    """
    if not (folder / CHECKPOINT).is_file():
        raise OperatorError(f"There is no ledger export in {folder}: it has no file '{CHECKPOINT}'.")
    note = text_of(_read(folder, CHECKPOINT, MAX_NOTE_OCTETS), CHECKPOINT)
    own_key = _own_key(folder, trust.key)
    stated, old = check_notes(note, own_key, trust)
    withheld = _check_entries(folder, stated, old)
    return Verified(stated, trust.key is not None, old.size if old else None, withheld)


def _own_key(folder: Path, given: NoteKey | None) -> NoteKey:
    """Return the key that came with the files; where it is missing, the one from outside does as well."""
    if (folder / KEY).exists():
        return inner_key(text_of(_read(folder, KEY, MAX_KEY_OCTETS), KEY))
    if given is None:
        raise IntegrityFailure(f"The export has lost its file '{KEY}'; bring the ledger's key with --key.")
    return given


def inner_key(text: str) -> NoteKey:
    """Return the key that came with the files.

    Raises:
        IntegrityFailure: It is none.
    """
    try:
        return NoteKey.parse(text)
    except OperatorError as error:
        raise IntegrityFailure("The key that comes with the checkpoint is no ledger key.") from error


def check_notes(note: str, own_key: NoteKey, trust: Trust) -> tuple[Checkpoint, Checkpoint | None]:
    """Return what a checkpoint states, and the older one from outside; both signatures verified.

    Args:
        note: The checkpoint that came with the files.
        own_key: The key that came with the files.
        trust: What is known from outside.

    Raises:
        IntegrityFailure: A signature does not verify, or they are of different ledgers.
    """
    if trust.key is not None and trust.key != own_key:
        raise IntegrityFailure(
            f"This is not the ledger of the key given: that is {trust.key.text}, this has {own_key.text}."
        )
    stated = verify_checkpoint(note, own_key)
    if trust.checkpoint is None:
        return stated, None
    try:
        old = verify_checkpoint(trust.checkpoint, own_key)
    except IntegrityFailure as error:
        raise IntegrityFailure(f"The older checkpoint does not fit: {error.detail}") from error
    if old.size > stated.size:
        raise IntegrityFailure(
            f"The older checkpoint covers {old.size} entries, this one {stated.size}: entries are missing."
        )
    return stated, old


def _check_entries(folder: Path, stated: Checkpoint, old: Checkpoint | None) -> int:
    """Recompute leaves, tiles and root; return how many entries are withheld."""
    frontier, withheld = Frontier(), 0
    tiling = Tiling(lambda level, place, hashes: _check_tile(folder, level, place, hashes))
    tile: list[bytes] = []
    with _open(folder, ENTRIES) as lines:
        for index in range(stated.size):
            place, offset = divmod(index, TILE_WIDTH)
            if not offset:
                tile = _read_tile(folder, 0, place, min(TILE_WIDTH, stated.size - index))
            leaf = _leaf(lines.readline(MAX_LINE_OCTETS + 1), index, stated.size)
            withheld += leaf is None
            if leaf not in (None, tile[offset]):
                raise IntegrityFailure(
                    f"Entry {index} is not the one that {tile_path(0, place, len(tile))} commits to: "
                    "one of them was changed."
                )
            tiling.append(tile[offset])
            frontier.append(tile[offset])
            if old is not None and frontier.size == old.size:
                _check_root(frontier.root, old, "older checkpoint given")
        if lines.read(1):
            raise IntegrityFailure(f"{ENTRIES} goes on after the {stated.size} entries of the checkpoint.")
    tiling.finish()
    _check_root(frontier.root, stated, "checkpoint")
    return withheld


def _check_root(root: bytes, checkpoint: Checkpoint, which: str) -> None:
    if root != checkpoint.root:
        raise IntegrityFailure(
            f"The first {checkpoint.size} entries do not have the root hash of the {which}: "
            "the ledger was rewritten."
        )


def _leaf(line: bytes, index: int, size: int) -> bytes | None:
    if not line:
        raise IntegrityFailure(f"{ENTRIES} ends before entry {index} of {size}.")
    try:
        if len(line) > MAX_LINE_OCTETS:
            raise ValueError("too long")
        entry = msgspec.json.decode(line, type=Line)
        leaf = entry.leaf()
    except ValueError as error:
        raise IntegrityFailure(f"Entry {index} cannot be read: its line in {ENTRIES} is damaged.") from error
    if entry.index != index:
        raise IntegrityFailure(
            f"Entry {index} is not in its place: {ENTRIES} has entry {entry.index} there. "
            "Lines were removed, added or moved."
        )
    return leaf


def _check_tile(folder: Path, level: int, place: int, hashes: list[bytes]) -> None:
    if level and _read_tile(folder, level, place, len(hashes)) != hashes:
        raise IntegrityFailure(
            f"{tile_path(level, place, len(hashes))} does not fit the tiles below it: one of them was changed."
        )


def _read_tile(folder: Path, level: int, place: int, width: int) -> list[bytes]:
    path = tile_path(level, place, width)
    octets = _read(folder, path, width * HASH_OCTETS)
    if len(octets) != width * HASH_OCTETS:
        raise IntegrityFailure(f"{path} holds {len(octets)} octets instead of {width * HASH_OCTETS}.")
    return [octets[at : at + HASH_OCTETS] for at in range(0, len(octets), HASH_OCTETS)]


def _open(folder: Path, name: str) -> IO[bytes]:
    file = folder / name
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise IntegrityFailure(f"{name} is not a file.")
        return file.open("rb")
    except FileNotFoundError as error:
        raise IntegrityFailure(f"{name} is missing.") from error
    except OSError as error:
        raise OperatorError(f"{file} cannot be read: {error.strerror}.") from error


def _read(folder: Path, name: str, most: int) -> bytes:
    with _open(folder, name) as stream:
        octets = stream.read(most + 1)
    if len(octets) > most:
        raise IntegrityFailure(f"{name} is larger than {most} octets.")
    return octets


def text_of(octets: bytes, name: str) -> str:
    """Return a file's text.

    Raises:
        IntegrityFailure: It is not UTF-8.
    """
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        raise IntegrityFailure(f"{name} is damaged: it is not UTF-8.") from error
