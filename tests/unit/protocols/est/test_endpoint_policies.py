"""EST on channels whose policy asks for more: approval, bound requests, wrapped answers."""

import base64
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from keyworks.authority.channel import Binding, ChannelPolicy, Encoding
from keyworks.authority.pending import LIFETIME
from keyworks.oids import SERIAL_NUMBER
from keyworks.protocols.est.endpoint import EST
from keyworks.protocols.exchange import Request
from keyworks.service.installation import Installation
from keyworks.service.inventory import add_devices
from keyworks.service.requests import approve_request, list_requests, reject_request
from keyworks.testing import EnrollmentDesk, FixedClock, Holder, software_signer
from keyworks.x509.name import Name
from keyworks.x509.request import encode_certification_request
from tests.unit.authority.policed import Policed, policed

UNIQUE = bytes(range(12))


@dataclass
class Line:
    """A station's channel, its policy, and who decides there."""

    est: EST
    installation: Installation
    registers: Policed
    station: Holder

    async def request(self, label: str = "idevid", password: bytes | None = None) -> Request:
        subject = self.station.certificate.subject if label == "stations" else Name.of((SERIAL_NUMBER, "SN-1"))
        sent = base64.b64encode(password).decode() if password is not None else None
        der = await encode_certification_request(subject, software_signer(), challenge_password=sent)
        operation = "simplereenroll" if label == "stations" else "simpleenroll"
        path, body = f"/.well-known/est/{label}/{operation}", base64.b64encode(der)
        return Request("POST", path, {}, body, "192.0.2.1", self.station.presented)

    async def only_request(self) -> str:
        [one] = await list_requests(self.installation, "", "", 9)
        return one.id


async def line_at(supplier: Installation, label: str, policy: ChannelPolicy) -> Line:
    await add_devices(supplier, "Example", "Pump", ["SN-1"])
    desk = EnrollmentDesk(supplier)
    station = await desk.station("line-1", "idevid")
    own, installation, registers = policed(desk, label, policy)
    return Line(EST(own.enrollment), installation, registers, station)


async def test_a_request_that_waits_is_told_when_to_come_again(supplier: Installation) -> None:
    """RFC 7030 §4.2.3: 202, Retry-After, and the identical request is the poll."""
    line = await line_at(supplier, "idevid", ChannelPolicy(approvals=1))
    request = await line.request()
    reply = await line.est.respond(request)
    assert (reply.status, dict(reply.headers)) == (202, {"Retry-After": "60"})
    assert reply.body.decode().startswith(f"The request waits for approval as {await line.only_request()};")
    await approve_request(line.installation, await line.only_request())
    issued = await line.est.respond(request)
    assert (issued.status, (await line.est.respond(request)).body) == (200, issued.body)


async def test_a_rejected_request_is_told_why_until_it_is_forgotten(
    supplier: Installation, clock: FixedClock
) -> None:
    line = await line_at(supplier, "idevid", ChannelPolicy(approvals=1))
    request = await line.request()
    await line.est.respond(request)
    await reject_request(line.installation, await line.only_request(), "ask the plant first")
    for _ in range(2):
        reply = await line.est.respond(request)
        assert (reply.status, reply.body) == (403, b"An operator rejected this request: ask the plant first\n")
    assert (await line.est.respond(await line.request())).status == 202
    clock.advance(LIFETIME + timedelta(seconds=1))
    assert (await line.est.respond(request)).status == 202


@pytest.mark.parametrize(
    ("password", "status"), [(UNIQUE, 200), (bytes(12), 400), (bytes(32), 400), (b"pump", 400), (None, 400)]
)
async def test_a_bound_request_fits_its_connection(
    supplier: Installation, password: bytes | None, status: int
) -> None:
    """RFC 7030 §3.5."""
    line = await line_at(supplier, "stations", ChannelPolicy(channel_binding=Binding.REQUIRED))
    request = replace(await line.request("stations", password), binding=lambda: UNIQUE)
    assert (await line.est.respond(request)).status == status


async def test_a_request_that_came_without_tls_is_bound_to_nothing(supplier: Installation) -> None:
    line = await line_at(supplier, "stations", ChannelPolicy())
    assert (await line.est.respond(await line.request("stations", UNIQUE))).status == 400
    assert (await line.est.respond(await line.request("stations"))).status == 200


async def test_every_answer_of_a_channel_is_wrapped_where_it_says_so(supplier: Installation) -> None:
    line = await line_at(supplier, "idevid", ChannelPolicy(encoding=Encoding.WRAPPED))
    request = await line.request()
    for asked in (request, replace(request, method="GET", path="/.well-known/est/idevid/cacerts")):
        reply = await line.est.respond(asked)
        assert max(map(len, reply.body.splitlines())) == 64
