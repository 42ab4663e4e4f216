"""The EST client, against a server that says what it is told to."""

import asyncio
import base64
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyworks import errors
from keyworks.access.credential import BasicCredentials
from keyworks.cms.signed_data import certs_only
from keyworks.enroll.answer import MAX_ANSWER_OCTETS, Granted
from keyworks.enroll.credential import ClientCertificate
from keyworks.enroll.est import EnrollmentClient
from keyworks.enroll.persistence import Persistence
from keyworks.enroll.trust import Anchors, parse_trust
from keyworks.testing import software_signer
from keyworks.x509.csr_attributes import CSRAttributes, encode_csr_attributes
from tests.unit.enroll import multipart
from tests.unit.enroll.scripted import CUT, NO_TLS, http, plain_peer, scripted_server
from tests.unit.enroll.small_pki import NOW, certify, issuing, root, server

TRUST = Anchors((root().der,))
REQUEST = b"0\x03\x02\x01\x00"
LEAF = certify("device", issuing()).der
ISSUED = http(200, base64.b64encode(certs_only((LEAF,))), "application/pkcs7-mime")


class Pauses:
    """Waits that take no time."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


async def test_a_request_goes_out_as_est_wants_it_and_the_certificate_comes_back(tmp_path: Path) -> None:
    """RFC 7030 §4.2.1, §4.2.3; RFC 8951 §3.1."""
    async with (
        scripted_server(server(), tmp_path, [ISSUED]) as double,
        EnrollmentClient(double.url, "idevid", TRUST) as client,
    ):
        assert (await client.simpleenroll(REQUEST)).der == LEAF
        assert (await client.simplereenroll(REQUEST)).der == LEAF
    lines = [told.line for told in double.told]
    assert lines == [
        f"POST /.well-known/est/idevid/{operation} HTTP/1.1" for operation in ("simpleenroll", "simplereenroll")
    ]
    assert double.told[0].headers["content-type"] == "application/pkcs10"
    assert base64.b64decode(double.told[0].body) == REQUEST


async def test_what_a_certificate_has_superseded_comes_with_it(tmp_path: Path) -> None:
    """RFC 9110 §5.3: a list may be spread over several lines."""
    named = ISSUED.replace(b"\r\n\r\n", b"\r\nKeyworks-Superseded: 1a, 2B\r\nkeyworks-superseded: 3\r\n\r\n", 1)
    async with (
        scripted_server(server(), tmp_path, [ISSUED, named]) as double,
        EnrollmentClient(double.url, "idevid", TRUST) as client,
    ):
        assert await client.simpleenroll(REQUEST) == Granted(LEAF, ())
        assert await client.simpleenroll(REQUEST) == Granted(LEAF, ("1a", "2b", "3"))


async def test_many_requests_share_few_connections(tmp_path: Path) -> None:
    async with (
        scripted_server(server(), tmp_path, [ISSUED]) as double,
        EnrollmentClient(double.url, "idevid", TRUST, persistence=Persistence(connections=2)) as client,
    ):
        found = await asyncio.gather(*(client.simpleenroll(REQUEST) for _ in range(20)))
    assert {one.der for one in found} == {LEAF}
    assert double.connections == 2


async def test_the_client_s_certificate_proves_who_asks(tmp_path: Path) -> None:
    """RFC 7030 §3.3.2."""
    station = certify("station", issuing())
    own = ClientCertificate.of(station.chain_pem, station.key_pem)
    async with scripted_server(server(), tmp_path, [ISSUED], client_root=root().pem) as double:
        async with EnrollmentClient(double.url, "idevid", TRUST, own) as client:
            assert (await client.simpleenroll(REQUEST)).der == LEAF
        async with EnrollmentClient(double.url, "idevid", TRUST, None, pause=Pauses()) as client:
            with pytest.raises(errors.Unavailable):
                await client.simpleenroll(REQUEST)


async def test_a_secret_goes_only_with_what_needs_it(tmp_path: Path) -> None:
    """RFC 7030 §3.2.3, §4.1 (cacerts needs no authentication)."""
    async with (
        scripted_server(server(), tmp_path, [ISSUED]) as double,
        EnrollmentClient(double.url, "stations", TRUST, BasicCredentials("line-1", "größe")) as client,
    ):
        await client.cacerts()
        await client.simpleenroll(REQUEST)
    asked, enrolled = double.told
    assert "authorization" not in asked.headers
    assert base64.b64decode(enrolled.headers["authorization"].split()[1]).decode() == "line-1:größe"


@pytest.mark.parametrize("user", ["", "a:b"])
def test_a_user_name_that_basic_cannot_carry_is_refused(user: str) -> None:
    """RFC 7617 §2."""
    with pytest.raises(errors.OperatorError, match="RFC 7617"):
        EnrollmentClient("https://localhost:1", "stations", TRUST, BasicCredentials(user, "secret"))


async def test_a_client_that_is_not_open_says_so() -> None:
    with pytest.raises(errors.OperatorError, match="async with"):
        await EnrollmentClient("https://localhost:1", "idevid", TRUST).cacerts()


@pytest.mark.parametrize(
    ("trust", "host"),
    [
        (Anchors((certify("Another root", ca=True).der,)), "localhost"),
        (TRUST, "localhost.localdomain"),
        (Anchors((certify("Test root", ca=True).der,)), "127.0.0.1"),
    ],
    ids=["another root", "another name", "a root of the same name"],
)
async def test_a_server_that_is_not_trusted_never_hears_a_request(
    tmp_path: Path, trust: Anchors, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 7030 §3.6.1: authenticated before anything is sent."""
    loop = asyncio.get_running_loop()
    resolve = loop.getaddrinfo
    monkeypatch.setattr(loop, "getaddrinfo", lambda _, port, **how: resolve("127.0.0.1", port, **how))
    async with scripted_server(server(), tmp_path, [ISSUED]) as double:
        url = f"https://{host}:{double.port}"
        async with EnrollmentClient(url, "idevid", trust, BasicCredentials("a", "secret")) as client:
            with pytest.raises(errors.InvalidPath, match=r"not the trusted one.*--trust"):
                await client.simpleenroll(REQUEST)
    assert double.told == []


