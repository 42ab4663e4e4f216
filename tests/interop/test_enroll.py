"""Our client as devices and stations run it: two real servers without a common root, OpenSSL as judge."""

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from keyworks import oids
from keyworks.access.credential import BasicCredentials
from keyworks.access.principal import Kind
from keyworks.enroll.credential import ClientCertificate
from keyworks.enroll.est import EnrollmentClient
from keyworks.enroll.issued import Issued, check_issued
from keyworks.enroll.persistence import Persistence
from keyworks.enroll.trust import Address, Anchors, presented_by
from keyworks.server.running import running_server
from keyworks.service.anchors import add_anchor
from keyworks.service.installation import Installation, open_installation
from keyworks.service.inventory import add_devices
from keyworks.service.server_certificate import server_certificate
from keyworks.service.setup import create_installation
from keyworks.service.stations import add_station
from keyworks.store.clock import SystemClock
from keyworks.testing import small_installation, software_signer
from keyworks.x509.certificate import pem_of
from keyworks.x509.name import EMPTY_NAME, Name
from keyworks.x509.request import encode_certification_request


@dataclass(frozen=True)
class Party:
    """An organization with its running server.

    Args:
        home: Its installation's folder.
        url: Of its enrollment listener.
        root: Of its own server and stations, DER.
    """

    home: Path
    url: str
    root: bytes


@dataclass(frozen=True)
class Story:
    """Who takes part."""

    supplier: Party
    operator: Party
    secret: str


async def _create(home: Path, preset: str) -> bytes:
    await create_installation(small_installation(home, preset), SystemClock())
    async with open_installation(home) as installation:
        return (await server_certificate(installation)).chain[-1]


async def _prepare(supplier: Path, operator: Path) -> str:
    """Register a station and a device at the supplier, the supplier and that device at the operator."""
    installation: Installation
    async with open_installation(supplier) as installation:
        secret = (await add_station(installation, "line-1", ("idevid",))).secret
        await add_devices(installation, "Example Supplier", "Pump", ["SN-1"])
        register, _ = await installation.registers.current()
        authority = register.channel("idevid").authority_id
        idevid_root = register.current_generation(authority).issuer.chain[-1]
    async with open_installation(operator) as installation:
        pem = pem_of(idevid_root).encode()
        await add_anchor(installation, "supplier", pem, Kind.DEVICE, "Example Supplier")
        await add_devices(installation, "Example Supplier", "Pump", ["SN-1"])
    return secret


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("enroll")
    roots = {preset: asyncio.run(_create(folder / preset, preset)) for preset in ("supplier", "operator")}
    secret = asyncio.run(_prepare(folder / "supplier", folder / "operator"))
    with running_server(folder / "supplier") as first, running_server(folder / "operator") as second:
        yield Story(
            Party(folder / "supplier", first.enrollment, roots["supplier"]),
            Party(folder / "operator", second.enrollment, roots["operator"]),
            secret,
        )


