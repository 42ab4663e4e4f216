"""Renewing by a watch; and its unit for systemd, read as systemd and the command do."""

import shlex
from configparser import ConfigParser
from pathlib import Path
from typing import Any, Final

import pytest

from keyworks.cli.enroll import enroll
from keyworks.enroll.window import parse_windows
from tests.docs.console import ROOT

PAGE: Final = ROOT / "docs" / "howto" / "renew-with-enroll-watch.md"
UNIT: Final = PAGE.with_name("keyworks-enroll.service")


def test_every_window_of_the_page_is_one() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `--window")]
    windows = [shlex.split(row.split("`")[1])[1] for row in rows]
    assert len(parse_windows(windows).windows) == 4


@pytest.fixture
def unit() -> ConfigParser:
    """The unit, with its lines that go on joined (systemd.syntax(7))."""
    parser = ConfigParser(interpolation=None, comment_prefixes=("#",), strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(UNIT.read_text(encoding="utf-8").replace("\\\n", " "))
    return parser


def test_the_unit_starts_a_command_that_there_is(unit: ConfigParser) -> None:
    program, name, *words = shlex.split(unit["Service"]["ExecStart"])
    given: dict[str, Any] = enroll.make_context(name, words).params
    assert (Path(program).name, name) == ("keyworks", "enroll")
    assert given["watch"]
    assert parse_windows(given["window"]).windows
    assert given["after"] == "systemctl reload nginx"


def test_the_unit_may_write_where_the_identity_is_and_nowhere_else(unit: ConfigParser) -> None:
    service = unit["Service"]
    [folder] = enroll.make_context("enroll", shlex.split(service["ExecStart"])[2:]).params["out"]
    assert folder.is_relative_to(Path("/var/lib") / service["StateDirectory"])
    assert (service["ProtectSystem"], service["StateDirectoryMode"], service["UMask"]) == (
        "strict",
        "0700",
        "0077",
    )
    assert "ReadWritePaths" not in service
