"""``keyworks enroll``, typed against a server in processes of its own."""

import asyncio
import stat
from pathlib import Path

import pytest

from keyworks.enroll.credential import private_key_pem
from keyworks.testing import software_signer
from keyworks.x509.certificate import Certificate, ders_of, pem_of
from tests.unit.cli.shop import NOWHERE, Shop, enrolled, typed


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


@pytest.mark.parametrize("trust", ["pin", "file"])
def test_a_port_without_tls_is_exit_status_1_because_it_stays_one(
    shop: Shop, tmp_path: Path, trust: str
) -> None:
    """Such as the same server's for publication."""
    (tmp_path / "root.pem").write_text(pem_of(shop.root.der))
    url = shop.publication.replace("http:", "https:")
    named = shop.pin if trust == "pin" else str(tmp_path / "root.pem")
    words = (url, "--label", "stations", "--trust", named, "--out", str(tmp_path / "x"), "--user", "line-1")
    result = typed(*words, KEYWORKS_SECRET="secret")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "does not speak TLS as it should; check host and port" in result.stderr


def test_a_server_that_is_not_there_is_exit_status_3_with_when_to_try_again(tmp_path: Path) -> None:
    words = (*NOWHERE, "--out", str(tmp_path / "x"), "--user", "line-1")
    result = typed(*words, KEYWORKS_SECRET="secret")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "localhost:1 cannot be reached" in result.stderr
    assert "Try again in 5 s." in result.stderr
