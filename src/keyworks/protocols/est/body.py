"""Bodies as EST carries them: base64 of DER.

Source: RFC 8951 §3.
"""

import base64
import binascii
import re
from dataclasses import replace
from typing import Final

from keyworks import errors
from keyworks.authority.channel import Encoding
from keyworks.cms.signed_data import certs_only
from keyworks.protocols.exchange import Reply

PKCS7: Final = "application/pkcs7-mime"
_LINE: Final = 64
_BASE64: Final = ("Content-Transfer-Encoding", "base64")
_NEED_WRAPPING: Final = ("libest",)
"""How clients that fail on a long line introduce themselves."""
_WHITESPACE: Final = re.compile(rb"[ \t\r\n]+")


def certificates(ders: tuple[bytes, ...], content_type: str) -> Reply:
    """Return a reply that carries certificates, in no order, being a SET (RFC 5652 §10.2.3)."""
    return base64_body(certs_only(ders), content_type)


def base64_body(der: bytes, content_type: str) -> Reply:
    """Return a reply that carries DER."""
    # One line and a line feed: clients that never skip white space and clients that need it both cope.
    body = base64.b64encode(der) + b"\n"
    return Reply(200, (_BASE64,), body, content_type)


def encoded(reply: Reply, encoding: Encoding, user_agent: str) -> Reply:
    """Return a reply with its base64 as the channel wants it, or as the client is known to need it.

    Args:
        reply: With its base64 on one line, or another one, which stays as it is.
        encoding: The channel's.
        user_agent: The client's, empty where it does not say.
    """
    wraps = encoding is Encoding.WRAPPED or (
        encoding is Encoding.AUTO and user_agent.lower().startswith(_NEED_WRAPPING)
    )
    return (
        replace(reply, body=_lines(reply.body.strip(), b"\n")) if wraps and _BASE64 in reply.headers else reply
    )


def wrapped(der: bytes, end: bytes) -> bytes:
    """Return DER in base64 as a part of a MIME message has it, each line with its end (RFC 2045 §6.8)."""
    return _lines(base64.b64encode(der), end)


def _lines(text: bytes, end: bytes) -> bytes:
    return b"".join(text[place : place + _LINE] + end for place in range(0, len(text), _LINE))


def decode_base64(body: bytes) -> bytes:
    """Return the octets of a base64 body, white space ignored.

    Raises:
        MalformedRequest: Not base64.

    Source: RFC 8951 §3.1.
    """
    if body.lstrip().startswith(b"-----"):
        raise errors.MalformedRequest(
            "The body is PEM; send the base64 alone, without the BEGIN and END lines."
        )
    try:
        return base64.b64decode(_WHITESPACE.sub(b"", body), validate=True)
    except binascii.Error as error:
        raise errors.MalformedRequest("The body is not base64 (RFC 4648 §4).") from error
