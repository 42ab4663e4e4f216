"""EST: base64 in, base64 out, and each refusal with its status."""

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest

from keyworks.access.credential import BasicCredentials
from keyworks.authority.channel import ChannelPolicy
from keyworks.authority.enrollment import Enrollment
from keyworks.authority.issue import Issued
from keyworks.cms.signed_data import parse_certs_only
from keyworks.errors import AuthenticationFailed, MalformedRequest
from keyworks.oids import SERIAL_NUMBER
from keyworks.protocols.est.basic import parse_basic
from keyworks.protocols.est.body import decode_base64
from keyworks.protocols.est.endpoint import EST
from keyworks.protocols.exchange import Request
from keyworks.service.channels import set_default_channel
from keyworks.service.installation import Installation
from keyworks.service.inventory import add_devices
from keyworks.service.stations import add_station
from keyworks.testing import EnrollmentDesk, FixedClock, Holder, ledger_entries, software_signer
from keyworks.x509.certificate import Certificate
from keyworks.x509.name import EMPTY_NAME, Name
from keyworks.x509.request import encode_certification_request

UNNAMED = "/.well-known/est/simpleenroll"
ENROLL = "/.well-known/est/idevid/simpleenroll"
SOURCE = "192.0.2.1"


class Line:
    """A line with one device and its station."""

    def __init__(self, installation: Installation, station: Holder) -> None:
        self.desk = EnrollmentDesk(installation)
        self.est = EST(self.desk.enrollment)
        self.station = station

    async def request(self, serial_number: str = "SN-1") -> Request:
        der = await encode_certification_request(Name.of((SERIAL_NUMBER, serial_number)), software_signer())
        headers = {"content-type": "application/pkcs10"}
        return Request("POST", ENROLL, headers, base64.b64encode(der), SOURCE, self.station.presented)


@pytest.fixture
async def line(supplier: Installation) -> Line:
    await add_devices(supplier, "Example", "Pump", ["SN-1"])
    return Line(supplier, await EnrollmentDesk(supplier).station("line-1", "idevid"))


async def test_a_certificate_comes_alone_in_base64(line: Line) -> None:
    """RFC 7030 §4.2.3; RFC 8951 §3.1: the transfer encoding is said for old clients, new ones ignore it."""
    reply = await line.est.respond(await line.request())
    assert (reply.status, reply.content_type) == (200, "application/pkcs7-mime; smime-type=certs-only")
    assert dict(reply.headers) == {"Content-Transfer-Encoding": "base64"}
    [certificate] = parse_certs_only(base64.b64decode(reply.body, validate=False))
    assert certificate.find(b"SN-1") > 0
    assert reply.body.endswith(b"\n")
    assert reply.body.count(b"\n") == 1


async def test_a_certificate_that_takes_the_place_of_another_says_which(line: Line) -> None:
    """A station that mistypes a serial number must learn whose identity it has ended; so must the operator."""
    first = await line.est.respond(await line.request())
    second = await line.est.respond(await line.request())
    [former, new] = [
        Certificate.parse(parse_certs_only(base64.b64decode(one.body))[0]) for one in (first, second)
    ]
    assert dict(second.headers)["Keyworks-Superseded"] == f"{former.serial_number:x}"
    [entry] = await ledger_entries(line.desk.store, "certificate.revoked")
    number = f"{former.serial_number:x}"
    assert second.notice == f"certificate {entry['detail']['by']} supersedes {number}, revoked now"
    assert (first.notice, new.serial_number != former.serial_number) == ("", True)


async def test_of_many_superseded_certificates_the_newest_are_named(line: Line) -> None:
    """So that the header fits into what clients take."""
    [der] = parse_certs_only(base64.b64decode((await line.est.respond(await line.request())).body))
    issued = Issued("id", der, (), repeated=False, superseded=tuple(f"{one:x}" for one in range(1, 41)))

    class Replacing(Enrollment):
        async def enroll(self, *_: object) -> Issued:
            return issued

        async def policy(self, label: str | None) -> ChannelPolicy:
            assert label == "idevid"
            return ChannelPolicy()

    replacing = object.__new__(Replacing)
    reply = await EST(replacing).respond(await line.request())
    listed = dict(reply.headers)["Keyworks-Superseded"].split(", ")
    assert listed == [f"{one:x}" for one in range(9, 41)]
    assert "28 and 8 more" in reply.notice


