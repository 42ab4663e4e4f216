"""What goes into a protocol adapter, and what comes out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from keyworks.access.credential import PresentedChain


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
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    source: str
    presented: PresentedChain | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response, whole."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    content_type: str = field(default="text/plain; charset=utf-8")
