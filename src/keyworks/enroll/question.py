"""What is sent to an EST server: whole requests as values, before any socket is open. Pure.

Source: RFC 7030 §3.2.1 (redirections), §3.2.2 (URIs), §3.2.3 (HTTP Basic); RFC 8951 §3.1.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final
from urllib.parse import urljoin, urlsplit

from keyworks.access.credential import BasicCredentials
from keyworks.enroll.answer import Answer
from keyworks.enroll.binding import UnboundRequest
from keyworks.enroll.trust import Address
from keyworks.errors import MalformedRequest, OperatorError

ROOT: Final = "/.well-known/est/"
MAX_REDIRECTIONS: Final = 3
_MAX_LOCATION: Final = 2048
# RFC 8951 §3.1 has receivers ignore the transfer encoding; servers older than it insist.
_PKCS10: Final = MappingProxyType({"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64"})
_PATH: Final = re.compile(re.escape(ROOT) + r"[A-Za-z0-9._~/-]{1,200}", re.ASCII)
_SAME_METHOD: Final = frozenset({307, 308})
_REDIRECTIONS: Final = frozenset({301, 302, 303, *_SAME_METHOD})


@dataclass(frozen=True, slots=True)
class Question:
    """An HTTP request, whole.

    Args:
        method: HTTP's.
        path: On the server that is asked.
        headers: Its own, beside those of every request.
        body: As it goes out, or what it is made from when its connection is there; ``None`` for no body.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | UnboundRequest | None = field(default=None, repr=False)


def asking(label: str, operation: str) -> Question:
    """Return a question that needs no proof of who asks: ``cacerts``, ``csrattrs``."""
    return Question("GET", f"{ROOT}{label}/{operation}")


def requesting(
    label: str,
    operation: str,
    request: bytes | UnboundRequest,
    authorization: Mapping[str, str] = MappingProxyType({}),
) -> Question:
    """Return a question that carries a PKCS#10 request: ``simpleenroll``, ``simplereenroll``, ``serverkeygen``.

    Args:
        label: The channel's.
        operation: What is asked for.
        request: DER, or one that is to be bound to its connection.
        authorization: The header that says who asks, if TLS does not.
    """
    headers = {**_PKCS10, **authorization}
    body = request if isinstance(request, UnboundRequest) else base64.b64encode(request)
    return Question("POST", f"{ROOT}{label}/{operation}", headers, body)


def authorization_of(credentials: BasicCredentials) -> dict[str, str]:
    """Return the header that says who asks.

    Raises:
        OperatorError: HTTP Basic cannot carry the name.
    """
    if not credentials.user or ":" in credentials.user:
        raise OperatorError("A user name of HTTP Basic is not empty and has no colon (RFC 7617 §2).")
    pair = f"{credentials.user}:{credentials.password}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def redirected(question: Question, answer: Answer, address: Address) -> Question | None:
    """Return what to ask next if the answer says to ask elsewhere, or ``None`` if it is an answer.

    Only the same server is asked, and only below EST's own path: another one would need somebody's consent, and
    nobody is there to be asked. A request that carries something is repeated as it is, or not at all.

    Raises:
        MalformedRequest: It names another place, or none.
    """
    if answer.status not in _REDIRECTIONS:
        return None
    if question.method != "GET" and answer.status not in _SAME_METHOD:
        raise _elsewhere(answer.status, "and would change the request")
    location = answer.location or ""
    origin = f"https://{address.text}"
    try:
        target = urlsplit(urljoin(f"{origin}{question.path}", location))
        same = (target.scheme, target.hostname, target.port or 443) == ("https", address.host, address.port)
    except ValueError as error:
        raise _elsewhere(answer.status, "to no address") from error
    plain = len(location) <= _MAX_LOCATION and _PATH.fullmatch(target.path) and ".." not in target.path
    if not location or not plain or target.query:
        raise _elsewhere(answer.status, "to a place that is no EST operation")
    if not same:
        server = target.netloc.rpartition("@")[2][:100]
        raise _elsewhere(answer.status, f"to {target.scheme}://{ascii(server)[1:-1]}")
    return replace(question, path=target.path)


def _elsewhere(status: int, where: str) -> MalformedRequest:
    return MalformedRequest(
        f"The server sends us elsewhere (HTTP {status}), {where}; that is not followed (RFC 7030 §3.2.1). "
        "If that server is yours, name it."
    )


def too_often(address: Address) -> MalformedRequest:
    """Return what to say of a server that goes on sending us elsewhere."""
    return MalformedRequest(
        f"The server at {address.text} sends us elsewhere again and again; check that it is an EST server."
    )
