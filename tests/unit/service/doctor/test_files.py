"""What is found about the installation's files."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from keyworks.service.doctor import files
from keyworks.service.doctor.finding import Finding
from keyworks.service.installation import settings_of
from keyworks.settings.node import NodeSettings

pytestmark = pytest.mark.file

Examine = Callable[[Path, NodeSettings], Iterator[Finding]]


def _level(examine: Examine, home: Path) -> str:
    [finding] = examine(home, settings_of(home))
    assert finding.level in ("ok", "info") or finding.remedy
    return finding.level


def test_a_fresh_installation_is_in_order(supplier_home: Path) -> None:
    assert _level(files.examine_files, supplier_home) == "ok"


@pytest.mark.parametrize(
    ("name", "mode", "level"),
    [
        ("keyworks.db", 0o644, "warning"),
        ("keyworks.toml", 0o664, "error"),
        (".", 0o777, "error"),
        (".", 0o770, "error"),
        (".", 0o755, "ok"),
    ],
)
def test_files_that_others_may_open_or_change_are_told(
    supplier_home: Path, name: str, mode: int, level: str
) -> None:
    (supplier_home / name).chmod(mode)
    assert _level(files.examine_files, supplier_home) == level


def test_files_of_several_accounts_are_told(supplier_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command typed as another account leaves files that the server then cannot use."""
    stat = Path.stat

    def seen(file: Path, **how: bool) -> os.stat_result:
        about = list(stat(file, **how))
        return os.stat_result([*about[:4], 999, *about[5:]]) if file.name == "passphrase" else stat(file, **how)

    monkeypatch.setattr(Path, "stat", seen)
    [finding] = files.examine_files(supplier_home, settings_of(supplier_home))
    assert finding.level == "warning"
    assert "passphrase is of account 999" in finding.sentence


def test_a_passphrase_beside_the_database_is_told_and_one_elsewhere_is_not(
    supplier_home: Path, tmp_path: Path
) -> None:
    assert _level(files.examine_passphrase, supplier_home) == "info"
    elsewhere = tmp_path / "elsewhere"
    (supplier_home / "passphrase").rename(elsewhere)
    assert _level(files.examine_passphrase, supplier_home) == "error"
    file = supplier_home / "keyworks.toml"
    file.write_text(file.read_text().replace('"passphrase"', f'"{elsewhere}"'))
    assert _level(files.examine_passphrase, supplier_home) == "ok"
    elsewhere.chmod(0o640)
    assert _level(files.examine_passphrase, supplier_home) == "error"
