"""What pkilint, an independent linter, says about a certificate of every profile."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from keyworks.algorithms.registry import KEY_TYPES
from keyworks.authority.library import PROFILES
from keyworks.authority.name_rules import Facts
from keyworks.authority.naming import certified
from keyworks.authority.order import Order, Replacement, Requester
from keyworks.authority.profile import Profile
from keyworks.service.authorities import find_generation
from keyworks.service.installation import Installation, open_installation
from keyworks.service.setup import create_installation
from keyworks.testing import FixedClock, small_installation, software_signer
from keyworks.x509 import extensions as x
from keyworks.x509.certificate import ders_of, pem_of

TOLERATED: Final = frozenset({"INFO", "NOTICE", "DEBUG"})
"""Severities below WARNING."""

EXCEPTIONS: Final[Mapping[str, dict[str, str]]] = {
    name: {"pkix.invalid_uri_syntax": "ERROR"}
    for name, profile in PROFILES.items()
    if ("uri", "{uri}") in profile.names.alternative
}
"""pkilint takes no URI for one that has no authority part, as ``urn:`` has none (RFC 8141 §2)."""

MADE: Final = "pkix.subject_key_identifier_rfc7093_method_1_identified"
"""A remark on every certificate of ours: its presence shows that the report was really made."""

CA_USAGE: Final = frozenset({"keyCertSign", "cRLSign"})
IDEVID_KEYS: Final = ("P-256", "P-384", "P-521", "Ed25519", "Ed448", "ML-DSA-44", "rsa-2048")
NAMES: Final = Facts(
    {
        "organization": "Example Plant",
        "manufacturer": "Example Drives",
        "product": "PX-200",
        "serial_number": "SN-000001",
        "name": "example-1",
    },
    {
        # A host name without a dot, such as localhost, is right but none that pkilint knows.
        "dns": ("px-1.plant.example",),
        "ip": ("192.0.2.7", "2001:db8::7"),
        "uri": ("urn:plant.example:px-200:SN-000001",),
        "email": ("example-1@plant.example",),
        "upn": ("example-1@plant.example",),
    },
)


def wanted() -> Iterator[tuple[str, Profile, str]]:
    """Yield what is issued: its name here, profile and key type."""
    for name, profile in PROFILES.items():
        if name == "idevid":
            yield from ((f"idevid of {key_type}", profile, key_type) for key_type in IDEVID_KEYS)
        elif not profile.ca:
            yield name, profile, "P-256" if profile.keys else "rsa-3072"


async def _issue(installation: Installation, name: str, profile: Profile, key_type: str) -> bytes:
    authority = "idevid-issuing" if profile.base == "idevid" else "issuing"
    order = Order(
        issuer=(await find_generation(installation, authority)).issuer,
        profile=profile,
        wanted=certified(profile, NAMES),
        public_key=software_signer(key_type).public_key,
        owner=f"service:{name}",
        replacement=Replacement.KEEP,
        requester=Requester("service:test", "local"),
    )
    return (await installation.path.issue(order)).der


async def _issue_all(folder: Path) -> dict[str, bytes]:
    await create_installation(small_installation(folder / "supplier", "supplier"), FixedClock())
    async with open_installation(folder / "supplier", FixedClock()) as installation:
        found = {
            name: (await find_generation(installation, name)).certificate.der
            for name, profile in PROFILES.items()
            if profile.ca
        }
        for name, profile, key_type in wanted():
            found[name] = await _issue(installation, name, profile, key_type)
        own = replace(
            PROFILES["idevid"],
            names=replace(
                PROFILES["idevid"].names,
                alternative=(("hardware_module", "1.3.6.1.4.1.99999.1:{serial_number}"),),
            ),
            masa_url="https://masa.example/px",
        )
        found["idevid with hardware module and MASA"] = await _issue(installation, "own", own, "P-256")
    return found


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
    "name",
    [
        *(name for name, profile in PROFILES.items() if profile.ca),
        *(name for name, _, _ in wanted()),
        "idevid with hardware module and MASA",
    ],
)
def test_pkilint_has_nothing_to_warn_of(issued: Mapping[str, Path], name: str) -> None:
    found = findings(issued[name])
    assert MADE in found
    warned = {code: severity for code, severity in found.items() if severity not in TOLERATED}
    assert warned == EXCEPTIONS.get(name, {})


def test_pkilint_warns_of_a_certificate_that_is_wrong(issued: Mapping[str, Path], tmp_path: Path) -> None:
    """The same run finds fault with a CA whose keyUsage allows no certificate signatures."""
    [der] = ders_of(issued["issuing"].read_bytes())
    right, other = (x.key_usage(frozenset(names)).value for names in (CA_USAGE, {"digitalSignature"}))
    assert der.count(right) == 1
    wrong = tmp_path / "wrong.pem"
    wrong.write_text(pem_of(der.replace(right, other)))
    assert "ERROR" in findings(wrong).values()
