"""``keyworks device key-encryption-key``, and the same of accounts."""

import stat
from pathlib import Path

import pytest

from tests.unit.cli.typed import MAKER, Typed

KEY = bytes(range(32))
GROUP = ("device", "key-encryption-key")


@pytest.fixture
def plant(operator_cli: Typed) -> Typed:
    """An operator's installation with two devices of one serial number, and one of each kind of account."""
    for product in ("P7", "P8"):
        operator_cli.done("device", "add", "SN-1", "--manufacturer", MAKER, "--product", product)
    for label, profile in (("services", "tls-service"), ("staff", "staff")):
        operator_cli.done("channel", "create", label, "--authority", "issuing", "--profile", profile)
    operator_cli.done("station", "add", "line-1")
    operator_cli.done("service", "add", "broker", "--channel", "services", "--dns", "a.example")
    operator_cli.done("person", "add", "a.smith", "--channel", "staff", "--email", "a.smith@plant.example")
    return operator_cli


def listed(cli: Typed, kind: str, *whose: str) -> list[tuple[str, int]]:
    found = cli.json(kind, "key-encryption-key", "list", *whose)
    return [(one["identifier"], one["bits"]) for one in found]


def test_a_key_that_is_made_is_printed_once(plant: Typed) -> None:
    whose = ("SN-1", "--product", "P7")
    lines = plant.done(*GROUP, "add", *whose).splitlines()
    assert lines[0].startswith("Added key-encryption key ")
    assert lines[0].endswith(" of 256 bits for device SN-1.")
    assert (lines[1], len(bytes.fromhex(lines[2].strip()))) == ("The key, shown only now:", 32)
    [(identifier, bits)] = listed(plant, "device", *whose)
    assert (identifier in lines[0], bits) == (True, 256)
    assert listed(plant, "device", "SN-1", "--product", "P8") == []
    made = plant.json(*GROUP, "add", *whose, "--bits", "128", "--identifier", "0A1B")
    assert (made["identifier"], made["bits"], len(made["key"])) == ("0a1b", 128, 32)
    assert made["key"] not in plant.done("ledger", "show")


@pytest.mark.parametrize("kind", ["station", "service", "person"])
def test_every_kind_of_account_can_share_a_key(plant: Typed, kind: str) -> None:
    name = {"station": "line-1", "service": "broker", "person": "a.smith"}[kind]
    made = plant.json(kind, "key-encryption-key", "add", name)
    assert made["owner"] == f"{kind}:{name}"
    assert listed(plant, kind, name) == [(made["identifier"], 256)]
    said = plant.done(kind, "key-encryption-key", "remove", name, made["identifier"])
    assert said == f"Removed key-encryption key {made['identifier']} of {kind} {name}.\n"
    assert listed(plant, kind, name) == []


def test_a_key_that_is_made_goes_into_a_file_that_nobody_else_can_read(plant: Typed, tmp_path: Path) -> None:
    file = tmp_path / "key.hex"
    said = plant.done("station", "key-encryption-key", "add", "line-1", "--output", str(file))
    key = file.read_text().strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (len(bytes.fromhex(key)), key in said, str(file) in said) == (32, False, True)
    words = ("add", "line-1", "--output", str(file))
    assert "is there already and stays as it is; name another file" in plant.refused(
        "station", "key-encryption-key", *words
    )
    assert (file.read_text().strip(), len(listed(plant, "station", "line-1"))) == (key, 1)


def test_a_file_is_not_left_where_the_key_does_not_count(plant: Typed, tmp_path: Path) -> None:
    words = ("station", "key-encryption-key", "add", "line-1", "--identifier", "0a")
    plant.done(*words)
    file = tmp_path / "key.hex"
    assert "0a already" in plant.refused(*words, "--output", str(file))
    assert not file.exists()


@pytest.mark.parametrize("octets", [KEY, KEY.hex().encode() + b"\n"])
@pytest.mark.parametrize("source", ["file", "-"])
def test_a_key_is_taken_over_from_a_file_and_not_printed(
    plant: Typed, tmp_path: Path, octets: bytes, source: str
) -> None:
    file = tmp_path / "key"
    file.write_bytes(octets)
    file.chmod(0o600)
    name = "-" if source == "-" else str(file)
    words = ("station", "key-encryption-key", "add", "line-1", "--identifier", "0a1b", "--key-file", name)
    result = plant(*words, stdin=octets)
    assert result.output == "Added key-encryption key 0a1b of 256 bits for station line-1.\n"
    assert listed(plant, "station", "line-1") == [("0a1b", 256)]


def test_a_key_file_that_others_can_read_is_warned_of(plant: Typed, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(KEY)
    file.chmod(0o644)
    result = plant("station", "key-encryption-key", "add", "line-1", "--key-file", str(file))
    assert (result.exit_code, "is open to every user" in result.stderr) == (0, True)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("add", "nobody"), 1, "no station 'nobody'"),
        (("add", "line-1", "--identifier", "key"), 1, "in hexadecimal"),
        (("add", "line-1", "--key-file", "-"), 1, "A key of 3 octets"),
        (("add", "line-1", "--key-file", "-", "--bits", "128"), 2, "either taken over"),
        (("add", "line-1", "--key-file", "-", "--output", "x"), 2, "either taken over"),
        (("add", "line-1", "--bits", "64"), 2, "is not one of"),
        (("add", "line-1", "--output", "/nowhere/key"), 1, "cannot be written"),
        (("remove", "line-1", "0a1b"), 1, "no key-encryption key 0a1b"),
        (("list", "nobody"), 1, "no station 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_told(plant: Typed, words: tuple[str, ...], code: int, sentence: str) -> None:
    assert sentence in plant.refused("station", "key-encryption-key", *words, code=code, stdin=b"abc")
    assert listed(plant, "station", "line-1") == []


def test_a_key_file_is_read_up_to_what_a_key_needs(plant: Typed) -> None:
    words = ("station", "key-encryption-key", "add", "line-1", "--key-file", "-")
    assert "larger than 256 octets" in plant.refused(*words, stdin=bytes(300))


def test_devices_that_share_a_serial_number_are_told_apart(plant: Typed) -> None:
    assert "name its --product" in plant.refused(*GROUP, "add", "SN-1")


def test_what_was_done_is_in_the_device_s_history(plant: Typed) -> None:
    whose = ("SN-1", "--product", "P7")
    plant.done(*GROUP, "add", *whose, "--identifier", "0a1b")
    plant.done(*GROUP, "remove", *whose, "0a1b")
    actions = [one["action"] for one in plant.json("device", "history", *whose)]
    assert actions[-2:] == ["key.shared", "key.forgotten"]
