"""What the demo says when it cannot go on."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import demo.command
from demo.folder import held
from tests.docs.console import ROOT

BOUND = 60.0


def demo_in(folder: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "demo", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_nothing_is_made_where_another_run_works(tmp_path: Path) -> None:
    (tmp_path / "demo-factory" / "supplier").mkdir(parents=True)
    with held(tmp_path / "demo-factory"), demo_in(tmp_path, "run", "--devices", "1") as process:
        out, err = process.communicate(timeout=BOUND)
    assert (process.returncode, out) == (1, "")
    assert err == "Error: demo-factory is in use by `make run` or another `make demo`; stop that first.\n"
    assert (tmp_path / "demo-factory" / "supplier").is_dir()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "demo-factory").write_text("a file")
    with demo_in(tmp_path, "run", "--devices", "1") as process:
        _, err = process.communicate(timeout=BOUND)
    assert (process.returncode, err) == (1, "Error: demo-factory: File exists.\n")


def test_there_is_nothing_to_serve_before_the_first_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["demo", "serve"])
    with pytest.raises(SystemExit, match="run `make demo` first"):
        demo.command.main()
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_before_the_servers_are_ready_ends_it_without_more_words(tmp_path: Path) -> None:
    with demo_in(tmp_path, "run", "--devices", "1") as process:
        assert process.stdout is not None
        last_made = tmp_path / "demo-factory" / "operator-issuing.pem"
        while process.poll() is None and not last_made.exists():
            select.select([process.stdout], [], [], 0.01)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: to all that run in the foreground
        out, err = process.communicate(timeout=BOUND)
    assert (process.returncode, err) == (130, "")
    assert out.splitlines() == ["1. Two installations that share no root: Example Drives and Example Plant"]
