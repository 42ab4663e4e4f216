"""What is typed about a database on a server, and what is told where that goes wrong."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyworks.testing import FixedClock
from keyworks.testing.postgresql import ServerDatabases
from tests.unit.cli.typed import Typed

PRESET = (
    *("--preset", "operator", "--organization", "Example Plant"),
    *("--publication-url", "http://pki.plant.example"),
)


@pytest.fixture
def url(servers: ServerDatabases, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database."""
    yield servers.setting(tmp_path).url or ""
    servers.forget()


@pytest.fixture
def first(tmp_path: Path, clock: FixedClock, url: str) -> Typed:
    """Commands at an installation's first node."""
    typed = Typed(tmp_path / "first", clock)
    typed.done("init", *PRESET, "--database", url)
    return typed


def test_an_installation_on_a_server_is_worked_with_as_one_in_a_file(first: Typed, url: str) -> None:
    assert f'url = "{url}"' in (first.home / "keyworks.toml").read_text()
    first.done("device", "add", "SN-1", "--manufacturer", "Example Pumps", "--product", "Pump")
    assert [one["serial_number"] for one in first.json("device", "list")] == ["SN-1"]


def test_a_further_machine_joins(first: Typed, url: str, tmp_path: Path, clock: FixedClock) -> None:
    second, third = Typed(tmp_path / "second", clock), Typed(tmp_path / "third", clock)
    words = ("--node", "second", "--database", url, "--passphrase-file", str(first.home / "passphrase"))
    said = second.done("join", *words)
    assert said.startswith("This machine is node second of the installation in postgresql://")
    assert second.json("device", "list") == []
    assert third.refused("join", *words) == (
        "Error: There is a node 'second' already; choose another name (--node)."
    )
    assert not third.home.exists()


def test_who_joins_says_one_place_of_the_passphrase(url: str, tmp_path: Path, clock: FixedClock) -> None:
    said = Typed(tmp_path / "second", clock).refused("join", "--node", "second", "--database", url, code=2)
    assert said == "Error: Say either --passphrase-file or --passphrase-env."


@pytest.mark.file
def test_an_installation_moves_from_its_file_to_a_server(supplier_cli: Typed, url: str) -> None:
    supplier_cli.done("device", "add", "SN-1", "--manufacturer", "Example Supplier", "--product", "Pump")
    moved = supplier_cli.json("store", "move", url)
    assert moved["url"] == url
    assert moved["ledger_entries"] > 1
    assert Path(moved["kept"]).name == "keyworks.db.moved"
    assert [one["serial_number"] for one in supplier_cli.json("device", "list")] == ["SN-1"]
    assert "on a server already" in supplier_cli.refused("store", "move", url)


def test_a_server_that_is_not_there_is_told_with_what_it_says(first: Typed, tmp_path: Path) -> None:
    settings = first.home / "keyworks.toml"
    settings.write_text(settings.read_text().replace("host=/tmp/", f"host={tmp_path}/"))
    result = first("device", "list")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("Error: The database cannot be reached or used: ")
    assert str(tmp_path) in result.stderr
    found = json.loads(first("doctor", "--json").stdout)
    [database] = [one for one in found if one["level"] == "error"]
    assert database["check"] == "database"
    assert str(tmp_path) in database["sentence"]


def test_an_address_with_a_password_is_refused_and_not_repeated(tmp_path: Path, clock: FixedClock) -> None:
    url = "postgresql://keyworks:tell-nobody@db.example/keyworks"
    typed = Typed(tmp_path / "x", clock)
    said = typed.refused("init", *PRESET, "--database", url, code=2)
    assert "must not hold the password" in said
    assert "tell-nobody" not in said
    assert not typed.home.exists()
