"""What is sent to a server, and where it lets itself be sent."""

import base64
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyworks.access.credential import BasicCredentials
from keyworks.enroll.answer import Answer
from keyworks.enroll.question import ROOT, Question, asking, authorization_of, redirected, requesting
from keyworks.enroll.trust import Address
from keyworks.errors import MalformedRequest

PLANT: Final = Address("pki.plant.example", 8443)
ASKED: Final = asking("ldevid", "cacerts")
SENT: Final = requesting("ldevid", "simpleenroll", b"0\x00", {"Authorization": "Basic x"})


def _to(location: str | None, status: int = 307) -> Answer:
    return Answer(status, "", None, b"", location=location)


def test_a_question_is_whole_before_any_socket_is_open() -> None:
    """RFC 7030 §3.2.2, §4.2.1."""
    assert Question("GET", "/.well-known/est/ldevid/cacerts", {}, None) == ASKED
    assert (SENT.method, SENT.path) == ("POST", "/.well-known/est/ldevid/simpleenroll")
    assert SENT.headers == {
        "Content-Type": "application/pkcs10",
        "Content-Transfer-Encoding": "base64",
        "Authorization": "Basic x",
    }
    assert SENT.body == base64.b64encode(b"0\x00")


def test_a_secret_is_not_shown_with_its_question() -> None:
    header = authorization_of(BasicCredentials("line-1", "one-time"))
    assert base64.b64decode(header["Authorization"].removeprefix("Basic ")) == b"line-1:one-time"
    assert header["Authorization"] not in repr(requesting("stations", "simpleenroll", b"", header))


@pytest.mark.parametrize(
    "location",
    [
        "/.well-known/est/other/cacerts",
        "https://pki.plant.example:8443/.well-known/est/other/cacerts",
        "https://PKI.plant.example:8443/.well-known/est/other/cacerts",
        "../other/cacerts",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_same_server_may_send_us_to_another_of_its_operations(location: str, status: int) -> None:
    """RFC 7030 §3.2.1."""
    assert redirected(ASKED, _to(location, status), PLANT) == asking("other", "cacerts")


@pytest.mark.parametrize("status", [307, 308])
def test_a_request_is_repeated_as_it_is(status: int) -> None:
    """RFC 9110 §15.4.8, §15.4.9."""
    following = redirected(SENT, _to("/.well-known/est/other/simpleenroll", status), PLANT)
    assert following is not None
    assert (following.method, following.headers, following.body) == ("POST", SENT.headers, SENT.body)


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_request_is_not_made_another_one(status: int) -> None:
    """RFC 9110 §15.4.2: a POST may become a GET there."""
    with pytest.raises(MalformedRequest, match=f"HTTP {status}"):
        redirected(SENT, _to("/.well-known/est/other/simpleenroll", status), PLANT)


@pytest.mark.parametrize("status", [200, 202, 300, 304, 305, 404])
def test_every_other_status_is_an_answer(status: int) -> None:
    assert redirected(ASKED, _to("/.well-known/est/other/cacerts", status), PLANT) is None


@pytest.mark.parametrize(
    ("location", "says"),
    [
        (None, "no EST operation"),
        ("", "no EST operation"),
        ("https://elsewhere.example:8443/.well-known/est/other/cacerts", "to https://elsewhere.example:8443"),
        ("https://u:p@elsewhere.example/.well-known/est/other/cacerts", "to https://elsewhere.example;"),
        ("https://pki.plant.example/.well-known/est/other/cacerts", "to https://pki.plant.example;"),
        ("http://pki.plant.example:8443/.well-known/est/other/cacerts", "to http://pki"),
        ("//elsewhere.example/.well-known/est/x/cacerts", "to https://elsewhere.example"),
        ("https://pki.plant.example:8443/", "no EST operation"),
        ("/.well-known/est/../../secret", "no EST operation"),
        ("/.well-known/est/x/cacerts?y=z", "no EST operation"),
        ("/.well-known/est/\r\nX: y", "no EST operation"),
        ("/.well-known/est/" + "x" * 3000, "no EST operation"),
        ("https://[::1/", "to no address"),
        ("https://pki.plant.example:99999/.well-known/est/x/cacerts", "to no address"),
    ],
)
def test_nobody_is_there_to_consent_to_another_place(location: str | None, says: str) -> None:
    """RFC 7030 §3.2.1."""
    with pytest.raises(MalformedRequest, match="that is not followed") as caught:
        redirected(ASKED, _to(location), PLANT)
    assert says in caught.value.detail


@given(st.one_of(st.text(max_size=60), st.text(max_size=40).map(lambda rest: ROOT + rest)))
def test_wherever_a_server_points_only_its_own_est_is_asked(location: str) -> None:
    try:
        following = redirected(ASKED, _to(location), PLANT)
    except MalformedRequest:
        return
    assert following is not None
    assert following.path.startswith(ROOT)
    assert following.path.isprintable()
    assert following.path.isascii()
