"""The README's commands, run in a checkout: they print what it shows, and what they propose next works."""

import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from tests.docs.console import ROOT, Done, Typed, differences, environment, left_in, typed_in, typing

README: Final = ROOT / "README.md"
SECONDS: Final = 120.0
_FIGURES: Final = re.compile(
    r"127\.0\.0\.1:\d+|\d+:\d\d:\d\d|[\d.,]+ s, [\d.,]+ certificates/s|\d+ entries, root [0-9a-f]{16}"
)
"""What differs between two runs of the demo: ports, times, speed, and the ledgers."""

_NEXT: Final = re.compile(r"^    (?P<command>\S.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Workshop:
    """A checkout in which the README's commands were run.

    Args:
        folder: The checkout.
        typed: The commands.
        done: What they did.
    """

    folder: Path
    typed: list[Typed]
    done: list[Done]

    @property
    def worth_typing_next(self) -> list[str]:
        """Return the commands that the demo has proposed."""
        [printed] = [one.printed for one in self.done if one.typed.command == "make demo"]
        return [found["command"] for found in _NEXT.finditer(printed.partition("Worth typing next:")[2])]


def _check_out(folder: Path) -> Path:
    """Make a folder that looks like this checkout, its environment installed, and where the demo may write."""
    virtual_environment = folder / ".venv"
    virtual_environment.mkdir(parents=True)
    for name in ("Makefile", "demo", "src", "tools", "pyproject.toml", "requirements.lock"):
        (folder / name).symlink_to(ROOT / name)
    for place in Path(sys.prefix).iterdir():
        if place.name not in ("runtime", "made-in"):
            (virtual_environment / place.name).symlink_to(place)
    (virtual_environment / "runtime").touch()
    return folder


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    place = tmp_path_factory.mktemp("readme")
    folder, home = _check_out(place / "keyworks"), place / "home"
    home.mkdir()
    typed = list(typed_in(README))
    return Workshop(folder, typed, typing(typed, folder, home, SECONDS))


def _without_figures(done: Done) -> Done:
    typed = replace(done.typed, shown=_FIGURES.sub("…", done.typed.shown))
    return replace(done, typed=typed, printed=_FIGURES.sub("…", done.printed))


def test_the_commands_print_what_the_readme_shows(workshop: Workshop) -> None:
    assert [one.command for one in workshop.typed] == ["make demo", "make help"]
    assert differences(workshop.typed, [_without_figures(one) for one in workshop.done]) == []


def test_the_demo_leaves_nothing_running(workshop: Workshop) -> None:
    assert (workshop.folder / "demo-factory").is_dir()
    assert left_in(workshop.folder) == []


def test_what_the_demo_proposes_to_type_next_works_as_printed(workshop: Workshop, tmp_path: Path) -> None:
    *commands, last = workshop.worth_typing_next
    assert last == "make run"
    typed = [Typed(command, "…\n") for command in commands]
    home = tmp_path / "home"
    home.mkdir()
    done = typing(typed, workshop.folder, home, SECONDS)
    assert differences(typed, done) == []
    device, ledger = (one.printed for one in done)
    assert re.search(r"^serial number +SC7-000001$", device, re.MULTILINE)
    assert re.match(r"Verified: \d+ entries of \S+, signed by the key given\.\n", ledger)


def test_make_run_serves_both_installations_until_it_is_interrupted(workshop: Workshop, tmp_path: Path) -> None:
    with subprocess.Popen(
        ["make", "run"],
        cwd=workshop.folder,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        bound = threading.Timer(SECONDS, os.killpg, (process.pid, signal.SIGKILL))
        bound.start()
        try:
            assert process.stdout is not None
            served = [process.stdout.readline() for _ in ("supplier", "operator", "Ctrl-C")]
            ready = [_is_ready(line) for line in served[:2]]
        finally:
            # As a terminal does it: to all that run in the foreground.
            os.killpg(process.pid, signal.SIGINT)
            rest, _ = process.communicate()
            bound.cancel()
    assert (served[2:], ready, rest) == (["Ctrl-C stops both.\n"], [b"ready\n", b"ready\n"], "stopping ...\n")
    assert process.returncode == -signal.SIGINT
    assert left_in(workshop.folder) == []


def _is_ready(line: str) -> bytes:
    publication = line.rsplit(maxsplit=1)[-1]
    assert publication.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(f"{publication}/readyz", timeout=10) as answer:  # noqa: S310  # that is http
        octets: bytes = answer.read()
        return octets


def test_the_readme_names_the_debian_packages_that_make_asks_for() -> None:
    asked = re.findall(r"tools/debian (.+)$", (ROOT / "Makefile").read_text().replace("\\\n", ""), re.MULTILINE)
    named = re.search(r"^apt-get install (.+)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert named is not None
    assert {one for line in asked for one in line.split()} | {"make", "git"} == set(named[1].split())
