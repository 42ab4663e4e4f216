"""``keyworks ledger``: what is taken away is verified anywhere, by whoever brought a key or a checkpoint."""

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from keyworks.cli.root import root
from tests.unit.cli.typed import MAKER, Typed, enroll_devices


def elsewhere(*words: str) -> Result:
    """Type a command on a machine that has no installation."""
    return CliRunner(env={"KEYWORKS_HOME": "/nowhere"}).invoke(root, ["ledger", "verify", *words])


@pytest.fixture
def folder(supplier_cli: Typed, tmp_path: Path) -> Path:
    supplier_cli.done("ledger", "export", str(tmp_path / "export"))
    return tmp_path / "export"


@pytest.fixture
def key(supplier_cli: Typed) -> str:
    return str(supplier_cli.json("ledger", "show", "--last", "0")["key"])


def test_the_ledger_shows_its_key_and_its_newest_entries(supplier_cli: Typed) -> None:
    supplier_cli.done("device", "add", "SN-1", "--manufacturer", MAKER, "--product", "P7")
    shown = supplier_cli.json("ledger", "show", "--last", "2")
    assert shown["key"].startswith(shown["origin"] + "+")
    assert [one["action"] for one in shown["entries"]] == ["device.registered", "certificate.issued"]
    assert shown["entries"][0]["detail"]["serial_number"] == "SN-1"
    assert "device.registered" in supplier_cli.done("ledger", "show")


def test_entries_are_found_by_what_was_done(supplier_cli: Typed) -> None:
    shown = supplier_cli.json("ledger", "show", "--action", "channel.")
    assert {one["action"] for one in shown["entries"]} == {"channel.added"}


def test_a_damaged_entry_is_still_shown(supplier_cli: Typed) -> None:
    with sqlite3.connect(supplier_cli.home / "keyworks.db") as database:
        database.execute("UPDATE entry SET body = x'ff' WHERE id = (SELECT max(id) FROM entry)")
    database.close()
    assert supplier_cli.json("ledger", "show", "--last", "1")["entries"] == [{"index": None, "body": "\ufffd"}]
    assert supplier_cli.done("ledger", "show", "--last", "1")


def test_an_export_is_verified_with_the_key(folder: Path, key: str) -> None:
    result = elsewhere(str(folder), "--key", key)
    assert result.exit_code == 0
    assert result.stdout.startswith("Verified: ")


def test_the_key_may_be_in_a_file(folder: Path, key: str, tmp_path: Path) -> None:
    (tmp_path / "ledger.key").write_text(f"{key}\n")
    outcome = json.loads(elsewhere(str(folder), "--key", str(tmp_path / "ledger.key"), "--json").stdout)
    assert (outcome["authenticated"], outcome["signed_by_key_given"]) == (True, True)


def test_without_anything_from_outside_it_is_consistent_not_authenticated(folder: Path) -> None:
    result = elsewhere(str(folder))
    assert result.exit_code == 0
    assert result.stdout.startswith("Consistent, not authenticated: ")
    assert json.loads(elsewhere(str(folder), "--json").stdout)["authenticated"] is False


def test_an_older_checkpoint_authenticates_what_it_covers(
    supplier_cli: Typed, folder: Path, tmp_path: Path
) -> None:
    supplier_cli.done("device", "add", "SN-1", "--manufacturer", MAKER, "--product", "P7")
    supplier_cli.done("ledger", "export", str(tmp_path / "next"))
    result = elsewhere(str(tmp_path / "next"), "--checkpoint", str(folder / "checkpoint"))
    assert "Consistent, not authenticated" in result.stdout
    assert "It continues the checkpoint given" in result.stdout
    equal = json.loads(elsewhere(str(folder), "--checkpoint", str(folder / "checkpoint"), "--json").stdout)
    assert equal["authenticated"] is True


def test_damage_is_exit_status_1_and_says_where(folder: Path, key: str) -> None:
    lines = (folder / "entries.jsonl").read_text().splitlines()
    lines[2] = lines[2].replace("root", "toor")
    (folder / "entries.jsonl").write_text("\n".join(lines) + "\n")
    result = elsewhere(str(folder), "--key", key)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: Entry 2 is not the one that tile/0/000.p/")


@pytest.mark.parametrize("given", ["nonsense", "a+b+c", "é+é+é"])
def test_what_is_no_key_is_refused(folder: Path, given: str) -> None:
    result = elsewhere(str(folder), "--key", given)
    assert result.exit_code == 1
    assert "no ledger key" in result.stderr


def test_an_export_is_not_written_over_another(supplier_cli: Typed, folder: Path) -> None:
    assert "not an empty folder" in supplier_cli.refused("ledger", "export", str(folder))


def test_one_issuance_is_proven_to_a_customer_without_the_others(supplier_cli: Typed, tmp_path: Path) -> None:
    enroll_devices(supplier_cli.home, "SN-1", "SN-2")
    [wanted] = supplier_cli.json("certificate", "list", "--device", "SN-1")
    file = tmp_path / "proof.json"
    supplier_cli.done("ledger", "prove", "--certificate", wanted["fingerprint"], "--output", str(file))
    key = supplier_cli.json("ledger", "show")["key"]
    outcome = json.loads(elsewhere(str(file), "--key", key, "--json").stdout)
    assert outcome["authenticated"] is True
    assert outcome["entry"]["detail"]["fingerprint"] == wanted["fingerprint"].removeprefix("sha256:")
    assert "SN-2" not in file.read_text()


def test_a_proof_is_shown_to_people(supplier_cli: Typed, key: str, tmp_path: Path) -> None:
    (tmp_path / "proof.json").write_text(supplier_cli.done("ledger", "prove", "0"))
    told = elsewhere(str(tmp_path / "proof.json"), "--key", key).stdout
    assert told.startswith("Verified: entry 0 among the ")
    assert "2026-09-21T14:13:20Z" in told


def test_a_proof_since_an_older_checkpoint_continues_it(
    supplier_cli: Typed, folder: Path, tmp_path: Path
) -> None:
    supplier_cli.done("device", "add", "SN-1", "--manufacturer", MAKER, "--product", "P7")
    old = str(folder / "checkpoint")
    (tmp_path / "proof.json").write_text(supplier_cli.done("ledger", "prove", "0", "--since", old))
    outcome = json.loads(elsewhere(str(tmp_path / "proof.json"), "--checkpoint", old, "--json").stdout)
    assert outcome["continues_size"] == outcome["size"] - 1


@pytest.mark.parametrize("words", [(), ("1", "--certificate", "x")])
def test_one_thing_is_proven_at_a_time(supplier_cli: Typed, words: tuple[str, ...]) -> None:
    assert "Name an entry" in supplier_cli.refused("ledger", "prove", *words, code=2)


@pytest.mark.parametrize("octets", [b"", b"{}", b"\xff", b"[" * 5000])
def test_a_file_that_is_no_proof_is_refused(tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "proof.json").write_bytes(octets)
    assert elsewhere(str(tmp_path / "proof.json")).exit_code == 1


def test_a_path_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    assert "cannot be read" in elsewhere(str(tmp_path / "missing")).stderr
    assert "no ledger export" in elsewhere(str(tmp_path)).stderr
