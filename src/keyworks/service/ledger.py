"""The ledger as operators see it: shown, exported, one entry proven."""

import contextlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keyworks.authority.status import CertificateRecord
from keyworks.errors import IntegrityFailure, OperatorError
from keyworks.ledger import records
from keyworks.ledger.checkpoint import NoteKey, parse_checkpoint, verify_checkpoint
from keyworks.ledger.export import ExportWriter, Trust, Verified, text_of, verify_export
from keyworks.ledger.proof_file import FORMAT, Consistency, Proof, verify_proof
from keyworks.ledger.records import StoredEntry
from keyworks.ledger.tree import consistency_path, inclusion_path
from keyworks.service.installation import Installation
from keyworks.service.sequencing import ledger_signer, open_sequencer
from keyworks.store.engine import Transaction

_BATCH: Final = 1000
_MILLISECONDS: Final = len("00000000-0000")
"""The beginning of an id that says when it was made."""

_ROUNDS: Final = 20


@dataclass(frozen=True, slots=True)
class LedgerIdentity:
    """Which ledger it is, and how far it has come.

    Args:
        key: Verifies its checkpoints; names it.
        size: Number of placed entries.
        root: Root hash over them.
        waiting: Entries that the sequencer has not placed yet.
        checkpoint: The newest signed note; ``None`` before the first.
    """

    key: NoteKey
    size: int
    root: bytes
    waiting: int
    checkpoint: str | None


async def ledger_identity(installation: Installation) -> LedgerIdentity:
    """Return the ledger's name, key, size, root and newest checkpoint.

    Raises:
        OperatorError: The installation was never finished.
    """
    key = await _key(installation)
    return await installation.store.read(lambda tx: _identity(tx, key))


async def _key(installation: Installation) -> NoteKey:
    origin, signer = await ledger_signer(installation)
    return NoteKey.of(origin, signer.public_key)


def _identity(tx: Transaction, key: NoteKey) -> LedgerIdentity:
    size, root = records.current_root(tx)
    [(waiting,)] = tx.execute(records.COUNT_WAITING)
    notes = tx.execute(records.SELECT_CHECKPOINT)
    return LedgerIdentity(key, size, root, waiting, notes[0][0] if notes else None)


async def newest(installation: Installation, action: str, most: int) -> list[StoredEntry]:
    """Return the newest entries whose action starts with ``action``, newest first."""
    return await installation.store.read(lambda tx: records.newest_entries(tx, action=action, most=most))


async def place_waiting(installation: Installation) -> None:
    """Give the entries that wait now their place, as the server does every second."""
    last = await newest(installation, "", 1)
    if not last or last[0].index is not None:
        return
    sequencer = await open_sequencer(installation)
    while (entry := await _entry(installation, last[0].id)) is not None and entry.index is None:
        await sequencer.sequence_once()


async def export_ledger(installation: Installation, folder: Path) -> Verified:
    """Write the whole ledger as files into a new folder beside others, and verify them before they appear.

    Raises:
        OperatorError: The folder is in use, or cannot be written.
        IntegrityFailure: The stored ledger does not verify; the sentence says where. No files are left.
    """
    folder = folder.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OperatorError(f"{folder} exists and is not an empty folder; nothing was exported.")
    await place_waiting(installation)
    try:
        work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise OperatorError(f"{folder} cannot be written: {error.strerror}.") from error
    try:
        verified = await _export_into(installation, work)
        work.replace(folder)
    except OSError as error:
        raise OperatorError(f"{folder} cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return verified


async def _export_into(installation: Installation, folder: Path) -> Verified:
    key, note = await _key(installation), await _newest_note(installation)
    size = verify_checkpoint(note, key).size
    with contextlib.closing(ExportWriter(folder)) as writer:
        for start in range(0, size, _BATCH):
            end = min(start + _BATCH, size)
            for entry in await _between(installation, start, end):
                if entry.index is not None:
                    writer.add(entry.index, entry.body, entry.salt, entry.leaf_hash)
        writer.finish(note, key)
    return verify_export(folder, Trust(key))


async def _newest_note(installation: Installation) -> str:
    notes = await installation.store.read(lambda tx: tx.execute(records.SELECT_CHECKPOINT))
    if not notes:
        raise OperatorError("The ledger has no checkpoint yet, because nothing has happened.")
    return str(notes[0][0])


async def _between(installation: Installation, start: int, end: int) -> list[StoredEntry]:
    return await installation.store.read(lambda tx: records.entries_between(tx, start, end))


async def prove_entry(installation: Installation, name: str, since: str | None = None) -> Proof:
    """Return one entry with its proof, verified.

    Args:
        installation: Where.
        name: The entry's id, or its place in the ledger.
        since: An older checkpoint, as a signed note: the proof then also shows that the ledger continues it.

    Raises:
        OperatorError: There is no such entry.
        IntegrityFailure: The stored ledger does not prove it, or does not continue the older checkpoint.
    """
    await place_waiting(installation)
    entry = await _entry(installation, name)
    if entry is None:
        raise OperatorError(f"There is no ledger entry '{name}'; see `keyworks ledger show`.")
    key = await _key(installation)
    old_size = parse_checkpoint(since)[0].size if since is not None else None
    proof = await installation.store.read(lambda tx: _proof(tx, entry, key, old_size))
    verify_proof(proof.encode(), Trust(key, since))
    return proof


async def _entry(installation: Installation, name: str) -> StoredEntry | None:
    return await installation.store.read(lambda tx: records.find_entry(tx, name))


def _proof(tx: Transaction, entry: StoredEntry, key: NoteKey, old_size: int | None) -> Proof:
    notes = tx.execute(records.SELECT_CHECKPOINT)
    if entry.index is None or not notes:
        raise IntegrityFailure("The entry has no place in the ledger yet; try again in a second.")
    size = parse_checkpoint(notes[0][0])[0].size

    def node(level: int, index: int) -> bytes:
        return records.node_of(tx, level, index)

    continued = None
    if old_size is not None and 0 < old_size < size:
        path = consistency_path(node, old_size, size)
        continued = Consistency(old_size, tuple(one.hex() for one in path))
    return Proof(
        format=FORMAT,
        index=entry.index,
        body=text_of(entry.body, f"Entry {entry.index}"),
        salt=entry.salt.hex(),
        path=tuple(one.hex() for one in inclusion_path(node, entry.index, size)),
        checkpoint=notes[0][0],
        key=key.text,
        consistency=continued,
    )


async def issuance_of(installation: Installation, record: CertificateRecord) -> StoredEntry | None:
    """Return the ledger entry of a certificate's issuance, if the ledger has it.

    It was written in the certificate's transaction, so its id begins with the same time or shortly after.
    """
    first, pair = record.id[:_MILLISECONDS], f'"certificate":"{record.id}"'.encode()
    for _ in range(_ROUNDS):
        found = await _issued_from(installation, first)
        for entry in found:
            if pair in entry.body:
                return entry
        if len(found) < _BATCH:
            return None
        first = f"{found[-1].id}~"
    return None


async def _issued_from(installation: Installation, first: str) -> list[StoredEntry]:
    action = "certificate.issued"
    return await installation.store.read(lambda tx: records.entries_from(tx, first, action=action, most=_BATCH))
