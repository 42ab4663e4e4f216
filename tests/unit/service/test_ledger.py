"""The ledger as operators see it: everything that happened is in what they take away."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from keyworks.authority.status import Filter
from keyworks.errors import IntegrityFailure, OperatorError
from keyworks.ledger import records
from keyworks.ledger.checkpoint import NoteKey
from keyworks.ledger.export import Trust, verify_export
from keyworks.ledger.proof_file import verify_proof
from keyworks.service import ledger
from keyworks.service.certificates import certificates
from keyworks.service.installation import Installation
from keyworks.service.inventory import add_devices
from keyworks.store.engine import Transaction
from keyworks.store.statement import Statement
from keyworks.testing import FixedClock


async def key_of(installation: Installation) -> NoteKey:
    return (await ledger.ledger_identity(installation)).key


async def test_an_export_covers_what_still_waited_for_the_sequencer(
    supplier: Installation, tmp_path: Path
) -> None:
    await add_devices(supplier, "Example Supplier", "Pump", ["SN-1"])
    assert (await ledger.ledger_identity(supplier)).waiting
    verified = await ledger.export_ledger(supplier, tmp_path / "export")
    present = await ledger.ledger_identity(supplier)
    assert (present.waiting, present.size, present.root) == (
        0,
        verified.checkpoint.size,
        verified.checkpoint.root,
    )
    lines = (tmp_path / "export" / "entries.jsonl").read_text().splitlines()
    assert json.loads(json.loads(lines[-1])["body"])["action"] == "device.registered"


async def test_an_export_of_several_tiles_verifies_and_continues_the_one_before(
    supplier: Installation, tmp_path: Path
) -> None:
    await ledger.export_ledger(supplier, tmp_path / "first")
    await add_devices(supplier, "Example Supplier", "Pump", [f"SN-{number}" for number in range(1300)])
    await ledger.export_ledger(supplier, tmp_path / "second")
    old = (tmp_path / "first" / "checkpoint").read_text()
    verified = verify_export(tmp_path / "second", Trust(await key_of(supplier), old))
    assert verified.checkpoint.size > 1300
    assert verified.continues is not None


async def test_an_export_does_not_touch_a_folder_in_use(supplier: Installation, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    with pytest.raises(OperatorError, match="not an empty folder; nothing was exported"):
        await ledger.export_ledger(supplier, tmp_path / "mine")
    assert [one.name for one in (tmp_path / "mine").iterdir()] == ["letter"]


async def test_an_export_fills_an_empty_folder(supplier: Installation, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    await ledger.export_ledger(supplier, tmp_path / "empty")
    assert verify_export(tmp_path / "empty", Trust()).checkpoint.size


async def test_an_export_that_cannot_be_written_is_the_operators_to_solve(
    supplier: Installation, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file" / "export", tmp_path / "none" / "export"):
        with pytest.raises(OperatorError, match="cannot be written"):
            await ledger.export_ledger(supplier, folder)
    assert not (tmp_path / "none").exists()  # perhaps a disk that is not there


def _forge(tx: Transaction, bodies: Sequence[bytes]) -> list[None]:
    update = records.entry.update().where(records.entry.c.leaf_index == 3)
    for body in bodies:
        tx.execute(Statement(update.values(body=body)), {})
    return [None] * len(bodies)


def _forget(tx: Transaction, items: Sequence[int]) -> list[None]:
    for index in items:
        tx.execute(Statement(records.entry.delete().where(records.entry.c.leaf_index == index)), {})
    return [None] * len(items)


@pytest.mark.parametrize("body", [b"{}", b"\xff"])
async def test_a_forged_entry_is_named_and_not_exported(
    supplier: Installation, tmp_path: Path, body: bytes
) -> None:
    await ledger.place_waiting(supplier)
    await supplier.store.write(_forge, body)
    with pytest.raises(IntegrityFailure, match="Entry 3 is"):
        await ledger.export_ledger(supplier, tmp_path / "export")
    assert [one.name for one in tmp_path.iterdir()] == ["supplier"]


@pytest.mark.parametrize("back", [1, 7])
async def test_a_forgotten_entry_is_named(supplier: Installation, tmp_path: Path, back: int) -> None:
    await ledger.place_waiting(supplier)
    index = (await ledger.ledger_identity(supplier)).size - back
    await supplier.store.write(_forget, index)
    with pytest.raises(IntegrityFailure, match=f"Entry {index} is missing"):
        await ledger.export_ledger(supplier, tmp_path / "export")
    assert (await ledger.ledger_identity(supplier)).waiting == 0


async def test_a_forged_entry_is_not_proven(supplier: Installation) -> None:
    await ledger.place_waiting(supplier)
    await supplier.store.write(_forge, b"{}")
    with pytest.raises(IntegrityFailure, match="Entry 3 is not proven"):
        await ledger.prove_entry(supplier, "3")


async def test_an_entry_is_proven_by_its_id_and_by_its_place(supplier: Installation) -> None:
    [entry] = await ledger.newest(supplier, "installation.created", 1)
    by_id = await ledger.prove_entry(supplier, entry.id)
    assert await ledger.prove_entry(supplier, str(by_id.index)) == by_id
    proven = verify_proof(by_id.encode(), Trust(await key_of(supplier)))
    assert proven.body == entry.body.decode()


async def test_a_proof_shows_that_the_ledger_continues_an_older_checkpoint(supplier: Installation) -> None:
    await ledger.place_waiting(supplier)
    old = (await ledger.ledger_identity(supplier)).checkpoint
    assert old is not None
    await add_devices(supplier, "Example Supplier", "Pump", ["SN-1", "SN-2"])
    [entry, _] = await ledger.newest(supplier, "device.registered", 2)
    proof = await ledger.prove_entry(supplier, entry.id, old)
    assert verify_proof(proof.encode(), Trust(checkpoint=old)).verified.continues == proof.index - 1


@pytest.mark.parametrize("name", ["nothing", "999", "9" * 30, "-1", ""])
async def test_an_entry_that_is_not_there_is_not_proven(supplier: Installation, name: str) -> None:
    with pytest.raises(OperatorError, match="no ledger entry"):
        await ledger.prove_entry(supplier, name)


async def test_every_certificate_leads_to_the_entry_of_its_issuance(supplier: Installation) -> None:
    issued = await certificates(supplier, Filter())
    assert issued
    for record in issued:
        entry = await ledger.issuance_of(supplier, record)
        assert entry is not None
        assert json.loads(entry.body)["detail"]["fingerprint"] == record.fingerprint.hex()


async def test_a_certificate_that_the_ledger_does_not_know_leads_nowhere(supplier: Installation) -> None:
    [record, *_] = await certificates(supplier, Filter())
    await ledger.place_waiting(supplier)
    entry = await ledger.issuance_of(supplier, record)
    assert entry is not None
    assert entry.index is not None
    await supplier.store.write(_forget, entry.index)
    assert await ledger.issuance_of(supplier, record) is None


async def test_placing_without_anything_waiting_signs_nothing(
    supplier: Installation, clock: FixedClock
) -> None:
    await ledger.place_waiting(supplier)
    before = await ledger.ledger_identity(supplier)
    clock.advance(timedelta(hours=1))
    await ledger.place_waiting(supplier)
    assert await ledger.ledger_identity(supplier) == before
