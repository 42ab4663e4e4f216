"""What can be said of a machine without opening the installation."""

import resource
import shutil
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from keyworks.service.doctor import machine
from keyworks.service.doctor.finding import Finding
from keyworks.service.installation import settings_of
from keyworks.settings.node import NodeSettings

Examine = Callable[[Path, NodeSettings], Iterator[Finding]]
_Usage = namedtuple("_Usage", "total used free")


def _level(examine: Examine, home: Path) -> str:
    [finding] = examine(home, settings_of(home))
    assert finding.level in ("ok", "info") or finding.remedy
    return finding.level


def test_a_fresh_installation_is_in_order(supplier_home: Path) -> None:
    for examine in (machine.examine_files, machine.examine_database):
        assert _level(examine, supplier_home) == "ok"


@pytest.mark.parametrize(("name", "mode", "level"), [("keyworks.db", 0o644, "warning"), (".", 0o777, "error")])
def test_files_that_others_may_open_are_told(supplier_home: Path, name: str, mode: int, level: str) -> None:
    (supplier_home / name).chmod(mode)
    assert _level(machine.examine_files, supplier_home) == level


def test_a_passphrase_beside_the_database_is_told_and_one_elsewhere_is_not(
    supplier_home: Path, tmp_path: Path
) -> None:
    assert _level(machine.examine_passphrase, supplier_home) == "info"
    elsewhere = tmp_path / "elsewhere"
    (supplier_home / "passphrase").rename(elsewhere)
    assert _level(machine.examine_passphrase, supplier_home) == "error"
    file = supplier_home / "keyworks.toml"
    file.write_text(file.read_text().replace('"passphrase"', f'"{elsewhere}"'))
    assert _level(machine.examine_passphrase, supplier_home) == "ok"
    elsewhere.chmod(0o640)
    assert _level(machine.examine_passphrase, supplier_home) == "error"


def test_a_database_that_is_gone_or_damaged_is_told(supplier_home: Path) -> None:
    database = supplier_home / "keyworks.db"
    octets = bytearray(database.read_bytes())
    octets[40_000:60_000] = bytes(20_000)
    database.write_bytes(octets)
    assert _level(machine.examine_database, supplier_home) == "error"
    database.unlink()
    assert _level(machine.examine_database, supplier_home) == "error"


@pytest.mark.parametrize(
    ("free", "level"), [(1 << 20, "error"), (1 << 29, "warning"), (1 << 34, "warning"), (1 << 40, "ok")]
)
def test_a_disk_that_fills_is_told_before_it_is_full(
    supplier_home: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(1 << 40, 0, free))
    assert _level(machine.examine_disk, supplier_home) == level


@pytest.mark.parametrize(("cores", "workers", "level"), [(4, 0, "ok"), (4, 2, "info"), (4, 9, "warning")])
def test_workers_are_compared_with_processors(
    supplier_home: Path, monkeypatch: pytest.MonkeyPatch, cores: int, workers: int, level: str
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    settings = settings_of(supplier_home)
    [finding] = machine.examine_workers(replace(settings, node=replace(settings.node, workers=workers)))
    assert finding.level == level


@pytest.mark.parametrize(
    ("most", "level"), [(1024, "warning"), (1 << 20, "ok"), (resource.RLIM_INFINITY, "ok")]
)
def test_the_system_s_limit_is_compared_with_the_connections(
    supplier_home: Path, monkeypatch: pytest.MonkeyPatch, most: int, level: str
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, most))
    [finding] = machine.examine_limits(settings_of(supplier_home))
    assert finding.level == level
