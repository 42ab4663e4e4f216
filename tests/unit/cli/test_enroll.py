"""``keyworks enroll``, typed against a server in processes of its own."""

import asyncio
import json
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from keyworks.enroll.credential import private_key_pem
from keyworks.oids import COMMON_NAME
from keyworks.store.clock import SystemClock
from keyworks.testing import FixedClock, software_signer
from keyworks.x509.certificate import Certificate, ders_of, pem_of
from keyworks.x509.name import Name
from keyworks.x509.request import encode_certification_request
from tests.unit.cli.shop import NOWHERE, Shop, enrolled, made_elsewhere, typed


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


def test_a_station_passes_a_device_s_request_on_and_gets_the_same_certificate_again(
    shop: Shop, line: tuple[str, ...], tmp_path: Path
) -> None:
    asyncio.run(shop.device("SN-2"))
    csr, out = tmp_path / "SN-2.csr", tmp_path / "SN-2.pem"
    signer = made_elsewhere(csr, "SN-2")
    before = set(tmp_path.iterdir())
    said = typed(*line, "--csr", str(csr), "--out", str(out))
    assert said.exit_code == 0, said.output
    first, lasts, where = said.stdout.splitlines()
    assert first.startswith("Enrolled 'serialNumber=SN-2,")
    assert lasts == "It never expires and is never renewed."
    assert where == f"In {out}: the certificate, then its issuers without the root."
    chain = [Certificate.parse(der) for der in ders_of(out.read_bytes())]
    assert chain[0].public_key == signer.public_key
    assert [one.issuer for one in chain[:-1]] == [one.subject for one in chain[1:]]
    assert chain[-1].issuer != chain[-1].subject
    assert set(tmp_path.iterdir()) - before == {out}
    written = out.read_text()
    pem = pem_of(csr.read_bytes(), "CERTIFICATE REQUEST")
    piped = typed(*line, "--csr", "-", stdin=pem)
    assert (piped.exit_code, piped.stdout) == (0, written)
    assert piped.stderr == f"{first}\n{lasts}\n"
    again = typed(*line, "--csr", str(csr), "--out", str(out), "--json")
    assert json.loads(again.stdout) == {
        "result": "enrolled",
        "subject": chain[0].subject.text,
        "issuer": chain[0].issuer.text,
        "serial_number": f"{chain[0].serial_number:x}",
        "fingerprint": f"sha256:{chain[0].fingerprint.hex()}",
        "not_after": "9999-12-31T23:59:59Z",
        "renew_at": None,
        "superseded": [],
        "file": str(out),
        "pem": written,
    }
    assert out.read_text() == written


def test_a_station_is_told_whose_identity_it_has_ended(
    line: tuple[str, ...], shop: Shop, tmp_path: Path
) -> None:
    """A mistyped serial number is another device's, and that one is certified anew."""
    asyncio.run(shop.device("SN-3"))
    asked = (*line, "--subject", "serialNumber=SN-3")
    first = json.loads(typed(*asked, "--out", str(tmp_path / "SN-3"), "--json").stdout)
    mistaken = typed(*asked, "--out", str(tmp_path / "SN-4"))
    assert mistaken.stdout.splitlines()[1] == (
        f"It replaces certificate {first['serial_number']}, which is revoked now."
    )
    csr = tmp_path / "SN-3.csr"
    made_elsewhere(csr, "SN-3")
    passed_on = json.loads(typed(*line, "--csr", str(csr), "--json").stdout)
    leaf = Certificate.parse(ders_of((tmp_path / "SN-4" / "certificate.pem").read_bytes())[0])
    assert (first["superseded"], passed_on["superseded"]) == ([], [f"{leaf.serial_number:x}"])