async def test_the_ca_certificates_are_for_anybody(line: Line) -> None:
    """RFC 7030 §4.1.2, §4.1.3: no authentication; the path up to the root."""
    for method in ("GET", "HEAD"):
        reply = await line.est.respond(Request(method, "/.well-known/est/idevid/cacerts", {}, b"", SOURCE))
        assert (reply.status, reply.content_type) == (200, "application/pkcs7-mime")
        chain = parse_certs_only(base64.b64decode(reply.body))
        assert set(chain) == set(await line.desk.enrollment.ca_certificates("idevid"))
    assert len(chain) == 2


@pytest.mark.parametrize(
    "wrap",
    [
        lambda body: body + b"\n",
        lambda body: b"\r\n".join(body[place : place + 64] for place in range(0, len(body), 64)),
        lambda body: b" \t\r\n" + body + b" \t\r\n",
        lambda body: b"\n".join(body[place : place + 1] for place in range(len(body))),
    ],
    ids=["line feed", "wrapped", "around", "everywhere"],
)
async def test_white_space_in_a_body_says_nothing(line: Line, wrap: Callable[[bytes], bytes]) -> None:
    """RFC 8951 §3.1."""
    request = await line.request()
    assert (await line.est.respond(replace(request, body=wrap(request.body)))).status == 200


@pytest.mark.parametrize(
    "media_type", ["application/pkcs10", "Application/PKCS10", "application/pkcs10; charset=us-ascii", None]
)
async def test_a_media_type_is_read_as_it_is_meant(line: Line, media_type: str | None) -> None:
    """RFC 9110 §8.3.1: case-insensitive, with parameters; sent without, it can only be the one there is."""
    request = await line.request()
    headers = {} if media_type is None else {"content-type": media_type}
    assert (await line.est.respond(replace(request, headers=headers))).status == 200


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/x-pkcs10", "", "application/pkcs7-mime"]
)
async def test_another_media_type_is_refused(line: Line, media_type: str) -> None:
    """RFC 9110 §15.5.16."""
    request = replace(await line.request(), headers={"content-type": media_type})
    reply = await line.est.respond(request)
    assert reply.status == 415
    assert b"application/pkcs10" in reply.body


@pytest.mark.parametrize(
    ("method", "path", "status", "sentence"),
    [
        ("POST", "/.well-known/est/nobody/simpleenroll", 404, "There is no channel 'nobody' here"),
        ("POST", "/.well-known/est/simpleenroll", 404, "Name a channel here: no default one is set"),
        ("POST", "/.well-known/est/idevid/fullcmc", 404, "There is no EST operation 'fullcmc' here"),
        ("POST", "/.well-known/est/idevid/", 404, "EST paths look like"),
        ("POST", "/.well-known/est//simpleenroll", 404, "EST paths look like"),
        ("POST", "/.well-known/est/idevid/simpleenroll/", 404, "EST paths look like"),
        ("POST", "/.well-known/est/../est/idevid/simpleenroll", 404, "EST paths look like"),
        ("POST", "/.well-known/est/\x00/simpleenroll", 404, "There is no channel"),
        ("POST", "/.well-known/est/IDEVID/simpleenroll", 404, "There is no channel"),
        ("GET", "/.well-known/est/nobody/cacerts", 404, "There is no channel 'nobody' here"),
        ("GET", ENROLL, 405, "Use POST here"),
        ("PUT", ENROLL, 405, "Use POST here"),
        ("POST", "/.well-known/est/idevid/cacerts", 405, "Use GET here"),
    ],
)
async def test_a_wrong_address_is_refused_in_a_sentence(
    line: Line, method: str, path: str, status: int, sentence: str
) -> None:
    reply = await line.est.respond(replace(await line.request(), method=method, path=path))
    assert reply.status == status
    assert reply.body.decode().startswith(sentence)


