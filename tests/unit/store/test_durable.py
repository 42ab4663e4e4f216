"""Files that are on the disk before anybody relies on them."""

import os
import stat
from pathlib import Path

import pytest

from keyworks.store.durable import sync_folder, write_new_file


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_new_file_has_its_octets_and_no_more_rights_than_were_given(tmp_path: Path, mode: int) -> None:
    write_new_file(tmp_path / "key", b"\x00octets", mode)
    assert (tmp_path / "key").read_bytes() == b"\x00octets"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) & ~mode == 0


def test_a_file_that_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"first")
    with pytest.raises(FileExistsError):
        write_new_file(tmp_path / "key", b"second", 0o600)
    assert (tmp_path / "key").read_bytes() == b"first"


def test_octets_and_names_are_flushed_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda one: flushed.append(str(Path(f"/proc/self/fd/{one}").readlink())))
    write_new_file(tmp_path / "key", b"octets", 0o600)
    sync_folder(tmp_path)
    assert flushed == [str(tmp_path / "key"), str(tmp_path)]
