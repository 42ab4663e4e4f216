"""Output for people at a terminal, for pipes, and for scripts."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from keyworks.cli.command import Session
from keyworks.cli.table import Document, _widths, print_list, print_one
from keyworks.cli.words import FOREVER
from tests.unit.cli.typed import MAKER, Typed

COLUMNS = {"NAME": "name", "ENDS": "ends"}
ROWS: list[Document] = [
    {"name": "a long name", "ends": None, "more": 1},
    {"name": "\x1b[2Jb", "ends": FOREVER},
]


def printed(documents: list[Document], *, as_json: bool = False) -> str:
    @click.command()
    def command() -> None:
        print_list(Session(Path(), json=as_json), COLUMNS, documents)

    return CliRunner().invoke(command).stdout


def test_a_pipe_gets_aligned_columns_and_nothing_else() -> None:
    assert printed(ROWS) == "NAME         ENDS\na long name  -\n\\x1b[2Jb     never\n"


def test_a_pipe_gets_the_heading_of_an_empty_list() -> None:
    assert printed([]) == "NAME  ENDS\n"


@pytest.mark.parametrize("rows", [[], ROWS[:1], ROWS])
def test_a_script_gets_one_array_with_everything(rows: list[Document]) -> None:
    assert json.loads(printed(rows, as_json=True)) == rows


def test_one_thing_is_a_line_per_value() -> None:
    @click.command()
    def command() -> None:
        print_one(Session(Path()), {"not_after": FOREVER, "names": ["a", "b"], "active": False})

    assert CliRunner().invoke(command).stdout == "not after  never\nnames      a, b\nactive     no\n"


def at_a_terminal(home: Path, *words: str, columns: int = 100) -> tuple[str, str]:
    """Run a command at a terminal; return its output without colors, and its errors."""
    ours, theirs = os.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm", "KEYWORKS_HOME": str(home)}
    with subprocess.Popen(
        [sys.executable, "-m", "keyworks", *words], env=environment, stdout=theirs, stderr=subprocess.PIPE
    ) as process:
        os.close(theirs)
        octets = b""
        try:
            while chunk := os.read(ours, 65536):
                octets += chunk
        except OSError:  # the terminal's other end is closed: this is how Linux says it
            pass
        os.close(ours)
        assert process.stderr is not None
        return re.sub(r"\x1b\[[0-9;]*m", "", octets.decode()), process.stderr.read().decode()


def test_people_at_a_terminal_get_a_screenful_and_how_to_go_on(supplier_cli: Typed) -> None:
    names = [f"SERIAL-NUMBER-{number:020}" for number in range(60)]
    supplier_cli.done(
        "device", "add", "--from", "-", "--manufacturer", MAKER, "--product", "P7", stdin="\n".join(names)
    )
    out, err = at_a_terminal(supplier_cli.home, "device", "list")
    assert [name in out for name in names] == [True] * 50 + [False] * 10
    assert "add: --after " in err
    assert max(len(line) for line in out.splitlines()) <= 100


def test_people_at_a_terminal_are_told_that_there_is_none(supplier_cli: Typed) -> None:
    assert at_a_terminal(supplier_cli.home, "device", "list") == ("None.\r\n", "")


def test_no_id_is_cut_on_a_narrow_terminal(supplier_cli: Typed) -> None:
    ids = [one["id"] for one in supplier_cli.json("certificate", "list")]
    out, _ = at_a_terminal(supplier_cli.home, "certificate", "list", columns=60)
    assert [line.split()[0] for line in out.splitlines() if line.split()[0] in ids] == ids


@pytest.mark.parametrize(
    ("natural", "least", "room", "widths"),
    [
        ([36, 8, 40], [36, 8, 12], 100, [36, 8, 40]),
        ([36, 8, 40], [36, 8, 12], 70, [36, 8, 26]),
        ([36, 20, 40], [36, 5, 12], 60, [36, 12, 12]),
        ([36, 8, 40], [36, 8, 12], 20, [36, 8, 12]),
    ],
)
def test_columns_give_way_down_to_their_longest_word(
    natural: list[int], least: list[int], room: int, widths: list[int]
) -> None:
    assert _widths(natural, least, room) == widths
