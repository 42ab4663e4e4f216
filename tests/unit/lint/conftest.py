"""Good certificates of every profile, to be spoilt."""

import asyncio
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from keyworks import oids
from keyworks.authority.library import PROFILES
from keyworks.authority.profile import Issuer, Wanted, make_tbs
from keyworks.lint import Context
from keyworks.service.installation import open_installation
from keyworks.testing import NOON, FixedClock, HandmadeTBS, software_signer
from keyworks.x509.general_name import SubjectAltName
from keyworks.x509.name import Name
from keyworks.x509.tbs import NO_EXPIRY

_ISSUED_BY = {"issuing": "root", "idevid-issuing": "idevid-root", "idevid": "idevid-issuing"}
_ROOTS = ("root", "idevid-root")
_NAMES = SubjectAltName(
    dns=("server.example",), uri=("urn:example:1",), email=("who@server.example",), upn=("who@server.example",)
)
_SERIAL_NUMBER = (NOON << 80) | 0x8123456789ABCDEF0123


async def _read(home: Path) -> dict[str, Issuer]:
    async with open_installation(home, FixedClock()) as installation:
        register, _ = await installation.registers.current()
        return {known.authority.name: known.issuer for known in register.generations.values()}


@pytest.fixture(scope="session")
def issuers(supplier_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Issuer]:
    """The authorities of a supplier, by name."""
    home = tmp_path_factory.mktemp("lint") / "supplier"
    return asyncio.run(_read(Path(shutil.copytree(supplier_template, home))))


@pytest.fixture(scope="session")
def good(issuers: Mapping[str, Issuer]) -> Callable[[str], tuple[HandmadeTBS, Context]]:
    """Return a right TBS of a profile, and what its rules have to know."""

    def make(profile: str) -> tuple[HandmadeTBS, Context]:
        if profile not in _ROOTS:
            issuer = issuers[_ISSUED_BY.get(profile, "issuing")]
            public_key = software_signer("P-256" if PROFILES[profile].keys else "rsa-3072").public_key
            subject = Name.of((oids.ORGANIZATION_NAME, "Example"), (oids.SERIAL_NUMBER, "SN-1"))
        else:
            own = issuers[profile]
            issuer = replace(own, certificate=None, not_after=NO_EXPIRY, chain=())
            public_key = own.certificate.public_key if own.certificate else software_signer().public_key
            subject = own.name
        names = _NAMES if PROFILES[profile].names.needs else None
        made = make_tbs(PROFILES[profile], Wanted(subject, names), public_key, issuer, _SERIAL_NUMBER, NOON)
        return HandmadeTBS.of(made), Context(profile, issuer.certificate, issuer.publication_url)

    return make
