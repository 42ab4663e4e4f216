"""``keyworks enroll`` into a folder that was used before, or by credentials that others can read."""

import asyncio
import json
from pathlib import Path

import pytest

from keyworks.enroll.credential import private_key_pem
from keyworks.testing import software_signer
from tests.unit.cli.shop import Shop, enrolled, typed


def test_the_second_device_into_one_folder_is_refused_and_told_the_remedy(
    line: tuple[str, ...], shop: Shop, tmp_path: Path
) -> None:
    """Not given the first one's identity, with the words that there is nothing to do."""
    asyncio.run(shop.device("F-00301"))
    asyncio.run(shop.device("F-00302"))
    out = tmp_path / "idevid"
    first = typed(*line, "--subject", "serialNumber=F-00301", "--out", str(out))
    assert first.exit_code == 0, first.output
    whole = (out / "certificate.pem").read_bytes()
    second = typed(*line, "--subject", "serialNumber=F-00302", "--out", str(out), "--json")
    assert (second.exit_code, second.stdout) == (1, "")
    assert second.stderr == (
        f"Error: {out} holds the identity of 'serialNumber=F-00301,CN=F-00301,OU=Pump,O=Example Supplier', "
        "not of 'serialNumber=F-00302'; choose another folder (--out), or leave --subject out to keep this "
        "one.\n"
    )
    assert (out / "certificate.pem").read_bytes() == whole


def test_another_key_than_the_one_in_the_folder_is_refused(
    line: tuple[str, ...], shop: Shop, tmp_path: Path
) -> None:
    asyncio.run(shop.device("F-00303"))
    key = tmp_path / "device.key"
    key.write_bytes(private_key_pem(software_signer().private))
    asked = (*line, "--subject", "serialNumber=F-00303", "--out", str(tmp_path / "idevid"))
    assert typed(*asked, "--key", str(key)).exit_code == 0
    assert typed(*asked, "--key", str(key)).exit_code == 0
    key.write_bytes(private_key_pem(software_signer().private))
    for words in (("--key", str(key)), ("--key-type", "P-384")):
        refused = typed(*asked, *words)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert f"leave {words[0]} out to keep this one" in refused.stderr


def test_a_station_that_enrolls_anew_is_told_of_all_that_ends(shop: Shop, tmp_path: Path) -> None:
    """Its renewals have left their predecessors valid."""
    station, first = shop.station(), tmp_path / "first"
    formers = [
        enrolled(shop, first, "--user", station.name, KEYWORKS_SECRET=station.secret)["serial_number"],
        enrolled(shop, first, "--force")["serial_number"],
    ]
    again = shop.station(station.name)
    words = (shop.url, "--label", "stations", "--trust", shop.pin, "--out", str(tmp_path / "second"))
    said = typed(*words, "--user", station.name, KEYWORKS_SECRET=again.secret).stdout
    assert said.splitlines()[1] == f"It replaces certificates {', '.join(formers)}, which are revoked now."


def test_a_damaged_certificate_is_said_to_be_whole_again(shop: Shop, tmp_path: Path) -> None:
    station, out = shop.station(), tmp_path / "station"
    enrolled(shop, out, "--user", station.name, KEYWORKS_SECRET=station.secret)
    (out / "certificate.pem").write_bytes(b"")
    words = (shop.url, "--label", "stations", "--trust", shop.pin, "--out", str(out))
    said = typed(*words)
    assert said.stdout.startswith(
        f"certificate.pem was damaged and is whole again, of 'CN={station.name},O=Example Supplier'"
    )
    (out / "certificate.pem").unlink()
    (out / "certificate.pem").symlink_to("current/certificate.pem")
    (out / "current" / "certificate.pem").unlink()
    assert json.loads(typed(*words, "--json").stdout)["result"] == "repaired"


def warned_of(file: Path) -> str:
    return f"Warning: {file} is open to every user of this machine; close it with `chmod 600 {file}`.\n"


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o666])
def test_a_secret_that_others_can_read_is_used_with_a_warning(shop: Shop, tmp_path: Path, mode: int) -> None:
    station, secret = shop.station(), tmp_path / "secret"
    secret.write_text(station.secret)
    secret.chmod(mode)
    words = (shop.url, "--label", "stations", "--trust", shop.pin, "--out", str(tmp_path / "station"))
    said = typed(*words, "--user", station.name, "--secret-file", str(secret), "--json")
    assert (said.exit_code, said.stderr) == (0, warned_of(secret))
    assert json.loads(said.stdout)["result"] == "enrolled"


def test_keys_that_others_can_read_are_used_with_a_warning_each(
    line: tuple[str, ...], shop: Shop, tmp_path: Path
) -> None:
    """The given one, the credential's in its folder or in a file of its own, and the identity's."""
    asyncio.run(shop.device("F-00304"))
    given, own = tmp_path / "given.key", tmp_path / "station" / "key.pem"
    given.write_bytes(private_key_pem(software_signer().private))
    asked = (*line, "--subject", "serialNumber=F-00304", "--out", str(tmp_path / "idevid"), "--key", str(given))
    given.chmod(0o600)
    assert typed(*asked).stderr == ""
    held = tmp_path / "idevid" / "key.pem"
    for file in (given, own, held):
        file.chmod(0o644)
    assert typed(*asked).stderr == "".join(warned_of(file) for file in (given, own, held))
    in_files = ("--credential", str(own.parent / "chain.pem"), "--credential-key", str(own))
    held.chmod(0o600)
    given.chmod(0o640)
    assert typed(*asked, *in_files).stderr == warned_of(own)
