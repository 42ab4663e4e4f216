"""``keyworks enroll``, typed against a server in processes of its own."""

import asyncio
import json
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from keyworks.cli.root import root
from keyworks.enroll.credential import private_key_pem
from keyworks.server.running import running_server
from keyworks.service.installation import Installation, open_installation
from keyworks.service.inventory import add_devices
from keyworks.service.server_certificate import server_certificate
from keyworks.service.setup import create_installation
from keyworks.service.stations import NewStation, add_station
from keyworks.store.clock import SystemClock
from keyworks.testing import FixedClock, small_installation, software_signer
from keyworks.x509.certificate import Certificate, ders_of, pem_of

NOWHERE = ("https://localhost:1", "--label", "stations", "--trust", "sha256:" + "0" * 64)


@dataclass(frozen=True)
class Shop:
    """A supplier's running server."""

    home: Path
    url: str
    root: Certificate

    @property
    def pin(self) -> str:
        return f"sha256:{self.root.fingerprint.hex()}"

    def station(self) -> NewStation:
        """Register a station of a new name."""
        return asyncio.run(self._station(f"line-{secrets.token_hex(4)}"))

    async def _station(self, name: str) -> NewStation:
        async with open_installation(self.home) as installation:
            return await add_station(installation, name, ("idevid",))

    async def device(self, serial_number: str) -> None:
        """Register a device."""
        async with open_installation(self.home) as installation:
            await add_devices(installation, "Example Supplier", "Pump", [serial_number])


async def _root(home: Path) -> Certificate:
    installation: Installation
    async with open_installation(home) as installation:
        return Certificate.parse((await server_certificate(installation)).chain[-1])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    home = tmp_path_factory.mktemp("shop") / "supplier"
    asyncio.run(create_installation(small_installation(home, "supplier"), SystemClock()))
    with running_server(home) as server:
        yield Shop(home, server.enrollment, asyncio.run(_root(home)))


