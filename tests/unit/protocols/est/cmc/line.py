"""A line whose station speaks CMC."""

import base64
from dataclasses import dataclass

from keyworks.authority.enrollment import Enrollment
from keyworks.authority.status import CertificateRecord, find_certificate
from keyworks.protocols.est.endpoint import EST
from keyworks.protocols.est.fullcmc import RESPONSE, FullCMC
from keyworks.protocols.est.serverkeygen import SigningCredential
from keyworks.protocols.exchange import Reply, Request
from keyworks.service.installation import Installation
from keyworks.service.inventory import add_devices
from keyworks.service.server_certificate import server_certificate, server_signer
from keyworks.testing import SOURCE, EnrollmentDesk, Holder
from keyworks.x509.certificate import Certificate
from tests.unit.protocols.est.cmc.messages import Response, Status, by_certificate, response_of
from tests.unit.protocols.est.policed import Policed

SUCCESS = Status("success", None, "", pending=False)


@dataclass
class Line:
    """A supplier's server, with a station that has its certificate."""

    installation: Installation
    desk: EnrollmentDesk
    station: Holder

    def __post_init__(self) -> None:
        self.est = EST(
            self.desk.enrollment,
            full_cmc=FullCMC(self.desk.enrollment, self.credential, self.installation.clock),
        )

    async def credential(self) -> SigningCredential:
        return SigningCredential(*await server_signer(self.installation))

    def request(self, body: bytes, label: str = "idevid") -> Request:
        headers = {"content-type": "application/pkcs7-mime; smime-type=CMC-request"}
        path = f"/.well-known/est/{label}/fullcmc"
        return Request("POST", path, headers, base64.b64encode(body), SOURCE, self.station.presented)

    async def ask(self, body: bytes, label: str = "idevid") -> Reply:
        return await self.est.respond(self.request(body, label))

    async def signed(self, content: bytes) -> bytes:
        return await by_certificate(content, self.station.signer, self.station.issued.der)

    async def answered(self, content: bytes, label: str = "idevid", status: int = 200) -> Response:
        """Return the answer to a content that the station signs."""
        reply = await self.ask(await self.signed(content), label)
        assert (reply.status, reply.content_type) == (status, RESPONSE)
        return response_of(reply.body)

    async def record(self, certificate: Certificate) -> CertificateRecord:
        fingerprint = certificate.fingerprint.hex()
        return await self.desk.store.read(lambda tx: find_certificate(tx, fingerprint))


async def open_line(installation: Installation) -> Line:
    """Return the line of a supplier, with three devices registered."""
    await add_devices(installation, "Example", "Pump", [f"SN-{number}" for number in range(1, 4)])
    await server_certificate(installation)
    desk = EnrollmentDesk(installation)
    return Line(installation, desk, await desk.station("line-1", "idevid"))


def under_policy(line: Line) -> Policed:
    """Let the line's channels have a policy of the test's own, and return where it is set."""
    own = line.desk
    registers = Policed(own.store)
    line.desk.enrollment = Enrollment(
        own.store, registers, own.authenticator, own.path, own.refusals, line.installation.clock
    )
    line.__post_init__()
    return registers