async def test_who_is_not_authenticated_is_counted_and_told_how(line: Line, clock: FixedClock) -> None:
    """RFC 7030 §3.2.3: some clients send everything unauthenticated first."""
    reply = await line.est.respond(replace(await line.request(), presented=None))
    assert reply.status == 401
    assert dict(reply.headers)["WWW-Authenticate"].startswith("Basic ")
    entry = line.desk.refusals.drain(clock.now())
    assert entry is not None
    assert entry.detail == ((f"{SOURCE} AuthenticationFailed", "1"),)


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("Bearer abc", "Only HTTP Basic"),
        ("Basic", "names no password"),
        ("Basic !!!", "not HTTP Basic"),
        ("Basic " + base64.b64encode(b"\xff:x").decode(), "not HTTP Basic"),
        ("Basic é", "not HTTP Basic"),
        ("Basic " + base64.b64encode(b"user").decode(), "names no password"),
        ("Basic " + base64.b64encode(b"line-1:wrong").decode(), "User name or one-time secret is wrong"),
        ("Basic " + base64.b64encode(b"\x00:\x00").decode(), "User name or one-time secret is wrong"),
    ],
)
async def test_a_wrong_secret_is_counted_even_beside_a_good_certificate(
    line: Line, clock: FixedClock, header: str, sentence: str
) -> None:
    request = await line.request()
    reply = await line.est.respond(replace(request, headers={**request.headers, "authorization": header}))
    assert reply.status == 401
    assert sentence in reply.body.decode()
    entry = line.desk.refusals.drain(clock.now())
    assert entry is not None
    assert entry.result == "1"


async def test_who_is_authenticated_and_refused_is_entered(line: Line, clock: FixedClock) -> None:
    reply = await line.est.respond(await line.request("SN-unknown"))
    assert reply.status == 403
    assert b"No device with serial number 'SN-unknown' is registered" in reply.body
    [entry] = await ledger_entries(line.desk.store, "certificate.refused")
    assert (entry["actor"], entry["result"], entry["source"]) == ("station:line-1", "NotAuthorized", SOURCE)
    assert line.desk.refusals.drain(clock.now()) is None


@pytest.mark.parametrize(
    "body", [b"", b"!", b"AAAA", b"-----BEGIN CERTIFICATE REQUEST-----\nAA==", b"\xff" * 9]
)
async def test_a_body_that_is_no_request_is_entered_and_refused(line: Line, body: bytes) -> None:
    reply = await line.est.respond(replace(await line.request(), body=body))
    assert reply.status == 400
    [entry] = await ledger_entries(line.desk.store, "certificate.refused")
    assert entry["result"] == "MalformedRequest"


async def test_a_one_time_secret_gets_a_station_its_certificate_even_where_the_answer_is_lost(
    supplier: Installation,
) -> None:
    """The same request again gets the same certificate; another key gets none."""
    new = await add_station(supplier, "line-2", ["idevid"])
    est = EST(EnrollmentDesk(supplier).enrollment)
    header = base64.b64encode(f"line-2:{new.secret}".encode()).decode()
    signer = software_signer()

    def request(der: bytes) -> Request:
        path = f"/.well-known/est/{new.enrolls_at}/simpleenroll"
        return Request("POST", path, {"authorization": f"Basic {header}"}, base64.b64encode(der), SOURCE)

    first, again = [
        await est.respond(request(await encode_certification_request(EMPTY_NAME, signer))) for _ in range(2)
    ]
    other = await est.respond(request(await encode_certification_request(EMPTY_NAME, software_signer())))
    assert (first.status, again.body, other.status) == (200, first.body, 403)


@pytest.mark.parametrize("body", [b"QQ", b"QQ=", b"Q Q = = Q", b"QUJD*", b"====", b"QQ==QQ=="])
def test_what_is_not_base64_is_refused(body: bytes) -> None:
    """RFC 4648 §3.3, §3.2."""
    with pytest.raises(MalformedRequest):
        decode_base64(body)


def test_a_password_may_hold_a_colon_and_any_letter() -> None:
    """RFC 7617 §2, §2.1."""
    header = "basic  " + base64.b64encode("é:a:ü".encode()).decode()
    assert vars_of(parse_basic(header)) == ("é", "a:ü")


def vars_of(credentials: BasicCredentials) -> tuple[str, str]:
    return credentials.user, credentials.password


def test_an_empty_header_is_no_credential() -> None:
    with pytest.raises(AuthenticationFailed):
        parse_basic("")


async def test_a_client_that_cannot_name_a_channel_is_served_by_the_default_one(line: Line) -> None:
    """RFC 7030 §3.2.2; what is refused is entered under the channel that refused it."""
    await set_default_channel(line.desk.installation, "idevid")
    assert (await line.est.respond(replace(await line.request(), path=UNNAMED))).status == 200
    refused = await line.est.respond(replace(await line.request("SN-404"), path=UNNAMED))
    assert refused.status == 403
    [entry] = await ledger_entries(line.desk.store, "certificate.refused")
    assert entry["object"] == "channel:idevid"
    authorities = Request("GET", "/.well-known/est/cacerts", {}, b"", SOURCE)
    assert (await line.est.respond(authorities)).status == 200
