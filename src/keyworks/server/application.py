"""The ASGI application of each listener: a request, whole, to the adapter that answers it."""

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog

from keyworks.errors import InternalError, KeyworksError, NotFound
from keyworks.protocols.exchange import Reply, Request, refuse
from keyworks.server.counters import Counters
from keyworks.server.meter import OPERATIONS

Respond = Callable[[Request], Awaitable[Reply]]
"""What a protocol adapter offers."""

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

MAX_LOGGED: Final = 60
"""Refusals of one status, and notices, that are logged one by one until the counts are told.

A stranger can provoke many.
"""

_MAX_WORDS: Final = 200
"""Characters of a stranger's in a line of the log."""

_OUR_FAULT: Final = 500
_COUNTED_BY_NAME: Final = frozenset(OPERATIONS[:6])
_COUNTED: Final = {"aia": "aia", "healthz": "health", "readyz": "health", "metrics": "metrics"}
_NO_CONTENT: Final = 204


class Application:
    """Dispatches by the first part of the path.

    Args:
        routes: Adapters by the prefix of the paths they answer.
        log: Where refusals and our own failures go.
        counters: Where refusals are counted, whether logged or not.
        listener: The name under which its answers are counted.
    """

    def __init__(
        self,
        routes: Mapping[str, Respond],
        log: structlog.typing.FilteringBoundLogger,
        counters: Counters,
        listener: str = "enrollment",
    ) -> None:
        self._routes = tuple(routes.items())
        self._log = log
        self._counters = counters
        self._meter = counters.meter
        self._listener = listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3)."""
        body = await _whole_body(receive)
        if body is None:
            return
        client = scope.get("client")
        request = Request(
            method=scope["method"],
            path=scope["path"],
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            body=body,
            source=client[0] if client else "unknown",
            presented=scope["state"].get("presented"),
            binding=scope["state"].get("binding"),
            secure=scope.get("scheme") == "https",
        )
        begun = time.perf_counter()
        reply = await self._answer(request)
        seconds = time.perf_counter() - begun
        self._meter.answered(self._listener, _operation(request.path), reply.status, seconds)
        if reply.cause:
            self._meter.refused(reply.cause)
        await _deliver(reply, send)

    async def _answer(self, request: Request) -> Reply:
        try:
            reply = await self._route(request)(request)
        except Exception as error:  # noqa: BLE001 - the one place: whatever went wrong, the client gets an answer
            return self._failed(request, error)
        if reply.status >= 400:
            self._log_refusal(request, reply)
        elif reply.notice:
            self._log_notice(request, reply)
        else:
            self._log.debug("answered", **_described(request), status=reply.status)
        return reply

    def _log_refusal(self, request: Request, reply: Reply) -> None:
        if self._counters.count(f"refused_{reply.status}") > MAX_LOGGED:
            return
        said = {"status": reply.status, "reason": reply.body.decode("utf-8", "replace").strip()[:_MAX_WORDS]}
        if reply.private:
            said["private"] = reply.private
        log = self._log.warning if reply.status >= _OUR_FAULT else self._log.info
        log("refused", **_described(request), **said)

    def _log_notice(self, request: Request, reply: Reply) -> None:
        if self._counters.count("noticed") > MAX_LOGGED:
            return
        self._log.warning("noticed", **_described(request), status=reply.status, notice=reply.notice)

    def _route(self, request: Request) -> Respond:
        for prefix, respond in self._routes:
            if request.path.startswith(prefix):
                return respond
        return _nothing_here

    def _failed(self, request: Request, error: Exception) -> Reply:
        """Log what happened, and tell the client only where in the log it stands."""
        reference = secrets.token_hex(4)
        foreseen = error if isinstance(error, KeyworksError) else InternalError("")
        self._log.error(
            "failed", **_described(request), reference=reference, private=foreseen.private, exc_info=error
        )
        sentence = (
            f"Something went wrong here, not with you; the operator finds it in the log as {reference}.\n"
        )
        return Reply(_OUR_FAULT, body=sentence.encode(), cause=type(foreseen).__name__)


def _operation(path: str) -> str:
    """Return what is counted together: EST's operations by name, the rest by where it is."""
    last = path.rpartition("/")[2]
    return last if last in _COUNTED_BY_NAME else _COUNTED.get(path[1:].partition("/")[0], "other")


async def _nothing_here(request: Request) -> Reply:
    return refuse(NotFound(f"There is nothing at {request.path[:200]} on this port."))


def _described(request: Request) -> dict[str, str]:
    return {"method": request.method, "path": request.path[:_MAX_WORDS], "source": request.source}


async def _whole_body(receive: Receive) -> bytes | None:
    """Return the request's body, which the connection has bounded; ``None`` if the client went away."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message["body"])
        if not message["more_body"]:
            return b"".join(parts)


async def _deliver(reply: Reply, send: Send) -> None:
    about_the_body = [
        (b"content-type", reply.content_type.encode("latin-1")),
        (b"content-length", str(len(reply.body)).encode()),
    ]
    headers = [
        *(about_the_body if reply.status != _NO_CONTENT else ()),  # RFC 9110 §8.6
        *((name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers),
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body, "more_body": False})
