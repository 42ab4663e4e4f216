"""``keyworks certificate``."""

import asyncio
import json
import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from keyworks.authority.authorize import Operation
from keyworks.cli.root import root
from keyworks.service.installation import open_installation
from keyworks.testing import EnrollmentDesk, FixedClock
from keyworks.x509.certificate import Certificate, ders_of
from tests.unit.cli.typed import Typed, enroll_devices


@pytest.fixture
def cli(supplier_cli: Typed) -> Typed:
    """A supplier with two devices, each with its IDevID."""
    enroll_devices(supplier_cli.home, "SN-1", "SN-2")
    return supplier_cli


def listed(cli: Typed, *filters: str) -> list[str]:
    return [f"{one['profile']} {one['state']}" for one in cli.json("certificate", "list", *filters)]


def idevid(cli: Typed) -> Any:
    return cli.json("certificate", "list", "--device", "SN-1")[0]


def test_certificates_are_listed_in_the_order_of_issue(cli: Typed) -> None:
    profiles = [line.split()[0] for line in listed(cli)]
    cas = ["root", "issuing", "idevid-root", "idevid-issuing"]
    assert profiles == [*cas, "tls-server", "station", "idevid", "idevid"]


def test_a_device_has_its_certificates(cli: Typed) -> None:
    assert listed(cli, "--device", "SN-1") == ["idevid valid"]
    assert "serialNumber=SN-1" in idevid(cli)["subject"].split(",")


def test_the_state_follows_the_time(cli: Typed) -> None:
    cli.clock.advance(timedelta(days=800))
    assert listed(cli, "--profile", "tls-server") == ["tls-server expired"]
    assert listed(cli, "--profile", "tls-server", "--state", "expired") == ["tls-server expired"]
    assert listed(cli, "--profile", "tls-server", "--state", "valid") == []
    assert listed(cli, "--profile", "tls-ser*") == ["tls-server expired"]
    assert "cannot be searched for" in cli.refused("certificate", "list", "--profile", "tls*server")
    assert "idevid valid" in listed(cli, "--state", "valid")


@pytest.mark.parametrize(("span", "found"), [("1h", []), ("52w", []), ("366d", ["tls-server valid"])])
def test_what_ends_soon_is_found(cli: Typed, span: str, found: list[str]) -> None:
    assert listed(cli, "--profile", "tls-server", "--ends-within", span) == found


def test_what_has_ended_does_not_end_soon(cli: Typed) -> None:
    cli.clock.advance(timedelta(days=800))
    assert listed(cli, "--profile", "tls-server", "--ends-within", "30d") == []


@pytest.mark.parametrize("span", ["30", "d", "-1d", "1y", "1.5h"])
def test_a_time_span_is_a_number_and_a_unit(cli: Typed, span: str) -> None:
    assert "12h, 30d or 8w" in cli.refused("certificate", "list", "--ends-within", span, code=2)


def test_filters_hold_across_pages(cli: Typed) -> None:
    result = cli("certificate", "list", "--profile", "idevid", "--limit", "1", "--json")
    [first] = json.loads(result.stdout)
    words = ("certificate", "list", "--profile", "idevid", *result.stderr.split("add: ")[1].split())
    assert [one["id"] for one in cli.json(*words)] != [first["id"]]


@pytest.mark.parametrize("name", ["id", "serial_number", "fingerprint"])
def test_a_certificate_is_shown_by_any_of_its_names(cli: Typed, name: str) -> None:
    wanted = idevid(cli)
    assert cli.json("certificate", "show", wanted[name])["id"] == wanted["id"]


def test_a_certificate_is_shown_with_who_asked_and_where_that_is_recorded(cli: Typed) -> None:
    shown = cli.json("certificate", "show", idevid(cli)["id"])
    assert (shown["requested_by"], shown["channel"], shown["authority"]) == (
        "station:line-1",
        "idevid",
        "idevid-issuing",
    )
    entries = cli.json("ledger", "show", "--action", "certificate.issued")["entries"]
    [entry] = [one for one in entries if one["id"] == shown["ledger_entry"]]
    assert entry["detail"]["certificate"] == shown["id"]
    assert entry["detail"]["serial_number"] == shown["serial_number"] == idevid(cli)["serial_number"]


def test_the_servers_names_are_shown(cli: Typed) -> None:
    [server] = cli.json("certificate", "list", "--profile", "tls-server")
    names = cli.json("certificate", "show", server["id"])["subject_alt_names"]
    assert names == ["DNS:localhost", "IP:127.0.0.1"]
    assert "DNS:localhost, IP:127.0.0.1" in cli.done("certificate", "show", server["id"])


def test_a_certificate_is_exported_with_its_issuers(cli: Typed, tmp_path: Path) -> None:
    wanted = idevid(cli)
    cli.done("certificate", "export", wanted["id"], "--output", str(tmp_path / "chain.pem"))
    chain = [Certificate.parse(der) for der in ders_of((tmp_path / "chain.pem").read_bytes())]
    assert [one.subject for one in chain[1:]] == [one.issuer for one in chain[:-1]]
    assert f"sha256:{chain[0].fingerprint.hex()}" == wanted["fingerprint"]
    assert cli.done("certificate", "export", wanted["id"]) == (tmp_path / "chain.pem").read_text()


