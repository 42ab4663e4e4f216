"""The demo's folder: one run at a time, and what others put there stays."""

from pathlib import Path

import pytest

from demo.factory import build
from demo.folder import MADE, InUse, clear, held
from keyworks.settings.node import Database


def test_a_folder_that_is_held_is_refused_until_it_is_free(tmp_path: Path) -> None:
    folder = tmp_path / "factory"
    with held(folder), pytest.raises(InUse, match="factory is in use by `make run`"), held(folder):
        pass
    with held(folder):
        assert folder.is_dir()


async def test_only_what_an_earlier_run_made_is_removed(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    await build(tmp_path, 1, dict.fromkeys(("supplier", "operator"), Database()))
    made = {one.name for one in tmp_path.iterdir()} - {"notes.txt"}
    assert made
    assert made <= set(MADE)
    clear(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["notes.txt"]


def test_a_link_in_the_place_of_a_folder_is_removed_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    folder, mine = tmp_path / "factory", tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    folder.mkdir()
    (folder / "idevid").symlink_to(mine)
    clear(folder)
    assert list(folder.iterdir()) == []
    assert (mine / "notes.txt").read_text() == "mine"
