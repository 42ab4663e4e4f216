"""The whole examination: a broken installation is a finding."""

from pathlib import Path

from keyworks.service.doctor.examination import examine
from keyworks.service.doctor.finding import Finding
from keyworks.testing import FixedClock


def _errors(found: list[Finding]) -> dict[str, str]:
    return {one.check: one.sentence for one in found if one.level == "error"}


async def test_everything_is_looked_at_and_nothing_is_changed(supplier_home: Path, clock: FixedClock) -> None:
    before = {file.name: file.read_bytes() for file in supplier_home.iterdir() if file.is_file()}
    found = await examine(supplier_home, clock)
    assert _errors(found) == {}
    checks = {one.check.split()[0] for one in found}
    assert checks >= {"settings", "files", "passphrase", "database", "disk", "workers", "open", "clock"}
    assert checks >= {"authority", "key", "server", "ledger", "listen.enrollment", "publication"}
    assert {file.name: file.read_bytes() for file in supplier_home.iterdir() if file.name in before} == before


async def test_what_is_no_installation_is_told(tmp_path: Path) -> None:
    assert "no Keyworks installation" in _errors(await examine(tmp_path))["settings"]


async def test_wrong_settings_are_told_with_their_line(supplier_home: Path) -> None:
    (supplier_home / "keyworks.toml").write_text("[node]\nnaem = 1\n")
    assert "keyworks.toml:2" in _errors(await examine(supplier_home))["settings"]


async def test_a_wrong_passphrase_is_told(supplier_home: Path) -> None:
    (supplier_home / "passphrase").write_text("another-passphrase-than-the-right-one\n")
    assert "does not open this key store" in _errors(await examine(supplier_home))["installation"]


async def test_without_a_database_the_machine_is_looked_at_all_the_same(supplier_home: Path) -> None:
    (supplier_home / "keyworks.db").unlink()
    found = await examine(supplier_home)
    assert list(_errors(found)) == ["database"]
    assert "disk" in {one.check for one in found}
