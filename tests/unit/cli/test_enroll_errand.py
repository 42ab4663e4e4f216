"""``keyworks enroll --csr``, typed against a server in processes of its own."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from keyworks.enroll.credential import private_key_pem
from keyworks.oids import COMMON_NAME
from keyworks.testing import software_signer
from keyworks.x509.certificate import Certificate, ders_of, pem_of
from keyworks.x509.name import Name
from keyworks.x509.request import encode_certification_request
from tests.unit.cli.shop import NOWHERE, Shop, made_elsewhere, typed


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
        (("--server-key",), "--server-key does not go with --csr: the key stays"),
        (("--bind",), "--bind does not go with --csr: who made the request"),
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