def typed(*words: str, stdin: str | None = None, clock: FixedClock | None = None, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(root, ["enroll", *words], input=stdin, obj=clock)


def enrolled(shop: Shop, out: Path, *words: str, **how: Any) -> dict[str, Any]:
    """Type what a station types, and return what it is told."""
    result = typed(
        *(shop.url, "--label", "stations", "--trust", shop.pin, "--out", str(out), "--json"), *words, **how
    )
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_a_station_gets_its_certificate_and_a_repetition_does_nothing(shop: Shop, tmp_path: Path) -> None:
    station, out = shop.station(), tmp_path / "station"
    secret = tmp_path / "secret"
    secret.write_text(f"{station.secret}\n")
    document = enrolled(shop, out, "--subject", f"CN={station.name}", "--secret-file", str(secret))
    assert document["result"] == "enrolled"
    assert document["subject"] == f"CN={station.name},O=Example Supplier"
    assert document["files"]["key"] == str(out / "key.pem")
    assert stat.S_IMODE((out / "key.pem").stat().st_mode) == 0o600
    leaf = (out / "certificate.pem").read_bytes()
    assert f"sha256:{Certificate.parse(ders_of(leaf)[0]).fingerprint.hex()}" == document["fingerprint"]
    assert (out / "chain.pem").read_bytes().startswith(leaf)
    assert pem_of(shop.root.der).encode() in (out / "cacerts.pem").read_bytes()
    again = enrolled(shop, out)
    assert again == document | {"result": "kept"}


@pytest.mark.parametrize("way", ["standard input", "environment"])
def test_a_secret_may_come_from_elsewhere_than_a_file(shop: Shop, tmp_path: Path, way: str) -> None:
    station = shop.station()
    user = ("--user", station.name)
    if way == "environment":
        enrolled(shop, tmp_path / "station", *user, KEYWORKS_SECRET=station.secret)
    else:
        enrolled(shop, tmp_path / "station", *user, "--secret-file", "-", stdin=station.secret)


def test_people_read_what_was_done_and_when_it_is_due_again(shop: Shop, tmp_path: Path) -> None:
    station, out = shop.station(), str(tmp_path / "station")
    words = (shop.url, "--label", "stations", "--trust", shop.pin, "--out", out, "--user", station.name)
    said = typed(*words, KEYWORKS_SECRET=station.secret).stdout.splitlines()
    assert said[0].startswith(f"Enrolled 'CN={station.name},O=Example Supplier' (issuer 'CN=")
    assert said[1].startswith("Valid until 2")
    assert said[2] == f"In {out}: key.pem, certificate.pem, chain.pem, cacerts.pem."
    due = FixedClock(SystemClock().now())
    due.advance(timedelta(days=250))
    assert typed(*words, clock=due).stdout.startswith("Renewed, with a new key, 'CN=")
    assert typed(*words).stdout.startswith("Nothing to do for 'CN=")


def test_a_station_gets_a_device_its_idevid_for_the_device_s_own_key(shop: Shop, tmp_path: Path) -> None:
    station, out = shop.station(), tmp_path / "station"
    enrolled(shop, out, "--user", station.name, KEYWORKS_SECRET=station.secret)
    asyncio.run(shop.device("SN-1"))
    signer = software_signer("Ed25519")
    key = tmp_path / "device.key"
    key.write_bytes(private_key_pem(signer.private))
    words = (shop.url, "--label", "idevid", "--trust", shop.pin, "--subject", "serialNumber=SN-1")
    device = (*words, "--key", str(key), "--out", str(tmp_path / "SN-1"))
    result = typed(*device, "--credential", str(out))
    assert result.exit_code == 0, result.output
    assert "It never expires and is never renewed." in result.stdout
    leaf = Certificate.parse(ders_of((tmp_path / "SN-1" / "certificate.pem").read_bytes())[0])
    assert leaf.public_key == signer.public_key
    refused = typed(*device, "--force")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "never renewed" in refused.stderr


def test_a_refusal_is_the_server_s_sentence_and_exit_status_1(shop: Shop, tmp_path: Path) -> None:
    station, out = shop.station(), tmp_path / "station"
    words = (shop.url, "--label", "stations", "--trust", shop.pin, "--out", str(out), "--user", "line-0")
    result = typed(*words, KEYWORKS_SECRET=station.secret)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "one-time secret is wrong for this channel" in result.stderr
    assert not (out / "certificate.pem").exists()


def test_a_server_without_the_pinned_certificate_is_refused(shop: Shop, tmp_path: Path) -> None:
    words = (shop.url, "--label", "stations", "--trust", "sha256:" + "0" * 64, "--out", str(tmp_path / "x"))
    result = typed(*words, "--user", "line-1", KEYWORKS_SECRET="secret")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "--trust" in result.stderr


def test_a_server_that_is_not_there_is_exit_status_3_with_when_to_try_again(tmp_path: Path) -> None:
    words = (*NOWHERE, "--out", str(tmp_path / "x"), "--user", "line-1")
    result = typed(*words, KEYWORKS_SECRET="secret")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "localhost:1 cannot be reached" in result.stderr
    assert "Try again in 5 s." in result.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--credential-key", "key.pem"), "--credential-key goes with --credential"),
        (("--credential", "c.pem", "--secret-file", "s"), "not both"),
        (("--secret-file", "-"), "Say whose secret it is"),
        (("--wait", "-1"), "--wait"),
        (("--key-type", "P-255"), "P-256"),
        (("--secret", "word"), "No such option"),
    ],
)
def test_a_wrong_command_line_is_exit_status_2(words: tuple[str, ...], says: str) -> None:
    result = typed(*NOWHERE, *words, stdin="secret")
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--subject", "line-1"), "no part of a subject"),
        (("--label", "Idevid"), "cannot be a label"),
        (("--key", "missing.key"), "missing.key cannot be read"),
        (("--credential", "missing.pem"), "missing.pem cannot be read"),
        (("--user", "line-1", "--secret-file", "-"), "no secret in --secret-file"),
        (("--label", "cacerts"), "word of an enrollment protocol"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_sent(
    tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    given = (*NOWHERE, "--out", str(tmp_path / "x"), *words)
    result = typed(*given, stdin=" \n")
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    assert says in result.stderr
    assert not (tmp_path / "x").exists()
