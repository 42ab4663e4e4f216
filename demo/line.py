"""What happens on the line and at the plant: devices make keys, and get their certificates over EST."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo.factory import STATION, Factory, serial_number
from keyworks import oids
from keyworks.access.credential import BasicCredentials
from keyworks.enroll.answer import Granted
from keyworks.enroll.credential import ClientCertificate
from keyworks.enroll.est import EnrollmentClient
from keyworks.enroll.issued import Issued, check_issued
from keyworks.enroll.persistence import Persistence
from keyworks.keys.software import SoftwareSigner, make_private_key, signer_of
from keyworks.server.running import RunningServer
from keyworks.x509.certificate import pem_of
from keyworks.x509.name import Name
from keyworks.x509.request import encode_certification_request

_AT_A_TIME: Final = 16


@dataclass(frozen=True, slots=True)
class Produced:
    """What the line made.

    Args:
        first: The first device, with its key: the one that is commissioned.
        seconds: From the first request to the last certificate.
    """

    first: ClientCertificate
    seconds: float


async def produce(
    factory: Factory, server: RunningServer, devices: int, progress: Callable[[int], None]
) -> Produced:
    """Give every registered device its IDevID, and keep the certificates as files.

    Args:
        factory: Where.
        server: The supplier's.
        devices: How many.
        progress: Called with 1 for each.
    """
    station = await _station(factory, server)
    folder = factory.folder / "idevid"
    folder.mkdir()
    persistence = Persistence(connections=_AT_A_TIME)
    made: dict[int, ClientCertificate] = {}
    numbers = iter(range(1, devices + 1))
    begun = time.perf_counter()
    async with EnrollmentClient(
        server.enrollment, "idevid", factory.supplier_trust, station, persistence
    ) as client:
        authorities = await client.cacerts()

        async def work() -> None:
            for number in numbers:
                device = serial_number(number)
                signer, request = await _new_request(Name.of((oids.SERIAL_NUMBER, device)))
                issued = _checked(await client.simpleenroll(request), signer, authorities)
                (folder / f"{device}.pem").write_text(pem_of(issued.certificate.der))
                if number == 1:
                    made[number] = ClientCertificate(issued.chain, signer)
                progress(1)

        await asyncio.gather(*(work() for _ in range(_AT_A_TIME)))
    return Produced(made[1], time.perf_counter() - begun)


async def _station(factory: Factory, server: RunningServer) -> ClientCertificate:
    """Return the station's own certificate, got for its one-time secret."""
    new = factory.station
    credentials = BasicCredentials(new.name, new.secret)
    signer, request = await _new_request(Name.of((oids.COMMON_NAME, STATION)))
    async with EnrollmentClient(
        server.enrollment, new.enrolls_at, factory.supplier_trust, credentials
    ) as client:
        issued = _checked(await client.simpleenroll(request), signer, await client.cacerts())
    return ClientCertificate(issued.chain, signer)


async def commission(factory: Factory, server: RunningServer, device: ClientCertificate) -> tuple[Path, Path]:
    """Give a device its LDevID at the operator's, for its IDevID; then a second one for the first.

    Returns:
        The files of both certificates.
    """
    folder = factory.folder / "ldevid"
    folder.mkdir()
    signer, request = await _new_request(Name.of((oids.SERIAL_NUMBER, serial_number(1))))
    async with EnrollmentClient(server.enrollment, "ldevid", factory.operator_trust, device) as client:
        authorities = await client.cacerts()
        ldevid = _checked(await client.simpleenroll(request), signer, authorities)
    own = ClientCertificate(ldevid.chain, signer)
    signer, request = await _new_request(ldevid.certificate.subject)
    async with EnrollmentClient(server.enrollment, "ldevid", factory.operator_trust, own) as client:
        renewed = _checked(await client.simplereenroll(request), signer, authorities)
    files = folder / "first.pem", folder / "renewed.pem"
    for file, issued in zip(files, (ldevid, renewed), strict=True):
        file.write_text(pem_of(issued.certificate.der))
    return files


async def _new_request(subject: Name) -> tuple[SoftwareSigner, bytes]:
    signer = signer_of(make_private_key("P-256"))
    return signer, await encode_certification_request(subject, signer)


def _checked(granted: Granted, signer: SoftwareSigner, authorities: tuple[bytes, ...]) -> Issued:
    return check_issued(granted, signer.public_key, authorities, at=int(time.time()))