@pytest.mark.parametrize("place", range(3), ids=["leaf", "issuing", "root"])
async def test_a_pin_of_any_certificate_in_the_chain_is_enough(tmp_path: Path, place: int) -> None:
    pinned = (server(), issuing(), root())[place].pin
    async with (
        scripted_server(server(), tmp_path, [ISSUED]) as double,
        EnrollmentClient(double.url, "idevid", parse_trust(pinned)) as client,
    ):
        assert (await client.simpleenroll(REQUEST)).der == LEAF


async def test_whoever_shows_the_pinned_certificate_without_standing_below_it_hears_nothing(
    tmp_path: Path,
) -> None:
    impostor = certify("server", certify("Impostor", ca=True), hosts=("localhost",))
    shown = type(impostor)(impostor.certificate, impostor.key, (root().certificate,))
    async with (
        scripted_server(shown, tmp_path, [ISSUED]) as double,
        EnrollmentClient(double.url, "idevid", parse_trust(root().pin)) as client,
    ):
        with pytest.raises(errors.InvalidPath):
            await client.simpleenroll(REQUEST)
        assert double.told == []


async def test_a_broken_connection_is_tried_again_with_the_same_request(tmp_path: Path) -> None:
    pauses = Pauses()
    async with (
        scripted_server(server(), tmp_path, [CUT, ISSUED[:-9] + CUT, ISSUED]) as double,
        EnrollmentClient(double.url, "idevid", TRUST, pause=pauses) as client,
    ):
        assert (await client.simpleenroll(REQUEST)).der == LEAF
    assert [base64.b64decode(told.body) for told in double.told] == [REQUEST] * 3
    assert 0.125 <= pauses.seconds[0] <= 0.25 <= pauses.seconds[1] <= 0.5


async def test_a_server_that_always_hangs_up_is_given_up(tmp_path: Path) -> None:
    async with (
        scripted_server(server(), tmp_path, [CUT]) as double,
        EnrollmentClient(double.url, "idevid", TRUST, pause=Pauses()) as client,
    ):
        with pytest.raises(errors.Unavailable, match="broke before the answer was complete"):
            await client.simpleenroll(REQUEST)
    assert len(double.told) == Persistence().attempts


async def test_a_server_that_is_not_there_is_named_with_the_remedy(tmp_path: Path) -> None:
    async with scripted_server(server(), tmp_path, []) as double:
        url = double.url
    pauses = Pauses()
    async with EnrollmentClient(url, "idevid", TRUST, pause=pauses) as client:
        with pytest.raises(errors.Unavailable, match=rf"{url[8:]} cannot be reached .*check the address"):
            await client.simpleenroll(REQUEST)
    assert len(pauses.seconds) == Persistence().attempts - 1


@pytest.mark.parametrize("says", NO_TLS)
async def test_a_port_that_speaks_something_else_than_tls_is_no_use_later_either(says: bytes) -> None:
    pauses = Pauses()
    async with (
        plain_peer(says) as port,
        EnrollmentClient(f"https://localhost:{port}", "idevid", TRUST, pause=pauses) as client,
    ):
        with pytest.raises(
            errors.MalformedRequest, match=f"What answers at localhost:{port} does not speak TLS"
        ):
            await client.simpleenroll(REQUEST)
    assert pauses.seconds == []