def _enroll(folder: Path, *words: str, stdin: str = "") -> dict[str, Any]:
    command = [sys.executable, "-m", "keyworks", "enroll", *words, "--json"]
    done = subprocess.run(
        command, cwd=folder, input=stdin, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _openssl(*words: str) -> str:
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _judge(folder: Path) -> None:
    """Let OpenSSL say that a pair fits, and that its chain leads to the channel's root."""
    chain, leaf = str(folder / "chain.pem"), str(folder / "certificate.pem")
    verified = _openssl(
        "verify", "-x509_strict", "-CAfile", str(folder / "cacerts.pem"), "-untrusted", chain, leaf
    )
    assert verified.endswith(": OK\n")
    public = _openssl("x509", "-in", leaf, "-noout", "-pubkey")
    assert _openssl("pkey", "-in", str(folder / "key.pem"), "-pubout") == public


def test_a_device_gets_its_idevid_on_the_line_and_its_ldevid_from_a_stranger(
    story: Story, tmp_path: Path
) -> None:
    """RFC 7030 §4.2.1, §4.2.2; IEEE 802.1AR-2018: one identity for life, others for the owners."""
    supplier, operator = story.supplier, story.operator
    pin = ("--trust", f"sha256:{hashlib.sha256(supplier.root).hexdigest()}")
    secret = ("--subject", "CN=line-1", "--secret-file", "-")
    _enroll(
        tmp_path, supplier.url, "--label", "stations", *pin, "--out", "station", *secret, stdin=story.secret
    )
    device = ("--subject", "serialNumber=SN-1", "--credential", "station", "--out", "idevid")
    idevid = _enroll(tmp_path, supplier.url, "--label", "idevid", *pin, *device)
    (tmp_path / "plant.pem").write_text(pem_of(operator.root))
    words = (
        operator.url,
        "--label",
        "ldevid",
        "--trust",
        "plant.pem",
        "--credential",
        "idevid",
        "--out",
        "ldevid",
    )
    ldevid = _enroll(tmp_path, *words)
    repeated = _enroll(tmp_path, *words)
    renewed = _enroll(tmp_path, *words, "--force")
    for folder in ("station", "idevid", "ldevid"):
        _judge(tmp_path / folder)
    assert idevid["subject"] == "serialNumber=SN-1,CN=SN-1,OU=Pump,O=Example Supplier"
    assert (idevid["not_after"], idevid["renew_at"]) == ("9999-12-31T23:59:59Z", None)
    assert ldevid["subject"] == "serialNumber=SN-1,CN=SN-1,OU=Pump,OU=Example Supplier,O=Example Operator"
    assert repeated == ldevid | {"result": "kept"}
    assert renewed["result"] == "renewed"
    assert renewed["subject"] == ldevid["subject"]
    assert renewed["serial_number"] != ldevid["serial_number"]


async def test_a_station_enrolls_many_devices_at_a_time_over_few_connections(story: Story) -> None:
    """Each gets the certificate for its own key, whatever is under way beside it."""
    numbers = [f"SN-{number}" for number in range(100, 140)]
    async with open_installation(story.supplier.home) as installation:
        await add_devices(installation, "Example Supplier", "Pump", numbers)
        new = await add_station(installation, "line-2", ("idevid",))
    trust, url = Anchors((story.supplier.root,)), story.supplier.url
    signer = software_signer()
    async with EnrollmentClient(url, "stations", trust, BasicCredentials("line-2", new.secret)) as client:
        granted = await client.simpleenroll(await encode_certification_request(EMPTY_NAME, signer))
    station = ClientCertificate((granted.der,), signer)
    async with EnrollmentClient(url, "idevid", trust, station, Persistence(connections=4)) as client:
        authorities = await client.cacerts()

        async def enroll(number: str) -> Issued:
            own = software_signer()
            request = await encode_certification_request(Name.of((oids.SERIAL_NUMBER, number)), own)
            issued = await client.simpleenroll(request)
            return check_issued(issued, own.public_key, authorities, at=SystemClock().now())

        found = await asyncio.gather(*(enroll(number) for number in numbers))
    certified = [one.certificate.subject.values(oids.SERIAL_NUMBER) for one in found]
    assert certified == [(number,) for number in numbers]


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_the_chain_of_a_foreign_server_is_read_in_every_version_of_tls(tmp_path: Path, version: str) -> None:
    """RFC 8446 §4.4.2, RFC 5246 §7.4.2: the chain is presented in both, in the clear or not."""
    pair = ("-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "server.pem"))
    _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", *pair)
    served = ("-key", str(tmp_path / "key.pem"), "-cert", str(tmp_path / "server.pem"))
    command = ["openssl", "s_server", "-accept", "127.0.0.1:0", version, *served]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            accepts = next(line for line in server.stdout if line.startswith("ACCEPT"))
            port = int(accepts.rpartition(":")[2])
            chain = asyncio.run(presented_by(Address("127.0.0.1", port)))
        finally:
            server.kill()
    fingerprint = hashlib.sha256(chain[0]).hexdigest().upper()
    printed = _openssl("x509", "-in", str(tmp_path / "server.pem"), "-noout", "-fingerprint", "-sha256")
    assert printed.strip().rpartition("=")[2].replace(":", "") == fingerprint
