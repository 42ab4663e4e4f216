"""The EST client: for devices, and for stations and RAs that ask on behalf of many.

Importing this module imports aiohttp; who may not need it imports it late.

Source: RFC 7030 §3.2, §4.1, §4.2; RFC 8951 §3.
"""

import asyncio
import random
import re
import ssl
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self, TypeVar

import aiohttp
from yarl import URL

from keyworks import __version__
from keyworks.access.credential import BasicCredentials
from keyworks.algorithms.public_key import PublicKey
from keyworks.authority.channel import check_label
from keyworks.enroll.answer import (
    MAX_ANSWER_OCTETS,
    SUPERSEDED,
    Answer,
    Granted,
    certificates_in,
    granted_in,
)
from keyworks.enroll.attributes import attributes_in
from keyworks.enroll.binding import UnboundRequest
from keyworks.enroll.connection import BindingClientRequest, UnboundBody
from keyworks.enroll.credential import ClientCertificate, ClientCredential, client_context
from keyworks.enroll.issued import Issued, check_issued
from keyworks.enroll.persistence import Persistence, Tries
from keyworks.enroll.question import (
    MAX_REDIRECTIONS,
    Question,
    asking,
    authorization_of,
    redirected,
    requesting,
    too_often,
)
from keyworks.enroll.server_key import ServerKey, server_key_in
from keyworks.enroll.trust import Trust, parse_url, unreachable, without_tls
from keyworks.errors import InvalidPath, KeyworksError, MalformedRequest, OperatorError, Unavailable
from keyworks.x509.csr_attributes import CSRAttributes

_LOST: Final = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError)
_HEADERS: Final = {"User-Agent": f"keyworks/{__version__}", "Accept-Encoding": "identity"}
_VERSION_REFUSED: Final = frozenset({"TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"})
_BOUNDARY: Final = re.compile(r'boundary="?([^";\s]{1,70})"?', re.IGNORECASE)

Outcome = TypeVar("Outcome")
Pause = Callable[[float], Awaitable[None]]