async def test_a_server_that_hangs_up_in_the_handshake_may_be_there_again_later() -> None:
    pauses = Pauses()
    async with (
        plain_peer(b"") as port,
        EnrollmentClient(f"https://localhost:{port}", "idevid", TRUST, pause=pauses) as client,
    ):
        with pytest.raises(errors.Unavailable, match=f"localhost:{port}"):
            await client.simpleenroll(REQUEST)
    assert len(pauses.seconds) == Persistence().attempts - 1


async def test_a_server_that_does_not_answer_is_not_waited_for_any_longer(tmp_path: Path) -> None:
    quick = Persistence(request_time=timedelta(milliseconds=300), attempts=1)
    async with (
        scripted_server(server(), tmp_path, [b""]) as double,
        EnrollmentClient(double.url, "idevid", TRUST, persistence=quick) as client,
    ):
        with pytest.raises(errors.Unavailable, match="does not answer in time"):
            await client.simpleenroll(REQUEST)


@pytest.mark.parametrize("status", [202, 429, 503])
async def test_a_client_with_patience_comes_back_when_the_server_says(tmp_path: Path, status: int) -> None:
    """RFC 7030 §4.2.3 (202 with Retry-After); RFC 9110 §10.2.3."""
    pauses = Pauses()
    patient = Persistence(patience=timedelta(seconds=60))
    script = [http(status, b"Later.", Retry_After="30"), http(status, b"Later.", Retry_After="30"), ISSUED]
    async with (
        scripted_server(server(), tmp_path, script) as double,
        EnrollmentClient(double.url, "idevid", TRUST, None, patient, pauses) as client,
    ):
        assert (await client.simpleenroll(REQUEST)).der == LEAF
    assert pauses.seconds == [30, 30]
    assert len({told.body for told in double.told}) == 1


async def test_one_without_is_told_when_it_is_worth_coming_back(tmp_path: Path) -> None:
    pauses = Pauses()
    impatient = Persistence(patience=timedelta(seconds=29))
    async with (
        scripted_server(server(), tmp_path, [http(503, b"The key is away.", Retry_After="30")]) as double,
        EnrollmentClient(double.url, "idevid", TRUST, None, impatient, pauses) as client,
    ):
        with pytest.raises(errors.Unavailable, match="The key is away") as caught:
            await client.simpleenroll(REQUEST)
    assert caught.value.retry_after == timedelta(seconds=30)
    assert pauses.seconds == []


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_refusal_is_not_asked_for_twice(tmp_path: Path, status: int) -> None:
    async with (
        scripted_server(server(), tmp_path, [http(status, b"No.")]) as double,
        EnrollmentClient(double.url, "idevid", TRUST) as client,
    ):
        with pytest.raises(errors.KeyworksError, match=r"^No\.$"):
            await client.simpleenroll(REQUEST)
    assert len(double.told) == 1


async def test_a_redirection_to_another_server_is_not_followed(tmp_path: Path) -> None:
    """RFC 7030 §3.2.1: not without asking, and there is nobody to ask."""
    async with scripted_server(server(), tmp_path, [ISSUED]) as elsewhere:
        script = [http(307, Location=f"{elsewhere.url}/.well-known/est/idevid/simpleenroll")]
        async with (
            scripted_server(server(), tmp_path, script) as double,
            EnrollmentClient(double.url, "idevid", TRUST, BasicCredentials("a", "secret")) as client,
        ):
            with pytest.raises(errors.MalformedRequest, match="307"):
                await client.simpleenroll(REQUEST)
    assert elsewhere.connections == 0


async def test_a_redirection_on_the_same_server_is_followed_a_few_times(tmp_path: Path) -> None:
    """RFC 7030 §3.2.1."""
    elsewhere = http(308, Location="/.well-known/est/other/simpleenroll")
    async with (
        scripted_server(server(), tmp_path, [elsewhere, ISSUED, elsewhere]) as double,
        EnrollmentClient(double.url, "idevid", TRUST) as client,
    ):
        assert (await client.simpleenroll(REQUEST)).der == LEAF
        with pytest.raises(errors.MalformedRequest, match="again and again"):
            await client.simpleenroll(REQUEST)
    assert double.told[1].line == "POST /.well-known/est/other/simpleenroll HTTP/1.1"
    assert double.told[1].body == double.told[0].body
    assert len(double.told) == 2 + 4


