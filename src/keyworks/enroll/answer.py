"""What a server's answer means. Pure; everything in an answer is hostile until the last line.

======================  =========================================================
answer                  becomes
======================  =========================================================
200                     the certificates in it
202                     ``Unavailable``: waits for approval
401                     ``AuthenticationFailed``
403                     ``NotAuthorized``
404                     ``NotFound``
429, 503                ``Unavailable`` with Retry-After; 429 without, ``QuotaExceeded``
other 4xx               ``RequestError``
other 5xx               ``Unavailable``
anything else           ``MalformedRequest``
======================  =========================================================

A server of ours that revokes other certificates for the new one says which in ``Keyworks-Superseded``.

Source: RFC 7030 §4.1.3, §4.2.3; RFC 8951 §3.1; RFC 9110 §10.2.3 (Retry-After), §5.6.1 (lists).
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from keyworks import errors
from keyworks.cms.signed_data import parse_certs_only

MAX_ANSWER_OCTETS: Final = 512 * 1024
"""A certs-only message of the largest size looked at, in base64, with room for white space."""

DEFAULT_RETRY: Final = timedelta(seconds=30)
LONGEST_RETRY: Final = timedelta(days=7)
SUPERSEDED: Final = "Keyworks-Superseded"
MAX_SUPERSEDED: Final = 64
"""Serial numbers that are believed; of a server that names more, none is."""

_SERIAL_NUMBER: Final = re.compile(r"[0-9A-Fa-f]{1,40}")
_MAX_SENTENCE: Final = 400
_WHITESPACE: Final = re.compile(rb"[ \t\r\n]+")
_OK, _ACCEPTED, _TOO_MANY, _UNAVAILABLE = 200, 202, 429, 503
_REFUSALS: Final[Mapping[int, type[errors.KeyworksError]]] = {
    401: errors.AuthenticationFailed,
    403: errors.NotAuthorized,
    404: errors.NotFound,
    _TOO_MANY: errors.QuotaExceeded,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response, whole.

    Args:
        status: HTTP's.
        content_type: Media type, without parameters, in lower case.
        retry_after: The header's value, if there is one.
        body: At most ``MAX_ANSWER_OCTETS``.
        superseded: The header's value, empty if there is none.
        location: The header's value, if there is one.
        boundary: Of the parts of a multipart body, if the content type names one.
    """

    status: int
    content_type: str
    retry_after: str | None
    body: bytes = field(repr=False)  # a private key may be in it
    superseded: str = ""
    location: str | None = None
    boundary: str = ""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a server issued; nobody has checked it yet.

    Args:
        der: The certificate, or so it says.
        superseded: Serial numbers, in hexadecimal, of the certificates that it replaces and that are revoked.
    """

    der: bytes
    superseded: tuple[str, ...] = ()


def certificates_in(answer: Answer, now: datetime) -> tuple[bytes, ...]:
    """Return the certificates that a server answered with, DER, at least one.

    Args:
        answer: What came.
        now: Retry-After may name an instant.

    Raises:
        KeyworksError: It answered something else; see the module's table.
    """
    check_ok(answer, now)
    return certificates_of(answer.body)


def check_ok(answer: Answer, now: datetime) -> None:
    """Refuse an answer that does not hold what was asked for.

    Raises:
        KeyworksError: By cause; see the module's table.
    """
    if answer.status != _OK:
        raise _refusal(answer, now)


def certificates_of(body: bytes) -> tuple[bytes, ...]:
    """Return the certificates in a certs-only message in base64, DER, at least one.

    Raises:
        MalformedRequest: There are none.
    """
    try:
        found = parse_certs_only(octets_of_base64(body))
    except errors.MalformedRequest as error:
        raise foreign("holds no certificates") from error
    if not found:
        raise foreign("holds no certificates")
    return found


def only_certificate(certificates: tuple[bytes, ...]) -> bytes:
    """Return the one certificate that was issued: an answer contains no other (RFC 7030 §4.2.3).

    Raises:
        MalformedRequest: There are several.
    """
    if len(certificates) != 1:
        raise errors.MalformedRequest(
            f"The server answered with {len(certificates)} certificates; the one issued was expected."
        )
    return certificates[0]


def octets_of_base64(body: bytes) -> bytes:
    """Return what base64 says, whatever white space is in it (RFC 8951 §3.1).

    Raises:
        MalformedRequest: It is none.
    """
    try:
        return base64.b64decode(_WHITESPACE.sub(b"", body), validate=True)
    except binascii.Error as error:
        raise foreign("is not base64") from error


def granted_in(answer: Answer, now: datetime) -> Granted:
    """Return what a server issued.

    Args:
        answer: What came.
        now: Retry-After may name an instant.

    Raises:
        KeyworksError: It answered something else; see the module's table.
    """
    return Granted(only_certificate(certificates_in(answer, now)), superseded_in(answer))


def superseded_in(answer: Answer) -> tuple[str, ...]:
    """Return the serial numbers of the certificates that a server says it has revoked for the new one.

    Nothing depends on them but what people are told, so a value that cannot be such a list says nothing.
    """
    listed = [one.strip() for one in answer.superseded.split(",", MAX_SUPERSEDED)]
    if len(listed) > MAX_SUPERSEDED or not all(_SERIAL_NUMBER.fullmatch(one) for one in listed):
        return ()
    return tuple(one.lower() for one in listed)


def foreign(what: str) -> errors.MalformedRequest:
    """Return what to say of an answer that is none of EST's."""
    return errors.MalformedRequest(
        f"The server's answer {what}; check that the address is an EST server's (RFC 7030 §4.2.3)."
    )


def _refusal(answer: Answer, now: datetime) -> errors.KeyworksError:
    status = answer.status
    sentence = _sentence(answer)
    wait = retry_after(answer.retry_after, now)
    if status == _ACCEPTED:
        said = sentence or "Ask for the same again later."
        return errors.Unavailable(f"Waiting for approval. {said}", retry_after=wait or DEFAULT_RETRY)
    if status == _UNAVAILABLE or (status == _TOO_MANY and wait is not None):
        said = sentence or f"The server cannot answer now (HTTP {status})."
        return errors.Unavailable(said, retry_after=wait or DEFAULT_RETRY)
    if 400 <= status < 500:
        cause = _REFUSALS.get(status, errors.RequestError)
        return cause(sentence or f"The server refuses the request (HTTP {status}) and does not say why.")
    if 500 <= status < 600:
        said = sentence or "It does not say why."
        return errors.Unavailable(
            f"The server failed (HTTP {status}): {said}", retry_after=wait or DEFAULT_RETRY
        )
    return foreign(f"has status {status}, which EST does not use here")


def _sentence(answer: Answer) -> str:
    """Return the first line of a plain-text answer, fit for a terminal."""
    if answer.content_type != "text/plain":
        return ""
    line = answer.body[: 4 * _MAX_SENTENCE].decode("utf-8", "replace").strip().partition("\n")[0]
    return "".join(char for char in line if char.isprintable())[:_MAX_SENTENCE].strip()


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """Return how long a Retry-After header says to wait: at least a second, at most a week.

    Returns:
        ``None`` where there is no such header, or none that means anything.
    """
    text = (header or "").strip()
    if not text:
        return None
    if text.isascii() and text.isdecimal():
        wait = timedelta(seconds=min(int(text[:9]), int(LONGEST_RETRY.total_seconds())))
    else:
        try:
            moment = parsedate_to_datetime(text)
            wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
        except (ValueError, OverflowError, TypeError):
            return None
    return max(timedelta(seconds=1), min(wait, LONGEST_RETRY))