def test_a_file_that_cannot_be_written_leaves_nothing_behind(cli: Typed, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    words = ("certificate", "export", idevid(cli)["id"], "--output", str(tmp_path / "folder"))
    assert "cannot be written" in cli.refused(*words)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["folder", "supplier"]


def test_revoking_asks_first(cli: Typed) -> None:
    name = idevid(cli)["id"]
    words = ("certificate", "revoke", name, "--reason", "keyCompromise")
    assert cli.refused(*words, stdin="n\n") == "Error: Nothing was revoked."
    assert cli.refused(*words, stdin="") == "Error: Nothing was revoked."
    assert cli(*words, stdin="").exit_code == 1
    assert cli.json("certificate", "show", name)["state"] == "valid"
    assert "authenticates nobody" in cli.done(*words, stdin="y\n")
    assert cli.json("certificate", "show", name)["reason"] == "keyCompromise"


def test_revoking_again_changes_nothing_and_says_so(cli: Typed) -> None:
    name = idevid(cli)["id"]
    first = cli.json("certificate", "revoke", name, "--reason", "superseded", "--yes")
    cli.clock.advance(timedelta(days=1))
    again = cli.json("certificate", "revoke", name, "--reason", "cessationOfOperation")
    assert (first["revoked_now"], again["revoked_now"]) == (True, False)
    assert again["reason"] == first["reason"] == "superseded"
    assert again["revoked_at"] == first["revoked_at"]


def test_that_a_revoked_certificates_key_is_compromised_is_recorded_later(cli: Typed) -> None:
    name = idevid(cli)["id"]
    first = cli.json("certificate", "revoke", name, "--reason", "superseded", "--yes")
    cli.clock.advance(timedelta(days=1))
    later = cli.json("certificate", "revoke", name, "--reason", "keyCompromise")
    assert (later["revoked_now"], later["reason"]) == (True, "keyCompromise")
    assert later["revoked_at"] == first["revoked_at"]


def renew_station(home: Path, times: int) -> None:
    """Let a new station get its certificate, and renew it."""

    async def work() -> None:
        async with open_installation(home, FixedClock()) as installation:
            desk = EnrollmentDesk(installation)
            station = await desk.station("line-2")
            subject = station.certificate.subject
            for _ in range(times):
                await desk.enroll("stations", subject, by=station, operation=Operation.REENROLL)

    asyncio.run(work())


def test_revoking_one_certificate_tells_which_others_are_still_valid(cli: Typed) -> None:
    renew_station(cli.home, 2)
    first, second, third = cli.json("certificate", "list", "--profile", "station")[-3:]
    words = ("--reason", "keyCompromise", "--yes")
    document = cli.json("certificate", "revoke", third["id"], *words)
    names = ("id", "serial_number", "profile", "not_after")
    assert document["others"] == [{name: one[name] for name in names} for one in (first, second)]
    said = cli.done("certificate", "revoke", second["id"], *words).splitlines()
    assert said[1:] == [
        "1 other certificate of this station is still valid:",
        f"  station, ends {first['not_after']}:",
        f"    keyworks --home {cli.home} certificate revoke {first['id']} --reason keyCompromise",
    ]
    typed = shlex.split(said[-1])
    last = CliRunner().invoke(root, [*typed[1:], "--yes"], obj=cli.clock)
    assert (last.exit_code, last.stdout.count("\n")) == (0, 1), last.output
    assert cli.json("certificate", "show", first["id"])["state"] == "revoked"


def test_of_many_others_people_see_some_and_scripts_all(cli: Typed) -> None:
    renew_station(cli.home, 12)
    name = cli.json("certificate", "list", "--profile", "station")[-1]["id"]
    said = cli.done("certificate", "revoke", name, "--reason", "superseded", "--yes").splitlines()
    assert said[1] == "12 other certificates of this station are still valid:"
    assert sum(" certificate revoke " in line for line in said) == 10
    assert said[-1].startswith("  and 2 more; ")
    assert len(cli.json("certificate", "revoke", name, "--reason", "superseded")["others"]) == 12


def test_where_nothing_else_is_valid_nothing_else_is_said(cli: Typed) -> None:
    name = idevid(cli)["id"]
    assert cli.done("certificate", "revoke", name, "--reason", "superseded", "--yes").count("\n") == 1


@pytest.mark.parametrize("words", [("--reason", "boredom"), ()])
def test_revoking_needs_a_reason_that_rfc_5280_knows(cli: Typed, words: tuple[str, ...]) -> None:
    cli.refused("certificate", "revoke", "x", *words, "--yes", code=2)


def test_an_authority_is_not_revoked_by_command(cli: Typed) -> None:
    [root] = cli.json("certificate", "list", "--profile", "root")
    words = ("certificate", "revoke", root["id"], "--reason", "keyCompromise", "--yes")
    assert "ceremony" in cli.refused(*words)


@pytest.mark.parametrize("name", ["", "zz", "00", "sha256:" + "0" * 64])
def test_a_certificate_that_is_not_there_is_a_sentence(cli: Typed, name: str) -> None:
    assert "is not known" in cli.refused("certificate", "show", name)