class EnrollmentClient:
    """Asks one channel of one server for certificates, over connections that stay open.

    ::

        async with EnrollmentClient(url, "idevid", parse_trust("sha256:…"), station) as client:
            granted = await client.simpleenroll(request)

    Any number of tasks may share one client. Nothing is sent to a server that is not the trusted one.

    Args:
        url: ``https://host:port``.
        label: The channel's.
        trust: Says which certificates vouch for the server.
        credential: Who asks; ``None`` for ``cacerts`` alone.
        persistence: How hard it tries.
        pause: Waits for a number of seconds.

    Raises:
        OperatorError: URL, label or credential cannot be used.
    """

    def __init__(
        self,
        url: str,
        label: str,
        trust: Trust,
        credential: ClientCredential | None = None,
        persistence: Persistence | None = None,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._address = parse_url(url)
        self._label = check_label(label)
        self._trust = trust
        self._own = credential if isinstance(credential, ClientCertificate) else None
        self._authorization = authorization_of(credential) if isinstance(credential, BasicCredentials) else {}
        self._persistence = persistence or Persistence()
        self._pause = pause
        self._anchors: tuple[bytes, ...] = ()
        self._session: aiohttp.ClientSession | None = None
        self._binding: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Find out which certificates vouch for the server.

        Raises:
            InvalidPath: It is not the trusted server.
            Unavailable: It cannot be reached.
        """
        self._anchors = await self._persistently(lambda: self._trust.anchors(self._address))
        self._session = self._opened(binding=False)
        return self

    def _opened(self, *, binding: bool) -> aiohttp.ClientSession:
        context = client_context(self._anchors, self._own, binding=binding)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, limit=self._persistence.connections),
            timeout=aiohttp.ClientTimeout(total=self._persistence.request_time.total_seconds()),
            headers=_HEADERS,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            request_class=BindingClientRequest if binding else aiohttp.ClientRequest,
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        for one in (self._session, self._binding):
            if one is not None:
                await one.close()
        self._session = self._binding = None

    async def cacerts(self) -> tuple[bytes, ...]:
        """Return the channel's CA certificates, DER, in no particular order (RFC 7030 §4.1).

        Raises:
            KeyworksError: By cause; see ``answer``.
        """
        return await self._ask(asking(self._label, "cacerts"), certificates_in)

    async def csrattrs(self) -> CSRAttributes | None:
        """Return what the channel wants in a request; ``None`` if it does not say (RFC 7030 §4.5).

        Raises:
            KeyworksError: By cause; see ``answer``.
        """
        return await self._ask(asking(self._label, "csrattrs"), attributes_in)

    async def simpleenroll(self, request: bytes | UnboundRequest) -> Granted:
        """Return the certificate for a PKCS#10 request, both DER (RFC 7030 §4.2.1).

        A request may be repeated, for the same key and names: the server answers with the certificate that it
        has issued. One that is yet unbound is made for the connection that carries it (RFC 7030 §3.5).

        Raises:
            KeyworksError: By cause; see ``answer``.
        """
        return await self._request("simpleenroll", request, granted_in)

    async def simplereenroll(self, request: bytes | UnboundRequest) -> Granted:
        """Return the successor of the client's certificate, both DER (RFC 7030 §4.2.2).

        Raises:
            KeyworksError: By cause; see ``answer``.
        """
        return await self._request("simplereenroll", request, granted_in)

    async def serverkeygen(self, request: bytes | UnboundRequest) -> ServerKey:
        """Return a key that the server has made, with its certificate (RFC 7030 §4.4).

        The request's own key only signs it; it is not the one that is certified. Each request gets another key.

        Raises:
            KeyworksError: By cause; see ``answer``.
        """
        return await self._request("serverkeygen", request, server_key_in)

    async def check(
        self, granted: Granted, public_key: PublicKey, authorities: Sequence[bytes], *, at: int
    ) -> Issued:
        """Return what this channel's server issued, if it is what was asked for; see ``check_issued``.

        A next generation of its authority may have started since ``cacerts`` was asked, so a path that does not
        hold is tried once more with what ``cacerts`` says now.

        Raises:
            KeyworksError: By cause.
        """
        try:
            return check_issued(granted, public_key, authorities, at=at)
        except InvalidPath:
            present = await self.cacerts()
            if set(present) == set(authorities):
                raise
        return check_issued(granted, public_key, present, at=at)

    async def _request(
        self, operation: str, request: bytes | UnboundRequest, read: Callable[[Answer, datetime], Outcome]
    ) -> Outcome:
        return await self._ask(requesting(self._label, operation, request, self._authorization), read)

    async def _ask(self, question: Question, read: Callable[[Answer, datetime], Outcome]) -> Outcome:
        """Return what is read in the answer to a question."""

        async def once() -> Outcome:
            asked = question
            for _ in range(1 + MAX_REDIRECTIONS):
                answer = await self._exchange(asked)
                following = redirected(asked, answer, self._address)
                if following is None:
                    return read(answer, datetime.now(UTC))
                asked = following
            raise too_often(self._address)

        return await self._persistently(once)

    async def _persistently(self, attempt: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Try until it works, or may not be tried again."""
        tries = Tries(self._persistence)
        while True:
            try:
                return await attempt()
            except _LOST as error:
                pause = tries.after_loss(random.random())  # noqa: S311 - no secret
                if pause is None or isinstance(error, aiohttp.ClientSSLError):
                    raise self._explained(error) from error
            except aiohttp.ClientError as error:
                raise self._explained(error) from error
            except Unavailable as error:
                pause = tries.after_later(error.retry_after)
                if pause is None:
                    raise
            await self._pause(pause.total_seconds())

    async def _exchange(self, question: Question) -> Answer:
        """Send a question; return the answer."""
        session, body = self._over(question)
        url = URL.build(
            scheme="https", host=self._address.host, port=self._address.port, path=question.path, encoded=True
        )
        async with session.request(
            question.method, url, data=body, headers=question.headers, allow_redirects=False
        ) as response:
            content_type, _, parameters = response.headers.get("Content-Type", "").partition(";")
            boundary = _BOUNDARY.search(parameters)
            return Answer(
                status=response.status,
                content_type=content_type.strip().lower(),
                retry_after=response.headers.get("Retry-After"),
                body=await _bounded(response.content),
                superseded=", ".join(response.headers.getall(SUPERSEDED, ())),
                location=response.headers.get("Location"),
                boundary=boundary[1] if boundary else "",
            )

    def _over(self, question: Question) -> tuple[aiohttp.ClientSession, bytes | UnboundBody | None]:
        """Return the connections over which a question is sent, and its body."""
        if self._session is None:
            raise OperatorError("The enrollment client is not open; use it with `async with`.")
        if not isinstance(question.body, UnboundRequest):
            return self._session, question.body
        if self._binding is None:
            self._binding = self._opened(binding=True)
        return self._binding, UnboundBody(question.body)

    def _explained(self, error: Exception) -> KeyworksError:
        """Return a failed exchange by its cause, with what to do about it."""
        where = self._address.text
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return _untrusted(where, error.certificate_error)
        if isinstance(error, TimeoutError):
            return Unavailable(f"{where} does not answer in time; check that the server runs there.")
        if isinstance(error, aiohttp.ClientSSLError):
            return _without_tls12(where) if _is_of_versions(error) else without_tls(self._address, error)
        if isinstance(error, OSError):
            return unreachable(self._address, error)
        if isinstance(error, _LOST):
            return Unavailable(
                f"The connection to {where} broke before the answer was complete; run the same again.",
                private=str(error),
            )
        return MalformedRequest(
            f"What answers at {where} does not speak HTTP as it should; check host and port.",
            private=str(error),
        )


def _untrusted(where: str, error: Exception) -> InvalidPath:
    reason = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else str(error)
    return InvalidPath(
        f"The server at {where} is not the trusted one: {reason}. Nothing was sent to it. Check that --trust "
        "names its CA file or the fingerprint (sha256:…) of a certificate above it, and that the host name is "
        "one of its certificate's."
    )


def _is_of_versions(error: aiohttp.ClientSSLError) -> bool:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorSSLError) else None
    return isinstance(cause, ssl.SSLError) and cause.reason in _VERSION_REFUSED


def _without_tls12(where: str) -> MalformedRequest:
    return MalformedRequest(
        f"The server at {where} does not accept the version of TLS. A request that is bound to its connection "
        "goes over TLS 1.2, any other over 1.2 or 1.3; allow them there."
    )


async def _bounded(stream: aiohttp.StreamReader) -> bytes:
    parts, length = [], 0
    async for part in stream.iter_any():
        length += len(part)
        if length > MAX_ANSWER_OCTETS:
            raise MalformedRequest(f"The server's answer is larger than {MAX_ANSWER_OCTETS} octets.")
        parts.append(part)
    return b"".join(parts)