async def test_csr_attributes_and_keys_of_the_server_s_are_asked_for_as_est_wants_it(tmp_path: Path) -> None:
    """RFC 7030 §4.5.1, §4.4.1."""
    wanted = CSRAttributes(key_type="P-384")
    der = base64.b64encode(encode_csr_attributes(wanted, legacy=True, template=True))
    made = http(200, multipart.body_of(multipart.KEY, multipart.CERTIFICATE), multipart.CONTENT_TYPE)
    script = [http(200, der, "application/csrattrs"), made]
    async with (
        scripted_server(server(), tmp_path, script) as double,
        EnrollmentClient(double.url, "idevid", TRUST, BasicCredentials("a", "secret")) as client,
    ):
        assert await client.csrattrs() == wanted
        key = await client.serverkeygen(REQUEST)
    assert key.signer.public_key == multipart.SIGNER.public_key
    assert [told.line.split()[:2] for told in double.told] == [
        ["GET", "/.well-known/est/idevid/csrattrs"],
        ["POST", "/.well-known/est/idevid/serverkeygen"],
    ]
    assert ["authorization" in told.headers for told in double.told] == [False, True]


@pytest.mark.parametrize(
    "announced", [b"Content-Length: 999999999\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n100000\r\n"]
)
async def test_a_huge_answer_is_read_no_further_than_its_bound(tmp_path: Path, announced: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\n" + announced + b"A" * (MAX_ANSWER_OCTETS + 1)
    async with (
        scripted_server(server(), tmp_path, [answer]) as double,
        EnrollmentClient(double.url, "idevid", TRUST) as client,
    ):
        with pytest.raises(errors.MalformedRequest, match="larger than"):
            await client.cacerts()


async def test_several_certificates_where_one_was_issued_are_no_answer(tmp_path: Path) -> None:
    """RFC 7030 §4.2.3: only the certificate that was issued."""
    body = base64.b64encode(certs_only((LEAF, issuing().der)))
    async with (
        scripted_server(server(), tmp_path, [http(200, body)]) as double,
        EnrollmentClient(double.url, "idevid", TRUST) as client,
    ):
        assert len(await client.cacerts()) == 2
        with pytest.raises(errors.MalformedRequest, match="2 certificates"):
            await client.simpleenroll(REQUEST)


async def test_a_generation_that_started_since_the_ca_certificates_were_asked_for_is_asked_for_again(
    tmp_path: Path,
) -> None:
    """RFC 7030 §4.1.3; a line asks for them once, and enrolls for days."""
    key, started = software_signer().public_key, certify("Test issuing G2", root(), ca=True)
    leaf = certify("device", started, spki=key.spki).der
    known = (issuing().der, root().der)
    now = http(200, base64.b64encode(certs_only((started.der, *known))))
    async with (
        scripted_server(server(), tmp_path, [now]) as double,
        EnrollmentClient(double.url, "idevid", TRUST) as client,
    ):
        issued = await client.check(Granted(leaf), key, known, at=int(NOW.timestamp()))
        assert issued.chain == (leaf, started.der)
        assert len(double.told) == 1
        stranger = certify("device", certify("Other", ca=True), spki=key.spki).der
        with pytest.raises(errors.InvalidPath):
            await client.check(Granted(stranger), key, issued.authorities, at=int(NOW.timestamp()))


_HEADS = [
    b"",
    b"SSH-2.0-server\r\n",
    b"HTTP/9.9 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 30\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: \xff\xfe\r\nContent-Length: 9\r\n\r\n",
    b"HTTP/1.1 503 \xff\r\nRetry-After: \xff\r\nContent-Length: 3\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: ://\r\nSet-Cookie: =;;=\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    b"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest\r\nContent-Length: 1\r\n\r\n",
    b"HTTP/1.1 200 " + b"O" * 20_000 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 3000 + b"\r\n",
    b"HTTP/1.1 200 OK\r\n\x00: \x00\r\n\r\n",
]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(head=st.sampled_from(_HEADS), rest=st.one_of(st.binary(max_size=60), st.just(ISSUED)))
def test_no_answer_raises_anything_but_a_known_cause(tmp_path: Path, head: bytes, rest: bytes) -> None:
    async def ask() -> None:
        once = Persistence(attempts=1, request_time=timedelta(seconds=10))
        async with (
            scripted_server(server(), tmp_path, [head + rest + CUT]) as double,
            EnrollmentClient(double.url, "idevid", TRUST, persistence=once) as client,
        ):
            with suppress(errors.KeyworksError):
                assert (await client.simpleenroll(REQUEST)).der == LEAF

    asyncio.run(ask())
