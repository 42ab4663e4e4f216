"""What pkilint, an independent linter, says about a certificate of every profile."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from keyworks import oids
from keyworks.access.principal import Kind
from keyworks.algorithms.registry import KEY_TYPES
from keyworks.authority.library import PROFILES
from keyworks.authority.status import Filter
from keyworks.service.anchors import add_anchor
from keyworks.service.authorities import find_generation
from keyworks.service.certificates import certificates
from keyworks.service.installation import open_installation
from keyworks.service.inventory import add_devices
from keyworks.service.setup import create_installation
from keyworks.testing import EnrollmentDesk, FixedClock, Holder, small_installation, software_signer
from keyworks.x509 import extensions as x
from keyworks.x509.certificate import ders_of, pem_of
from keyworks.x509.name import Name

TOLERATED: Final = frozenset({"INFO", "NOTICE", "DEBUG"})
"""Severities below WARNING."""

MADE: Final = "pkix.subject_key_identifier_rfc7093_method_1_identified"
"""A remark on every certificate of ours: its presence shows that the report was really made."""

CA_USAGE: Final = frozenset({"keyCertSign", "cRLSign"})
IDEVID_KEYS: Final = ("P-256", "P-384", "P-521", "Ed25519", "Ed448", "ML-DSA-44", "rsa-2048")


async def _supplier(home: Path) -> tuple[dict[str, bytes], Holder, bytes]:
    """Return a supplier's certificates by what they are, a device of its own, and its IDevID root."""
    # A host name without a dot, such as localhost, is right but none that pkilint knows.
    new = replace(small_installation(home, "supplier"), names=("est.supplier.example", "192.0.2.1"))
    await create_installation(new, FixedClock())
    async with open_installation(home, FixedClock()) as supplier:
        await add_devices(supplier, "Maker", "Drive", [f"SN-{number}" for number, _ in enumerate(IDEVID_KEYS)])
        desk = EnrollmentDesk(supplier)
        station = await desk.station("line-1", "idevid")
        devices = [
            await desk.enroll(
                "idevid",
                Name.of((oids.SERIAL_NUMBER, f"SN-{number}")),
                by=station,
                signer=software_signer(key_type),
            )
            for number, key_type in enumerate(IDEVID_KEYS)
        ]
        found = {
            one.profile: one.der for one in await certificates(supplier, Filter()) if one.profile != "idevid"
        }
        found |= {f"idevid of {kind}": one.issued.der for kind, one in zip(IDEVID_KEYS, devices, strict=True)}
        root = (await find_generation(supplier, "idevid-root")).certificate.der
        return found, devices[0], root


async def _operator(home: Path, device: Holder, anchor: bytes) -> dict[str, bytes]:
    await create_installation(small_installation(home, "operator"), FixedClock())
    async with open_installation(home, FixedClock()) as operator:
        await add_anchor(operator, "maker", pem_of(anchor).encode(), Kind.DEVICE, "Maker")
        await add_devices(operator, "Maker", "Drive", ["SN-0"])
        ldevid = await EnrollmentDesk(operator).enroll("ldevid", by=device)
        return {"ldevid": ldevid.issued.der}


async def _issue_all(folder: Path) -> dict[str, bytes]:
    found, device, anchor = await _supplier(folder / "supplier")
    return found | await _operator(folder / "operator", device, anchor)


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """One certificate of every profile, and an IDevID for keys of every kind, as files."""
    folder = tmp_path_factory.mktemp("pkilint")
    files = {}
    for name, der in asyncio.run(_issue_all(folder)).items():
        files[name] = folder / f"{name.replace(' ', '-')}.pem"
        files[name].write_text(pem_of(der))
    return files


def findings(file: Path) -> dict[str, str]:
    """Return pkilint's findings on a certificate, each with its severity."""
    linter = str(Path(sys.executable).with_name("lint_pkix_cert"))
    command = [linter, "lint", "-s", "INFO", "-f", "JSON", str(file)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    described = [one for result in json.loads(done.stdout)["results"] for one in result["finding_descriptions"]]
    assert (done.returncode, done.stderr) == (len(described), b"")
    return {one["code"]: one["severity"] for one in described}


def test_there_is_a_certificate_of_every_profile(issued: Mapping[str, Path]) -> None:
    assert {name.partition(" ")[0] for name in issued} == PROFILES.keys()
    assert set(IDEVID_KEYS) <= set(KEY_TYPES)


@pytest.mark.parametrize(
    "name", [*(name for name in PROFILES if name != "idevid"), *(f"idevid of {kind}" for kind in IDEVID_KEYS)]
)
def test_pkilint_has_nothing_to_warn_of(issued: Mapping[str, Path], name: str) -> None:
    found = findings(issued[name])
    assert MADE in found
    assert {code: severity for code, severity in found.items() if severity not in TOLERATED} == {}


def test_pkilint_warns_of_a_certificate_that_is_wrong(issued: Mapping[str, Path], tmp_path: Path) -> None:
    """The same run finds fault with a CA whose keyUsage allows no certificate signatures."""
    [der] = ders_of(issued["issuing"].read_bytes())
    right, other = (x.key_usage(frozenset(names)).value for names in (CA_USAGE, {"digitalSignature"}))
    assert der.count(right) == 1
    wrong = tmp_path / "wrong.pem"
    wrong.write_text(pem_of(der.replace(right, other)))
    assert "ERROR" in findings(wrong).values()
