"""Base64 as each client can read it."""

import base64

import pytest

from keyworks.authority.channel import Encoding
from keyworks.protocols.est.body import base64_body, encoded, wrapped
from keyworks.protocols.exchange import Reply

DER = bytes(range(200))
ONE_LINE = base64.b64encode(DER) + b"\n"
LIBEST = "libest 3.2.0"


@pytest.mark.parametrize(
    ("encoding", "user_agent", "wraps"),
    [
        (Encoding.AUTO, "", False),
        (Encoding.AUTO, "curl/8", False),
        (Encoding.AUTO, LIBEST, True),
        (Encoding.AUTO, "Libest", True),
        (Encoding.AUTO, "not libest", False),
        (Encoding.ONE_LINE, LIBEST, False),
        (Encoding.WRAPPED, "", True),
        (Encoding.WRAPPED, LIBEST, True),
    ],
)
def test_a_body_is_written_as_the_channel_says_or_the_client_needs(
    encoding: Encoding, user_agent: str, wraps: bool
) -> None:
    """RFC 8951 §3.1 leaves white space open, and no single way suits every client."""
    reply = encoded(base64_body(DER, "application/pkcs7-mime"), encoding, user_agent)
    assert reply.body == (wrapped(DER, b"\n") if wraps else ONE_LINE)
    assert max(map(len, reply.body.splitlines())) == (64 if wraps else len(ONE_LINE) - 1)
    assert base64.b64decode(reply.body) == DER


def test_what_is_no_base64_stays_as_it_is() -> None:
    """A sentence, or a message of several parts, which has lines of its own."""
    for reply in (Reply(200, body=b"x" * 200), Reply(204)):
        assert encoded(reply, Encoding.WRAPPED, LIBEST) == reply


@pytest.mark.parametrize("size", [0, 1, 47, 48, 49, 96])
def test_lines_have_64_characters_and_an_end(size: int) -> None:
    lines = wrapped(bytes(size), b"\r\n").split(b"\r\n")
    assert lines.pop() == b""
    assert [len(one) for one in lines[:-1]] == [64] * (len(lines) - 1)
    assert base64.b64decode(b"".join(lines)) == bytes(size)
