"""Files that people name: read within limits, written whole or not at all."""

import stat
from pathlib import Path

import pytest

from keyworks.cli.files import read_file, write_out
from keyworks.errors import OperatorError


def test_a_file_is_read_up_to_the_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_file(str(tmp_path / "file"), 5) == b"12345"
    with pytest.raises(OperatorError, match="larger than 4 octets"):
        read_file(str(tmp_path / "file"), 4)


@pytest.mark.parametrize("name", ["", "missing"])
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(OperatorError, match="cannot be read"):
        read_file(str(tmp_path / name))


def test_a_file_is_replaced_whole_and_readable_by_others(tmp_path: Path) -> None:
    file = tmp_path / "chain.pem"
    file.write_text("what was there before, which is longer")
    write_out("new\n", file)
    assert file.read_text() == "new\n"
    assert stat.S_IMODE(file.stat().st_mode) & stat.S_IROTH
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("target", ["file", "missing"])
def test_what_may_not_go_stays_a_link_to_nowhere_too(tmp_path: Path, target: str) -> None:
    (tmp_path / "file").write_text("ours")
    (tmp_path / "link").symlink_to(tmp_path / target)
    with pytest.raises(OperatorError, match="is there already and stays as it is"):
        write_out("text", tmp_path / "link", replaces=False)
    assert (tmp_path / "file").read_text() == "ours"
    write_out("text", tmp_path / "new", replaces=False)
    assert (tmp_path / "new").read_text() == "text"


@pytest.mark.parametrize("name", ["folder", "missing/file"])
def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OperatorError, match="cannot be written"):
        write_out("text", tmp_path / name)
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]
