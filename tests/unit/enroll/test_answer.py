"""What a server's answer means; it may be hostile."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyworks import errors
from keyworks.cms.signed_data import certs_only
from keyworks.enroll.answer import (
    DEFAULT_RETRY,
    LONGEST_RETRY,
    MAX_SUPERSEDED,
    SUPERSEDED,
    Answer,
    certificates_in,
    retry_after,
    superseded_in,
)
from keyworks.protocols.est import endpoint as est
from tests.unit.enroll.small_pki import issuing, root

NOW = datetime(2026, 9, 21, 12, 0, tzinfo=UTC)
BOTH = (issuing().der, root().der)
GOOD = base64.encodebytes(certs_only(BOTH))


def _answer(status: int = 200, body: bytes = b"", retry: str | None = None, kind: str = "text/plain") -> Answer:
    return Answer(status, kind, retry, body)


@pytest.mark.parametrize(
    "body",
    [GOOD, GOOD.replace(b"\n", b"\r\n"), GOOD.replace(b"\n", b""), b" \t\r\n" + GOOD],
    ids=["lines", "lines of the Internet", "one line", "space in front"],
)
def test_white_space_in_base64_means_nothing(body: bytes) -> None:
    """RFC 8951 §3.1."""
    assert set(certificates_in(_answer(body=body), NOW)) == set(BOTH)


@pytest.mark.parametrize(
    ("status", "retry", "cause"),
    [
        (202, "60", errors.Unavailable),
        (202, None, errors.Unavailable),
        (400, None, errors.RequestError),
        (401, None, errors.AuthenticationFailed),
        (403, None, errors.NotAuthorized),
        (404, None, errors.NotFound),
        (413, None, errors.RequestError),
        (429, None, errors.QuotaExceeded),
        (429, "60", errors.Unavailable),
        (500, None, errors.Unavailable),
        (502, "60", errors.Unavailable),
        (503, "60", errors.Unavailable),
        (503, None, errors.Unavailable),
        (204, None, errors.MalformedRequest),
        (302, None, errors.MalformedRequest),
        (999, None, errors.MalformedRequest),
    ],
)
def test_every_status_has_its_cause(status: int, retry: str | None, cause: type[errors.KeyworksError]) -> None:
    with pytest.raises(errors.KeyworksError) as caught:
        certificates_in(_answer(status, b"The server says why.\n", retry), NOW)
    assert type(caught.value) is cause
    if isinstance(caught.value, errors.Unavailable):
        assert caught.value.retry_after == (timedelta(minutes=1) if retry else DEFAULT_RETRY)


@pytest.mark.parametrize(
    ("body", "says"), [(b"", "Ask for the same again later."), (b"Ticket 7.\n", "Ticket 7.")]
)
def test_a_request_that_waits_for_approval_is_told_from_one_that_failed(body: bytes, says: str) -> None:
    """RFC 7030 §4.2.3."""
    with pytest.raises(errors.Unavailable) as caught:
        certificates_in(_answer(202, body, "60"), NOW)
    assert caught.value.detail == f"Waiting for approval. {says}"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 503])
def test_the_server_s_sentence_is_handed_on(status: int) -> None:
    with pytest.raises(errors.KeyworksError) as caught:
        certificates_in(_answer(status, "Gerät 7 ist außer Dienst.\n".encode()), NOW)
    assert caught.value.detail == "Gerät 7 ist außer Dienst."


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"", "text/plain"), (b"<html>no</html>", "text/html"), (b"\x1b\x00\r\n", "text/plain")],
)
def test_an_answer_without_a_sentence_gets_one(body: bytes, kind: str) -> None:
    with pytest.raises(errors.NotAuthorized, match="does not say why"):
        certificates_in(_answer(403, body, kind=kind), NOW)


def test_a_sentence_cannot_command_the_terminal_or_fill_it() -> None:
    with pytest.raises(errors.NotAuthorized) as caught:
        certificates_in(_answer(403, b"\x1b[2JNo\x07\x9b\xe2\x80\xae" + b"x" * 10_000 + b"\nmore"), NOW)
    assert caught.value.detail.isprintable()
    assert len(caught.value.detail) <= 400
    assert "more" not in caught.value.detail


@pytest.mark.parametrize(
    "body",
    [b"", b"\n", b"<html>Sign in</html>", b"AAAA", GOOD[:-9], base64.b64encode(certs_only(()))],
    ids=["nothing", "space", "a web page", "no DER", "half", "none"],
)
def test_a_200_without_certificates_is_no_answer(body: bytes) -> None:
    with pytest.raises(errors.MalformedRequest, match="EST server"):
        certificates_in(_answer(body=body), NOW)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", timedelta(minutes=2)),
        (" 120 ", timedelta(minutes=2)),
        ("0", timedelta(seconds=1)),
        ("9" * 400, LONGEST_RETRY),
        ("Mon, 21 Sep 2026 12:02:00 GMT", timedelta(minutes=2)),
        ("Mon, 21 Sep 2026 11:00:00 GMT", timedelta(seconds=1)),
        ("Mon, 21 Sep 9999 12:00:00 GMT", LONGEST_RETRY),
        ("", None),
        (None, None),
        ("soon", None),
        ("-5", None),
        ("²", None),
        ("Mon, 32 Sep 2026 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_an_instant(header: str | None, wait: timedelta | None) -> None:
    """RFC 9110 §10.2.3."""
    assert retry_after(header, NOW) == wait


_BODIES = st.one_of(
    st.binary(max_size=400),
    st.binary(max_size=400).map(base64.b64encode),
    st.builds(
        lambda place, octet: base64.b64encode(_changed(certs_only(BOTH), place, octet)),
        st.integers(0, 10_000),
        st.integers(0, 255),
    ),
)


def _changed(octets: bytes, place: int, octet: int) -> bytes:
    place %= len(octets)
    return octets[:place] + bytes((octet,)) + octets[place + 1 :]


@settings(max_examples=400, deadline=None)
@given(
    status=st.one_of(st.integers(100, 999), st.sampled_from([200, 202, 401, 429, 503])),
    kind=st.sampled_from(["text/plain", "text/html", "application/pkcs7-mime", ""]),
    retry=st.one_of(st.none(), st.text(max_size=40), st.dates().map(lambda day: day.strftime("%a, %d %b %Y"))),
    body=_BODIES,
)
def test_whatever_is_answered_is_certificates_or_a_cause(
    status: int, kind: str, retry: str | None, body: bytes
) -> None:
    try:
        outcome = f"{len(certificates_in(Answer(status, kind, retry, body), NOW))} certificates"
    except errors.KeyworksError as error:
        outcome = error.detail
    assert outcome.isprintable()
    assert "certificates" not in outcome[:15] or (status == 200 and outcome[0] != "0")


@pytest.mark.parametrize(
    ("header", "superseded"),
    [
        ("", ()),
        ("6B1d0", ("6b1d0",)),
        (" 1,2 ,\t3", ("1", "2", "3")),
        (", ".join(["f" * 40] * MAX_SUPERSEDED), ("f" * 40,) * MAX_SUPERSEDED),
        (", ".join(["1"] * (MAX_SUPERSEDED + 1)), ()),
        ("1" * 41, ()),
        ("1,,2", ()),
        ("1, \x1b[2J", ()),
        ("\u0661", ()),
        ("your certificate", ()),
    ],
)
def test_what_was_superseded_is_a_list_of_serial_numbers_or_nothing(
    header: str, superseded: tuple[str, ...]
) -> None:
    """RFC 5280 §4.1.2.2: at most 20 octets."""
    assert superseded_in(Answer(200, "", None, b"", header)) == superseded


def test_our_server_says_it_in_the_header_that_is_read_and_within_its_bound() -> None:
    assert est.SUPERSEDED == SUPERSEDED
    assert est.MAX_SUPERSEDED <= MAX_SUPERSEDED
