"""The master key, the sealing, and where the passphrase comes from."""

from pathlib import Path

import pytest

from keyworks.errors import IntegrityFailure, OperatorError
from keyworks.keys.master import (
    SCRYPT_COST,
    SMALLEST_PASSPHRASE,
    SealingKey,
    derive_master,
    new_sealing_key,
    read_passphrase,
)

CHEAP = (2, 8, 1)
LONG_ENOUGH = b"x" * SMALLEST_PASSPHRASE


def _private(folder: Path, octets: bytes, mode: int = 0o600) -> Path:
    file = folder / "passphrase"
    file.write_bytes(octets)
    file.chmod(mode)
    return file


def test_scrypt_is_the_rfcs() -> None:
    """RFC 7914 §12: the test vector with N = 1024 (its first 32 octets)."""
    key = derive_master(b"password", b"NaCl", (1024, 8, 16))
    assert key.octets.hex() == "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"


def test_a_passphrase_costs_what_is_stored_with_the_key_store() -> None:
    """Memory-hard: 128 * N * r octets for each guess."""
    n, r, _p = SCRYPT_COST
    assert 128 * n * r >= 32 * 1024 * 1024


@pytest.mark.parametrize(
    ("passphrase", "salt", "cost"),
    [(b"other", b"salt", CHEAP), (b"right", b"pepper", CHEAP), (b"right", b"salt", (4, 8, 1))],
)
def test_another_passphrase_salt_or_cost_is_another_key(
    passphrase: bytes, salt: bytes, cost: tuple[int, int, int]
) -> None:
    assert derive_master(b"right", b"salt", CHEAP) == derive_master(b"right", b"salt", CHEAP)
    assert derive_master(passphrase, salt, cost) != derive_master(b"right", b"salt", CHEAP)


@pytest.mark.parametrize(
    "cost",
    [(0, 8, 1), (1, 8, 1), (-2, 8, 1), (3, 8, 1), (2, 0, 1), (2, 8, 0), (1 << 30, 8, 1), (2, 1 << 20, 1)],
)
def test_a_damaged_cost_is_noticed_before_it_costs_anything(cost: tuple[int, int, int]) -> None:
    with pytest.raises(IntegrityFailure, match="damaged"):
        derive_master(b"right", b"salt", cost)


def test_what_is_sealed_opens_for_the_same_purpose() -> None:
    key = new_sealing_key()
    assert key.open(key.seal(b"secret", "ca:1"), "ca:1") == b"secret"


def test_equal_secrets_are_sealed_unequally() -> None:
    key = new_sealing_key()
    assert key.seal(b"secret", "ca:1") != key.seal(b"secret", "ca:1")


def test_what_was_moved_damaged_or_sealed_with_another_key_does_not_open() -> None:
    """NIST SP 800-38D: associated data and every octet are authenticated."""
    key = new_sealing_key()
    sealed = key.seal(b"secret", "ca:1")
    changed = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]
    shortened = [sealed[:length] for length in range(len(sealed))]
    for octets in (*changed, *shortened, sealed + b"\0"):
        with pytest.raises(IntegrityFailure, match="does not open"):
            key.open(octets, "ca:1")
    for other, purpose in ((key, "ca:2"), (key, "tls:1"), (new_sealing_key(), "ca:1")):
        with pytest.raises(IntegrityFailure, match="does not open"):
            other.open(sealed, purpose)


def test_a_sealing_key_is_never_shown() -> None:
    key = SealingKey(b"\x41" * 32)
    assert repr(key) == str(key) == "SealingKey()"


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"])
def test_a_passphrase_file_holds_the_passphrase_and_perhaps_a_line_end(tmp_path: Path, ending: bytes) -> None:
    assert read_passphrase(_private(tmp_path, LONG_ENOUGH + ending), None) == LONG_ENOUGH


def test_blanks_belong_to_a_passphrase(tmp_path: Path) -> None:
    passphrase = b"  correct horse battery  "
    assert read_passphrase(_private(tmp_path, passphrase), None) == passphrase


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666])
def test_a_passphrase_file_that_others_can_open_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    file = _private(tmp_path, LONG_ENOUGH, mode)
    with pytest.raises(OperatorError, match=f"chmod 600 {file}"):
        read_passphrase(file, None)


def test_a_passphrase_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be read: No such file"):
        read_passphrase(tmp_path / "none", None)
    with pytest.raises(OperatorError, match="cannot be read: Is a directory"):
        read_passphrase(tmp_path, None)


def test_a_passphrase_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYWORKS_TEST_PASSPHRASE", "correct horse battery")
    assert read_passphrase(None, "KEYWORKS_TEST_PASSPHRASE") == b"correct horse battery"


@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_variable_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("KEYWORKS_TEST_PASSPHRASE", raising=False)
    if value is not None:
        monkeypatch.setenv("KEYWORKS_TEST_PASSPHRASE", value)
    with pytest.raises(OperatorError, match="KEYWORKS_TEST_PASSPHRASE with the passphrase is not set"):
        read_passphrase(None, "KEYWORKS_TEST_PASSPHRASE")


def test_a_short_passphrase_is_refused_wherever_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = LONG_ENOUGH[1:]
    monkeypatch.setenv("KEYWORKS_TEST_PASSPHRASE", short.decode())
    for file, variable in ((_private(tmp_path, short + b"\n"), None), (None, "KEYWORKS_TEST_PASSPHRASE")):
        with pytest.raises(OperatorError, match="too short") as refused:
            read_passphrase(file, variable)
        assert short.decode() not in refused.value.detail


def test_settings_without_a_passphrase_are_told() -> None:
    with pytest.raises(OperatorError, match=r"keys\.passphrase_file or keys\.passphrase_env"):
        read_passphrase(None, None)
