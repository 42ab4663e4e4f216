"""A supplier's server in processes of its own, and what stations type there."""

import asyncio
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from keyworks.cli.root import root
from keyworks.keys.software import SoftwareSigner
from keyworks.oids import SERIAL_NUMBER
from keyworks.server.running import running_server
from keyworks.service.accounts import NewSecret
from keyworks.service.installation import Installation, open_installation
from keyworks.service.inventory import add_devices
from keyworks.service.server_certificate import server_certificate
from keyworks.service.setup import create_installation
from keyworks.service.stations import add_station
from keyworks.store.clock import SystemClock
from keyworks.testing import FixedClock, small_installation, software_signer
from keyworks.x509.certificate import Certificate
from keyworks.x509.name import Name
from keyworks.x509.request import encode_certification_request

NOWHERE = ("https://localhost:1", "--label", "stations", "--trust", "sha256:" + "0" * 64)


@dataclass(frozen=True)
class Shop:
    """A supplier's running server."""

    home: Path
    url: str
    publication: str
    root: Certificate

    @property
    def pin(self) -> str:
        return f"sha256:{self.root.fingerprint.hex()}"

    def station(self, name: str = "") -> NewSecret:
        """Register a station, of a new name unless it is given."""
        return asyncio.run(self._station(name or f"line-{secrets.token_hex(4)}"))

    async def _station(self, name: str) -> NewSecret:
        async with open_installation(self.home) as installation:
            return await add_station(installation, name, ("idevid",))

    async def device(self, serial_number: str) -> None:
        """Register a device."""
        async with open_installation(self.home) as installation:
            await add_devices(installation, "Example Supplier", "Pump", [serial_number])


async def _root(home: Path) -> Certificate:
    installation: Installation
    async with open_installation(home) as installation:
        return Certificate.parse((await server_certificate(installation)).chain[-1])


def typed(*words: str, stdin: str | None = None, clock: FixedClock | None = None, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(root, ["enroll", *words], input=stdin, obj=clock)


def enrolled(shop: Shop, out: Path, *words: str, **how: Any) -> dict[str, Any]:
    """Type what a station types, and return what it is told."""
    result = typed(
        *(shop.url, "--label", "stations", "--trust", shop.pin, "--out", str(out), "--json"), *words, **how
    )
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


@contextmanager
def open_shop(home: Path) -> Iterator[Shop]:
    """Create an installation and serve it."""
    asyncio.run(create_installation(small_installation(home, "supplier"), SystemClock()))
    with running_server(home) as server:
        yield Shop(home, server.enrollment, server.publication, asyncio.run(_root(home)))


def made_elsewhere(file: Path, serial_number: str) -> SoftwareSigner:
    """Write a device's request, DER, and return the device's key, which does not leave it otherwise."""
    signer = software_signer()
    subject = Name.of((SERIAL_NUMBER, serial_number))
    file.write_bytes(asyncio.run(encode_certification_request(subject, signer)))
    return signer
