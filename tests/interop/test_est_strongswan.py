"""strongSwan's EST client, which knows no labels: it gets along with the default channel."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from keyworks.server.running import running_server
from keyworks.service.accounts import NewSecret
from keyworks.service.authorities import find_generation, root_of
from keyworks.service.channels import set_default_channel
from keyworks.service.installation import open_installation
from keyworks.service.policy.preset import preset
from keyworks.service.setup import create_installation
from keyworks.service.stations import add_station
from keyworks.testing import small_installation
from keyworks.x509.certificate import Certificate, ders_of, pem_of

# strongSwan looks for a CRL before it enrolls; nobody listens there, and it goes on.
_NOBODY = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Shop:
    """A supplier whose default channel gives stations their certificates.

    Args:
        folder: For files; ``root.pem`` is there.
        url: Of the enrollment listener.
        station: With its one-time secret.
        root: The supplier's.
    """

    folder: Path
    url: str
    station: NewSecret
    root: Certificate

    def pki(self, *arguments: str) -> bytes:
        """Run strongSwan's ``pki`` and return what it prints."""
        done = subprocess.run(
            ["pki", *arguments],
            capture_output=True,
            check=False,
            timeout=60,
            cwd=self.folder,
            env={**os.environ, "LANG": "C"},
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def key_and_request(self, name: str) -> None:
        """Make ``NAME.key`` and ``NAME.csr``."""
        (self.folder / f"{name}.key").write_bytes(self.pki("--gen", "--type", "ecdsa", "--outform", "pem"))
        request = self.pki(
            "--req", "--type", "priv", "--in", f"{name}.key", "--dn", "O=Example Supplier, CN=line-1"
        )
        (self.folder / f"{name}.csr").write_bytes(request)

    def enroll(self, name: str, *credential: str) -> Certificate:
        """Ask for a certificate for ``NAME.csr``, keep it as ``NAME.pem`` and return it."""
        asked = ("--est", "--url", self.url, "--in", f"{name}.csr", "--cacert", "root.pem", "--outform", "pem")
        pem = self.pki(*asked, *credential)
        (self.folder / f"{name}.pem").write_bytes(pem)
        [der] = ders_of(pem)
        return Certificate.parse(der)


async def _prepare(home: Path) -> tuple[NewSecret, Certificate]:
    factory = preset("supplier", "Example Supplier", _NOBODY)
    await create_installation(replace(small_installation(home, "supplier"), factory=factory))
    async with open_installation(home) as installation:
        await set_default_channel(installation, "stations")
        station = await add_station(installation, "line-1", ["idevid"])
        return station, root_of(await find_generation(installation, "issuing"))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    station, root = asyncio.run(_prepare(tmp_path / "supplier"))
    (tmp_path / "root.pem").write_text(pem_of(root.der))
    with running_server(tmp_path / "supplier") as server:
        yield Shop(tmp_path, server.enrollment.replace("127.0.0.1", "localhost"), station, root)


def test_it_finds_the_authorities_of_the_default_channel(shop: Shop) -> None:
    """RFC 7030 §4.1.2: cacerts, without a label."""
    shop.pki("--estca", "--url", shop.url, "--cacert", "root.pem", "--caout", "found.pem", "--outform", "pem")
    found = {der for file in shop.folder.glob("found*.pem") for der in ders_of(file.read_bytes())}
    assert shop.root.der in found
    assert len(found) == 2


def test_it_enrolls_with_a_secret_and_renews_with_the_certificate_and_a_new_key(shop: Shop) -> None:
    """RFC 7030 §4.2.1 by HTTP Basic, §4.2.2 by the certificate to be renewed; both without a label."""
    shop.key_and_request("first")
    first = shop.enroll("first", "--userpass", f"line-1:{shop.station.secret}")
    shop.key_and_request("second")
    second = shop.enroll("second", "--cert", "first.pem", "--key", "first.key")
    assert first.subject == second.subject
    assert first.public_key.spki != second.public_key.spki
