"""What can be said of a machine without opening the installation."""

import resource
import shutil
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from keyworks.server import places
from keyworks.service.doctor import machine
from keyworks.service.doctor.finding import Finding
from keyworks.service.installation import settings_of
from keyworks.settings.node import NodeSettings
from keyworks.testing import NOON

Examine = Callable[[Path, NodeSettings], Iterator[Finding]]
MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
23 22 0:21 / /proc rw - proc proc rw
24 22 0:30 / /srv rw,nosuid - tmpfs tmpfs rw,size=1g
25 24 0:31 / /srv/with\\040blank rw - nfs4 host:/share rw,vers=4.2
26 22 8:2 / /data rw - xfs /dev/sdb1 rw,nobarrier
27 24 8:3 / /srv rw - btrfs /dev/sdc1 rw
"""
_Usage = namedtuple("_Usage", "total used free")


def _level(examine: Examine, home: Path) -> str:
    [finding] = examine(home, settings_of(home))
    assert finding.level in ("ok", "info") or finding.remedy
    return finding.level


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


def test_the_limit_is_the_one_that_the_listeners_keep_to(supplier_home: Path) -> None:
    settings = settings_of(supplier_home)
    assert len(settings.listen.__struct_fields__) == machine.LISTENERS
    assert machine.RESERVED_FILES == places.RESERVED_FILES


@pytest.mark.parametrize(
    ("folder", "kind", "option"),
    [
        ("/var/lib", "ext4", "errors=remount-ro"),
        ("/srv/keyworks", "btrfs", "rw"),
        ("/srv/with blank/keyworks", "nfs4", "vers=4.2"),
        ("/srvother", "ext4", "relatime"),
        ("/data", "xfs", "nobarrier"),
    ],
)
def test_the_file_system_of_a_folder_is_the_one_mounted_last_above_it(
    folder: str, kind: str, option: str
) -> None:
    found, options = machine.mount_of(Path(folder), MOUNTS)
    assert found == kind
    assert option in options


@pytest.mark.parametrize(
    ("kind", "options", "level"),
    [
        ("ext4", "rw", "ok"),
        ("tmpfs", "rw", "warning"),
        ("nfs4", "rw", "warning"),
        ("fuse.sshfs", "rw", "warning"),
        ("ext4", "rw,barrier=0", "warning"),
    ],
)
def test_a_file_system_that_forgets_is_told(
    supplier_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, options: str, level: str
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"22 1 8:1 / / rw - {kind} /dev/sda1 {options}\n")
    monkeypatch.setattr(machine, "_MOUNTS", mounts)
    assert _level(machine.examine_file_system, supplier_home) == level


def test_a_log_that_grows_is_told(supplier_home: Path) -> None:
    with (supplier_home / "keyworks.db-wal").open("wb") as log:
        log.truncate(1 << 30)
    found = list(machine.examine_disk(supplier_home, settings_of(supplier_home)))
    assert (found[-1].level, "1024 MiB" in found[-1].sentence) == ("warning", True)


@pytest.mark.parametrize("at", [0, 1_600_000_000, 5_000_000_000, 1 << 60])
def test_a_year_that_cannot_be_is_told(at: int) -> None:
    [finding] = machine.examine_clock(at)
    assert finding.level == "error"


def test_a_year_that_can_be_is_not_spoken_of() -> None:
    assert list(machine.examine_clock(NOON)) == []