def test_a_one_time_secret_passes_a_request_on_too_and_its_user_is_the_name_asked_for(
    shop: Shop, tmp_path: Path
) -> None:
    station = shop.station()
    csr = tmp_path / "station.csr"
    subject = Name.of((COMMON_NAME, station.name))
    csr.write_bytes(asyncio.run(encode_certification_request(subject, software_signer())))
    words = (shop.url, "--label", "stations", "--trust", shop.pin, "--csr", str(csr), "--out", "-")
    result = typed(*words, "--secret-file", "-", "--json", stdin=station.secret)
    document = json.loads(result.stdout)
    assert (document["subject"], document["file"]) == (f"CN={station.name},O=Example Supplier", None)
    assert ders_of(document["pem"].encode())
    assert document["renew_at"] < document["not_after"]


def test_a_refused_request_leaves_no_file(line: tuple[str, ...], tmp_path: Path) -> None:
    csr, out = tmp_path / "SN-9.csr", tmp_path / "SN-9.pem"
    made_elsewhere(csr, "SN-9")
    result = typed(*line, "--csr", str(csr), "--out", str(out))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "No device with serial number 'SN-9' is registered" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--subject", "CN=x"), "--subject does not go with --csr: the request says which names"),
        (("--key", "x.key"), "--key does not go with --csr: the key stays"),
        (("--key-type", "P-256"), "--key-type does not go with --csr: the key stays"),
        (("--force",), "--force does not go with --csr: to renew a certificate, pass on a new request."),
        (("--csr", "another.csr"), "Give one --csr; repeat the command"),
        (("--out", "."), "with --csr, --out names the file"),
        ((), "Say who passes the request on"),
    ],
)
def test_what_contradicts_a_request_is_exit_status_2(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    csr = tmp_path / "SN-1.csr"
    made_elsewhere(csr, "SN-1")
    who = ("--user", "line-1", "--secret-file", "-") if words else ()
    result = typed(*NOWHERE, "--csr", str(csr), *who, *words, stdin="secret")
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--csr", "-", "--secret-file", "-"), "cannot both be standard input"),
        (("--out", "-", "--secret-file", "-", "--user", "line-1"), "An identity needs a folder"),
    ],
)
def test_a_stream_is_for_one_thing(words: tuple[str, ...], says: str) -> None:
    result = typed(*NOWHERE, *words, stdin="secret")
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("SN-1.key", "is something else than certificates"),
        ("bundle.pem", "is something else than certificates"),
        ("SN-1.csr", "is something else than certificates"),
        ("pipe", "is something else than certificates"),
        ("missing/SN-1.pem", "its folder is not there"),
        ("empty.pem", "cannot be reached"),
        ("old.pem", "cannot be reached"),
    ],
)
def test_a_certificate_takes_the_place_of_nothing_but_certificates(
    tmp_path: Path, file: str, says: str
) -> None:
    made_elsewhere(tmp_path / "SN-1.csr", "SN-1")
    key = private_key_pem(software_signer().private)
    pem = pem_of(b"old").encode()
    present = {"SN-1.key": key, "bundle.pem": pem + key, "empty.pem": b"", "old.pem": pem + pem}
    for name, octets in present.items():
        (tmp_path / name).write_bytes(octets)
    os.mkfifo(tmp_path / "pipe")
    words = ("--csr", str(tmp_path / "SN-1.csr"), "--out", str(tmp_path / file), "--user", "line-1")
    result = typed(*NOWHERE, *words, KEYWORKS_SECRET="secret")
    assert (result.exit_code, result.stdout) in ((1, ""), (3, ""))
    assert says in result.stderr
    assert {name: (tmp_path / name).read_bytes() for name in present} == present


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (None, "x.csr cannot be read"),
        (b"junk", "x.csr cannot be passed on: It holds no certification request"),
        (pem_of(b"x").encode(), "x.csr cannot be passed on: It holds CERTIFICATE"),
        (bytes(1024 * 1024), "x.csr is larger than"),
    ],
)
def test_a_request_that_cannot_be_passed_on_is_told_with_its_file(
    tmp_path: Path, octets: bytes | None, says: str
) -> None:
    if octets is not None:
        (tmp_path / "x.csr").write_bytes(octets)
    result = typed(*NOWHERE, "--csr", str(tmp_path / "x.csr"), "--user", "u", KEYWORKS_SECRET="secret")
    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr


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
