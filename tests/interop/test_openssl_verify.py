"""What `openssl verify -x509_strict` says about every chain that is issued."""

import asyncio
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from keyworks import oids
from keyworks.access.principal import Kind
from keyworks.authority.authorize import Operation
from keyworks.service.anchors import add_anchor
from keyworks.service.authorities import find_generation
from keyworks.service.inventory import add_devices
from keyworks.service.server_certificate import server_certificate
from keyworks.testing import NOON, EnrollmentDesk, FixedClock, Holder, software_signer, throwaway_installation
from keyworks.x509.certificate import pem_of
from keyworks.x509.name import Name

IN_2100: Final = 4102444800
KEYS: Final = ("P-256", "P-384", "P-521", "Ed25519", "Ed448", "rsa-2048")
CLIENTS: Final = ("station", "ldevid", "ldevid renewed", *(f"idevid of {kind}" for kind in KEYS))
SERVERS: Final = ("tls-server", "ldevid", "ldevid renewed")


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain as files: the certificate, those between, and the root."""

    leaf: Path
    between: Path
    root: Path


async def _supplier(home: Path) -> tuple[dict[str, tuple[bytes, ...]], Holder]:
    async with throwaway_installation(home, "supplier", FixedClock()) as supplier:
        await add_devices(supplier, "Maker", "Drive", KEYS)
        desk = EnrollmentDesk(supplier)
        station = await desk.station("line-1", "idevid")
        devices = [
            await desk.enroll(
                "idevid", Name.of((oids.SERIAL_NUMBER, kind)), by=station, signer=software_signer(kind)
            )
            for kind in KEYS
        ]
        chains = {f"idevid of {kind}": _chain(one) for kind, one in zip(KEYS, devices, strict=True)}
        chains["station"] = _chain(station)
        chains["tls-server"] = (await server_certificate(supplier)).chain
        for name in ("issuing", "idevid-issuing"):
            chains[name] = (await find_generation(supplier, name)).issuer.chain
        return chains, devices[0]


async def _operator(home: Path, device: Holder) -> dict[str, tuple[bytes, ...]]:
    async with throwaway_installation(home, "operator", FixedClock()) as operator:
        anchor = pem_of(device.issued.chain[-1]).encode()
        await add_anchor(operator, "maker", anchor, Kind.DEVICE, "Maker")
        await add_devices(operator, "Maker", "Drive", KEYS)
        desk = EnrollmentDesk(operator)
        first = await desk.enroll("ldevid", by=device)
        subject = first.certificate.subject
        second = await desk.enroll("ldevid", subject, by=first, operation=Operation.REENROLL)
        return {"ldevid": _chain(first), "ldevid renewed": _chain(second)}


def _chain(holder: Holder) -> tuple[bytes, ...]:
    return (holder.issued.der, *holder.issued.chain)


async def _issue_all(folder: Path) -> dict[str, tuple[bytes, ...]]:
    chains, device = await _supplier(folder / "supplier")
    return chains | await _operator(folder / "operator", device)


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Chain]:
    """A chain of every kind, as files."""
    folder = tmp_path_factory.mktemp("verify")
    found = {}
    for name, (leaf, *between, root) in asyncio.run(_issue_all(folder)).items():
        place = folder / name.replace(" ", "-")
        place.mkdir()
        found[name] = Chain(place / "leaf.pem", place / "between.pem", place / "root.pem")
        found[name].leaf.write_text(pem_of(leaf))
        found[name].between.write_text("".join(map(pem_of, between)))
        found[name].root.write_text(pem_of(root))
    return found


def verify(chain: Chain, *options: str, root: Path | None = None, at: int = NOON) -> str:
    """Return the first thing that OpenSSL has to say against a chain, or OK."""
    command = ["openssl", "verify", "-x509_strict", "-check_ss_sig", "-no-CApath", "-no-CAstore"]
    command += ["-attime", str(at), "-CAfile", str(root or chain.root), *options]
    if chain.between.stat().st_size:
        command += ["-untrusted", str(chain.between)]
    done = subprocess.run([*command, str(chain.leaf)], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode == 0:
        assert done.stdout == f"{chain.leaf}: OK\n"
        return "OK"
    return next(line.partition(": ")[2] for line in done.stderr.splitlines() if line.startswith("error "))


@pytest.mark.parametrize("name", ["issuing", "idevid-issuing"])
def test_an_issuing_authoritys_chain_verifies(chains: Mapping[str, Chain], name: str) -> None:
    assert verify(chains[name]) == "OK"
    assert verify(chains[name], "-purpose", "sslclient") != "OK"


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_verifies_as_a_client(chains: Mapping[str, Chain], name: str) -> None:
    assert verify(chains[name], "-purpose", "sslclient") == "OK"


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_verifies_as_a_server(chains: Mapping[str, Chain], name: str) -> None:
    assert verify(chains[name], "-purpose", "sslserver") == "OK"


def test_a_server_verifies_for_its_own_names_alone(chains: Mapping[str, Chain]) -> None:
    """RFC 9525 §6: by subjectAltName."""
    server = chains["tls-server"]
    assert verify(server, "-verify_hostname", "localhost") == "OK"
    assert verify(server, "-verify_ip", "127.0.0.1") == "OK"
    assert "hostname mismatch" in verify(server, "-verify_hostname", "supplier")


@pytest.mark.parametrize(("name", "purpose"), [("station", "sslserver"), ("tls-server", "sslclient")])
def test_nobody_verifies_for_another_purpose(chains: Mapping[str, Chain], name: str, purpose: str) -> None:
    assert "unsuitable certificate purpose" in verify(chains[name], "-purpose", purpose)


@pytest.mark.parametrize("kind", KEYS)
def test_an_idevid_verifies_as_long_as_its_device_lives(chains: Mapping[str, Chain], kind: str) -> None:
    """IEEE 802.1AR §8.7: its chain survives the year 9999 in notAfter."""
    assert verify(chains[f"idevid of {kind}"], at=IN_2100) == "OK"
    assert "certificate has expired" in verify(chains["ldevid"], at=IN_2100)


def test_supplier_and_operator_share_no_root(chains: Mapping[str, Chain]) -> None:
    for name, other in (("idevid of P-256", "ldevid"), ("ldevid", "station"), ("station", "idevid of P-256")):
        assert verify(chains[name], root=chains[other].root) != "OK"
