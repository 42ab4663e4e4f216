"""The HTTP request whose body is made when its connection is there, and for that connection alone.

The HTTP client takes a connection, new or kept alive, first, and then lets the request write itself to it. In
between is the one place where nothing can put another connection under a body that is made already.

Source: RFC 7030 §3.5; RFC 8951 §3.1.
"""

import base64
import ssl

import aiohttp
from aiohttp.connector import Connection

from keyworks.enroll.binding import UnboundRequest
from keyworks.errors import Unavailable


class UnboundBody(aiohttp.BytesPayload):
    """Stands for a body until its connection is there.

    Args:
        request: What the body is made from.
    """

    def __init__(self, request: UnboundRequest) -> None:
        super().__init__(b"")
        self.request = request


class BindingClientRequest(aiohttp.ClientRequest):
    """Makes an ``UnboundBody`` for the connection that carries it."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Send the request, bound.

        Raises:
            Unavailable: The connection cannot be told from others.
        """
        body = self.body
        if isinstance(body, UnboundBody):
            der = await body.request.bound_to(_identifier(conn))
            await self.update_body(base64.b64encode(der))
        return await super().send(conn)


def _identifier(connection: Connection) -> bytes:
    tls = connection.transport.get_extra_info("ssl_object") if connection.transport is not None else None
    found = tls.get_channel_binding("tls-unique") if isinstance(tls, ssl.SSLObject) else None
    if not found:
        raise Unavailable(
            "The connection broke before a request could be made for it; run the same again.",
        )
    return found
