"""Make as people use it: in any folder, moved or copied, and with care for what is in use."""

import fcntl
import os
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.docs.console import ROOT, environment

PYTHON: Final = """\
#!/bin/sh
# Takes the place of Python: makes environments with itself in them, and installs nothing.
case "$1 $2" in
  "-m venv") mkdir -p "$3/bin" "$3/packages" && cp "$0" "$3/bin/python" ;;
  "-m pip") ;;
  "-m keyworks") echo "$0 runs keyworks" ;;
  "-c import sysconfig"*) echo "${0%/bin/python}/packages" ;;
esac
"""
ANEW: Final = ".venv was made in another folder; making it anew."


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a clone in a folder with a space in its name, with nothing that has to be downloaded."""
    folder = tmp_path / "my work" / "keyworks"
    (folder / "tools").mkdir(parents=True)
    (folder / "Makefile").write_text((ROOT / "Makefile").read_text())
    for program, text in (("tools/debian", "#!/bin/sh\n"), ("../../python", PYTHON)):
        (folder / program).write_text(text)
        (folder / program).chmod(0o755)
    for name in ("requirements.lock", "pyproject.toml"):
        (folder / name).touch()
    return folder


def make(clone: Path, target: str) -> "subprocess.CompletedProcess[str]":
    python = clone.parent.parent / "python"
    return subprocess.run(
        ["make", f"PYTHON={python}", target],
        cwd=clone,
        env=environment(clone),  # not that of a make that runs the tests
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def installed(clone: Path) -> str:
    """Let make install, check what it has made, and return what it said."""
    done = make(clone, ".venv/runtime")
    assert (done.returncode, done.stderr) == (0, "")
    assert (clone / ".venv/packages/keyworks-source.pth").read_text() == f"{clone}/src\n"
    said = subprocess.run(
        [clone / ".venv/bin/keyworks"], capture_output=True, text=True, timeout=60, check=True
    )
    assert said.stdout == f"{clone}/.venv/bin/python runs keyworks\n"
    return done.stdout


def test_a_folder_may_have_a_space_in_its_name(clone: Path) -> None:
    assert installed(clone) == "Installing from requirements.lock ...\n"
    assert "up to date" in installed(clone)


def test_a_clone_that_was_moved_gets_its_environment_anew_once(clone: Path) -> None:
    installed(clone)
    moved = clone.rename(clone.with_name("moved"))
    assert installed(moved) == f"{ANEW}\nInstalling from requirements.lock ...\n"
    assert "up to date" in installed(moved)


def test_cleaning_leaves_a_demo_that_is_in_use(clone: Path) -> None:
    installed(clone)
    demo = clone / "demo-factory"
    demo.mkdir()
    descriptor = os.open(demo, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        refused = make(clone, "clean")
    finally:
        os.close(descriptor)
    assert refused.returncode == 2
    assert refused.stderr.startswith("demo-factory cannot be removed; is it in use by make run or make demo?\n")
    assert demo.is_dir()
    assert make(clone, "clean").returncode == 0
    assert sorted(one.name for one in clone.iterdir()) == [
        "Makefile",
        "pyproject.toml",
        "requirements.lock",
        "tools",
    ]
