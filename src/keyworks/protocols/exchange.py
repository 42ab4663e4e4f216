"""What goes into a protocol adapter, and what comes out; and how protocols on plain HTTP refuse."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil
from types import MappingProxyType
from typing import Final

from keyworks import errors
from keyworks.access.credential import ConnectionBinding, PresentedChain

_REALM: Final = 'Basic realm="keyworks", charset="UTF-8"'


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request, whole, as the server received it.

    Args:
        method: ``GET``, ``POST``, ...
        path: The decoded path, without the query.
        headers: Names in lower case; of a repeated header the last value.
        body: At most the listener's limit.
        source: The peer's address, for counts and the ledger.
        presented: The client's certificate chain where TLS asked for one: untrusted.
        secure: Whether it came over TLS, and the reply goes back over it.
        binding: What identifies the TLS connection.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)  # a one-time secret may be among them
    body: bytes = field(repr=False)
    source: str
    presented: PresentedChain | None = None
    secure: bool = False
    binding: ConnectionBinding | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response, whole.

    Args:
        status: HTTP's.
        headers: Besides Content-Type and those about the connection.
        body: As sent.
        content_type: Of ``body``.
        private: What only our own log may hold; never sent.
        notice: What an operator should see in the log though nothing was refused; never sent either.
        cause: Of a refusal, for counts: a class of ``errors``; never sent either.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    content_type: str = "text/plain; charset=utf-8"
    private: str = field(default="", repr=False)
    notice: str = ""
    cause: str = ""


STATUS: Final[Mapping[type[errors.KeyworksError], int]] = MappingProxyType(
    {
        errors.MalformedRequest: 400,
        errors.BadProofOfPossession: 400,
        errors.BadSubjectKey: 400,
        errors.RejectedName: 400,
        errors.StaleTime: 400,
        errors.Replayed: 400,
        errors.BadSignature: 400,
        errors.NotFound: 404,
        errors.AuthenticationFailed: 401,
        errors.NotAuthorized: 403,
        errors.QuotaExceeded: 429,
        errors.Unavailable: 503,
        errors.OperatorError: 500,
        errors.InternalError: 500,
    }
)
"""Each cause's HTTP status; a leaf without a row of its own has its parent's."""


def refuse(error: errors.KeyworksError) -> Reply:
    """Return the reply that says what is wrong."""
    status = next(STATUS[cause] for cause in type(error).__mro__ if cause in STATUS)
    headers: tuple[tuple[str, str], ...] = ()
    if status == 401:
        headers = (("WWW-Authenticate", _REALM),)
    if isinstance(error, errors.Unavailable):
        headers = (_retry_after(error.retry_after),)
    body = f"{error.detail}\n".encode()
    return Reply(status, headers, body, private=error.private, cause=type(error).__name__)


def method_not_allowed(method: str) -> Reply:
    """Return the reply to a request with another method than the one that is served."""
    allowed = "GET, HEAD" if method == "GET" else method
    return Reply(405, headers=(("Allow", allowed),), body=f"Use {method} here.\n".encode())


def postponed(retry_after: timedelta, sentence: str) -> Reply:
    """Return the reply to a request that was taken and waits for somebody."""
    return Reply(202, (_retry_after(retry_after),), f"{sentence}\n".encode())


def _retry_after(span: timedelta) -> tuple[str, str]:
    return "Retry-After", str(max(1, ceil(span.total_seconds())))
