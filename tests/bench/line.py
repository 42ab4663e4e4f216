"""A supplier with a station and registered devices, and requests that nobody has sent before."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from keyworks import oids
from keyworks.access.credential import BasicCredentials
from keyworks.authority.authenticate import Authenticator
from keyworks.authority.authorize import Operation
from keyworks.authority.enrollment import Attempt, Enrollment
from keyworks.authority.issue import Issued
from keyworks.enroll.credential import ClientCertificate
from keyworks.keys.software import make_private_key, signer_of
from keyworks.ledger.refusals import RefusalCounter
from keyworks.service.installation import Installation
from keyworks.service.inventory import add_devices
from keyworks.service.stations import add_station
from keyworks.store.clock import SystemClock
from keyworks.testing import throwaway_installation
from keyworks.x509.name import Name
from keyworks.x509.request import encode_certification_request
from keyworks.x509.template import parse_certification_request

_AT_A_TIME = 500


def enrollment_of(installation: Installation) -> Enrollment:
    """Return the enrollment of an open installation, as a worker composes it."""
    own = installation
    authenticator = Authenticator(own.store, own.keystore.mac, own.clock)
    return Enrollment(own.store, own.registers, authenticator, own.path, RefusalCounter(), own.clock)


@dataclass(frozen=True, slots=True)
class Line:
    """A production line.

    Args:
        installation: The supplier's, open.
        station: The station's certificate with its key.
    """

    installation: Installation
    station: ClientCertificate


@asynccontextmanager
async def production_line(home: Path) -> AsyncIterator[Line]:
    """Create an installation in ``home`` with one station."""
    async with throwaway_installation(home, "supplier", SystemClock()) as installation:
        new = await add_station(installation, "line-1", ["idevid"])
        signer = signer_of(make_private_key("P-256"))
        request = await encode_certification_request(Name.of((oids.COMMON_NAME, "line-1")), signer)
        secret = BasicCredentials("line-1", new.secret)
        attempt = Attempt(new.enrolls_at, Operation.ENROLL, None, secret, request, "127.0.0.1")
        issued = await enrollment_of(installation).enroll(attempt, parse_certification_request)
        assert isinstance(issued, Issued)
        yield Line(installation, ClientCertificate((issued.der, issued.chain[0]), signer))


async def fresh_requests(installation: Installation, count: int, numbers: Iterator[int]) -> list[bytes]:
    """Register further devices, and return a request for each: DER, every one with a key of its own."""
    serial_numbers = [f"SN-{next(numbers):07}" for _ in range(count)]
    for start in range(0, count, _AT_A_TIME):
        some = serial_numbers[start : start + _AT_A_TIME]
        await add_devices(installation, "Example Supplier", "Controller", some)
    return [
        await encode_certification_request(
            Name.of((oids.SERIAL_NUMBER, one)), signer_of(make_private_key("P-256"))
        )
        for one in serial_numbers
    ]
