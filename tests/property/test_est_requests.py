"""Whatever is asked over EST: never our fault, and never a certificate but for what was asked and allowed."""

import base64
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from tests.property.est_factory import (
    ENROLL,
    REFUSALS,
    SERIAL_NUMBERS,
    Factory,
    check_certificate,
    good,
    put_together,
    request_with,
    requests_for_certificates,
    spoilt,
    the_certificate,
)

SETTINGS = settings(
    derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
GOOD = [put_together(good(number)) for number in range(len(SERIAL_NUMBERS))]


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Factory]:
    factory = Factory(tmp_path_factory.mktemp("factory"))
    yield factory
    factory.close()


def judge(body: bytes, status: int, answer: bytes) -> None:
    """Check the claim for a station's request with this body."""
    event(f"status {status}")
    if status == 200:
        check_certificate(the_certificate(answer), body)
    else:
        assert status in REFUSALS
        assert re.fullmatch(r"[^\r\n]+[.)]\n", answer.decode())


@settings(SETTINGS, max_examples=1200)
@given(body=requests_for_certificates())
@example(body=GOOD[0])
def test_a_request_of_which_any_part_is_another(factory: Factory, body: bytes) -> None:
    reply = factory.ask(request_with(body, factory.station.presented))
    judge(body, reply.status, reply.body)


@settings(SETTINGS, max_examples=800)
@given(body=st.sampled_from(GOOD).flatmap(spoilt))
@example(body=b"")
def test_a_request_of_which_any_octets_are_others(factory: Factory, body: bytes) -> None:
    reply = factory.ask(request_with(body, factory.station.presented))
    judge(body, reply.status, reply.body)


BODIES = st.sampled_from(
    [
        lambda body: body,
        lambda body: body + b"\r\n",
        lambda body: b"\n".join(body[place : place + 64] for place in range(0, len(body), 64)),
        lambda body: body.rstrip(b"="),
        lambda body: body + b"=",
        lambda body: body.replace(b"+", b"-").replace(b"/", b"_"),
        lambda body: b"-----BEGIN CERTIFICATE REQUEST-----\n" + body + b"\n-----END CERTIFICATE REQUEST-----\n",
        base64.b64encode,
        base64.b64decode,
        lambda body: body * 2,
        lambda body: body[: len(body) // 2],
        lambda body: body[:0],
        lambda body: body.decode().encode("utf-16"),
    ]
)
PATHS = st.one_of(
    st.just(ENROLL),
    st.tuples(
        st.sampled_from(
            ["idevid", "stations", "tls", "nobody", "", "..", "idevid\x00", "IDEVID", "cacerts", "\ufffd"]
        ),
        st.sampled_from(
            ["simpleenroll", "simplereenroll", "cacerts", "csrattrs", "fullcmc", "", "simpleenroll/", "\x00"]
        ),
    ).map(lambda pair: f"/.well-known/est/{pair[0]}/{pair[1]}"),
    st.text(max_size=30).map(lambda text: f"/.well-known/est/{text}"),
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from(
            ["application/pkcs10", "application/PKCS10; x=y", "text/plain", "", ";", "\xe9"]
        ),
        "authorization": st.one_of(
            st.sampled_from(["Basic bGluZS0xOmE=", "Basic", "Basic :", "Bearer a", "", "basic bGluZS0x"]),
            st.text(st.characters(max_codepoint=255), max_size=20),
        ),
        "content-transfer-encoding": st.sampled_from(["base64", "binary", "8bit"]),
    },
)


@settings(SETTINGS, max_examples=800)
@given(
    number=st.integers(0, len(SERIAL_NUMBERS) - 1),
    method=st.sampled_from(["POST"] * 8 + ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"]),
    path=PATHS,
    headers=HEADERS,
    encode=BODIES,
    who=st.sampled_from(
        ["station"] * 6 + ["nobody", "other station", "borrowed", "authority", "garbage", "shorter"]
    ),
)
def test_an_http_request_of_which_any_part_is_another(
    factory: Factory, number: int, method: str, path: str, headers: dict[str, str], encode: object, who: str
) -> None:
    """Only a station with the channel gets a device's certificate; what it says of itself is for anybody."""
    assert callable(encode)
    plain = request_with(GOOD[number], factory.presented[who])
    request = replace(plain, method=method, path=path, headers=headers, body=encode(plain.body))
    reply = factory.ask(request)
    event(f"status {reply.status}")
    if reply.status != 200:
        assert reply.status in REFUSALS
        assert reply.body.decode().endswith("\n")
    elif path.endswith(("/cacerts", "/csrattrs")):
        assert method in ("GET", "HEAD")
    else:
        assert (method, path, who) == ("POST", ENROLL, "station")
        assert "authorization" not in headers
        check_certificate(the_certificate(reply.body), GOOD[number])
