"""``init``, ``serve``, ``upgrade``: an installation as a whole."""

import json
import sqlite3
from pathlib import Path

import pytest

from keyworks.server import supervisor
from keyworks.testing import FixedClock
from tests.unit.cli.typed import Typed

WANTED = ("--organization", "Example Pumps", "--publication-url", "http://pki.example")


@pytest.fixture
def nowhere(tmp_path: Path, clock: FixedClock) -> Typed:
    return Typed(tmp_path / "plant", clock)


@pytest.mark.parametrize(
    ("preset", "channels", "next_step"),
    [
        ("supplier", ["idevid", "stations", "tls"], "station add line-1 --channel idevid"),
        ("operator", ["ldevid", "stations", "tls"], "anchor add SUPPLIER supplier-root.pem"),
    ],
)
def test_init_makes_an_installation_and_says_what_to_do_next(
    nowhere: Typed, preset: str, channels: list[str], next_step: str
) -> None:
    told = nowhere.done("init", "--preset", preset, *WANTED)
    assert f"--home {nowhere.home} {next_step}" in told
    assert [one["label"] for one in nowhere.json("channel", "list")] == channels


def test_init_says_in_json_what_it_made(nowhere: Typed) -> None:
    made = nowhere.json("init", "--preset", "operator", *WANTED, "--node", "n1", "--enrollment", "0.0.0.0:4433")
    assert made["authorities"] == ["root", "issuing"]
    assert (made["node"], made["listen"]["enrollment"]) == ("n1", "0.0.0.0:4433")
    assert made["ledger_key"] == nowhere.json("ledger", "show")["key"]


def test_init_takes_its_folder_as_an_argument_too(nowhere: Typed) -> None:
    folder = nowhere.home.parent / "other"
    nowhere.done("init", str(folder), "--preset", "operator", *WANTED)
    assert (folder / "keyworks.toml").is_file()
    assert not nowhere.home.exists()


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--node", "bad node", "it has to be 1 to 64 letters"),
        ("--name", "bad name", "it has to hold host names and addresses"),
        ("--console", "bad host:1", "it has to be HOST:PORT"),
        ("--console", "127.0.0.1:8443", "it is the address of listen.enrollment"),
        ("--passphrase-env", "", "it needs exactly one of"),
    ],
)
def test_init_names_the_option_that_cannot_be_and_touches_nothing(
    nowhere: Typed, option: str, value: str, complaint: str
) -> None:
    said = nowhere.refused("init", "--preset", "operator", *WANTED, option, value, code=2)
    assert f"Invalid value for '{option}': {complaint}" in said
    assert list(nowhere.home.parent.iterdir()) == []


def test_init_says_that_it_is_https_that_cannot_be(nowhere: Typed) -> None:
    words = ("--organization", "Example", "--publication-url", "https://pki.example")
    assert "because it is https" in nowhere.refused("init", "--preset", "operator", *words)


def test_init_never_prints_the_passphrase(nowhere: Typed) -> None:
    told = nowhere.done("init", "--preset", "operator", *WANTED)
    passphrase = (nowhere.home / "passphrase").read_text().strip()
    assert len(passphrase) > 40
    assert passphrase not in told


def test_init_takes_the_passphrase_from_the_environment(
    nowhere: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANT_PASSPHRASE", "correct horse battery staple")
    nowhere.done("init", "--preset", "operator", *WANTED, "--passphrase-env", "PLANT_PASSPHRASE")
    assert not (nowhere.home / "passphrase").exists()
    monkeypatch.delenv("PLANT_PASSPHRASE")
    assert "PLANT_PASSPHRASE" in nowhere.refused("authority", "list")


def test_init_leaves_a_folder_in_use_alone(supplier_cli: Typed) -> None:
    before = sorted(supplier_cli.home.iterdir())
    assert "nothing was changed" in supplier_cli.refused("init", "--preset", "operator", *WANTED)
    assert sorted(supplier_cli.home.iterdir()) == before


def test_init_refuses_a_publication_address_that_would_be_burnt_in_wrong(nowhere: Typed) -> None:
    address = ("--organization", "O", "--publication-url", "https://pki.example")
    assert "cannot be a publication address" in nowhere.refused("init", "--preset", "operator", *address)
    assert not nowhere.home.exists()


@pytest.mark.parametrize("address", ["8443", "host", "host:", "host:99999", ":80", "host:-1"])
def test_init_refuses_what_is_no_address_to_listen_on(nowhere: Typed, address: str) -> None:
    words = ("init", "--preset", "operator", *WANTED, "--enrollment", address)
    assert "write HOST:PORT" in nowhere.refused(*words, code=2)


def test_serve_serves_the_installation_it_is_told(supplier_cli: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Path] = []
    monkeypatch.setattr(supervisor, "serve", served.append)
    supplier_cli.done("serve")
    assert served == [supplier_cli.home]


def test_an_up_to_date_database_needs_no_upgrade(supplier_cli: Typed) -> None:
    before = supplier_cli.json("ledger", "show")["waiting"]
    assert supplier_cli.json("upgrade")["changed"] is False
    assert supplier_cli.json("ledger", "show")["waiting"] == before


def test_a_newer_releases_database_is_left_alone(supplier_cli: Typed) -> None:
    with sqlite3.connect(supplier_cli.home / "keyworks.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    assert "newer release" in supplier_cli.refused("upgrade")
    assert "keyworks upgrade" in supplier_cli.refused("authority", "list")


def test_settings_that_are_wrong_are_named_with_their_line(supplier_cli: Typed) -> None:
    file = supplier_cli.home / "keyworks.toml"
    file.write_text(file.read_text().replace("workers", "worker"))
    assert "did you mean 'workers'?" in supplier_cli.refused("authority", "list")


def test_json_output_is_one_document(supplier_cli: Typed) -> None:
    output = supplier_cli.done("authority", "list", "--json")
    assert len(json.loads(output)) == 4


def test_a_preset_is_printed_as_the_file_that_init_takes(nowhere: Typed, tmp_path: Path) -> None:
    file = tmp_path / "factory.toml"
    file.write_text(nowhere.done("init", "--preset", "operator", *WANTED, "--print-factory"))
    assert not nowhere.home.exists()
    made = nowhere.json("init", "--factory", str(file), "--node", "n1")
    assert (made["node"], made["organization"]) == ("n1", "Example Pumps")
    assert made["channels"] == ["ldevid", "stations", "tls"]
    assert "nothing to apply" in nowhere.done("plan", str(file))


def test_init_takes_a_preset_or_a_file_and_says_so(nowhere: Typed, tmp_path: Path) -> None:
    assert "Say --factory FILE, or --preset" in nowhere.refused("init", "--preset", "operator", code=2)
    words = ("init", "--factory", str(tmp_path / "f.toml"), "--preset", "operator")
    assert "leave --preset and what goes with it out" in nowhere.refused(*words, code=2)


def test_init_tells_every_mistake_in_the_file_and_creates_nothing(nowhere: Typed, tmp_path: Path) -> None:
    file = tmp_path / "factory.toml"
    file.write_text(
        "[factory]\norganization = 'O'\npublication_url = 'http://pki.example'\n[station.a]\nsite = 'x'\n"
    )
    assert f"{file}:5: station.a.site: there is no site 'x'" in nowhere.refused("init", "--factory", str(file))
    assert not nowhere.home.exists()
