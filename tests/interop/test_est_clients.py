"""What other clients put on the wire, and what they need to read: over the real socket."""

import base64
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from keyworks.cms.signed_data import parse_certs_only
from tests.interop.est_plant import Client, Site

VECTORS: Final = Path(__file__).parents[1] / "vectors" / "est-clients"
CLIENTS: Final = sorted(file.stem for file in VECTORS.glob("*.http"))


@dataclass(frozen=True)
class Written:
    """How a client writes.

    Args:
        head: Its request's head, without the length.
        line: Characters in a line of base64; 0 for one line.
        end: What ends each line.
        chunked: Whether the body comes in chunks.
        waits: Whether it waits for 100 Continue.
    """

    head: bytes
    line: int = 0
    end: bytes = b""
    chunked: bool = False
    waits: bool = False

    @classmethod
    def of(cls, name: str) -> "Written":
        text = (VECTORS / f"{name}.http").read_bytes()
        head, _, body = text.partition(b"\n\n")
        lines = body.rstrip(b"\n").split(b"|")
        return cls(
            head=head.replace(b"\n", b"\r\n"),
            line=int(lines[1]),
            end=lines[2].decode("unicode_escape").encode(),
            chunked=b"chunked" in head,
            waits=b"100-continue" in head,
        )

    def body(self, der: bytes) -> bytes:
        text = base64.b64encode(der)
        size = self.line or len(text)
        return b"".join(text[place : place + size] + self.end for place in range(0, len(text), size))


def _send(site: Site, client: Client, written: Written, body: bytes) -> tuple[bytes, bytes]:
    """Send a request as a client writes it; return head and body of the answer."""
    context = ssl.create_default_context(cafile=str(site.trust))
    context.load_cert_chain(client.chain, client.key)
    host, port = site.server.enrollment.rpartition("/")[2].rsplit(":", 1)
    framed = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if written.chunked else body
    length = b"" if written.chunked else b"\r\nContent-Length: %d" % len(body)
    with (
        socket.create_connection((host, int(port)), 20) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
        connection.makefile("rb") as answer,
    ):
        connection.sendall(written.head + length + b"\r\n\r\n")
        if written.waits:
            assert answer.readline() == b"HTTP/1.1 100 Continue\r\n"
            assert answer.readline() == b"\r\n"
        connection.sendall(framed)
        head = b"".join(iter(answer.readline, b"\r\n"))
        [length_line] = [one for one in head.lower().splitlines() if one.startswith(b"content-length")]
        return head, answer.read(int(length_line.partition(b":")[2]))


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_s_way_to_ask_is_answered(supplier_site: Site, station: Client, name: str) -> None:
    supplier_site.register(f"SN-client-{name}")
    written = Written.of(name)
    wish = supplier_site.wish(f"/serialNumber=SN-client-{name}")
    head, body = _send(supplier_site, station, written, written.body(wish.der))
    assert head.split(b" ")[1] == b"200", body
    [certificate] = parse_certs_only(base64.b64decode(body))
    assert f"SN-client-{name}".encode() in certificate


def test_libest_gets_lines_that_it_can_read_and_others_get_one(supplier_site: Site, station: Client) -> None:
    lengths = {}
    for name in ("libest", "bare"):
        written = Written.of(name)
        supplier_site.register(f"SN-lines-{name}")
        wish = supplier_site.wish(f"/serialNumber=SN-lines-{name}")
        _, body = _send(supplier_site, station, written, written.body(wish.der))
        lengths[name] = [len(line) for line in body.splitlines()]
    assert max(lengths["libest"]) == 64
    assert len(lengths["bare"]) == 1


def test_every_vector_has_an_origin() -> None:
    origin = (VECTORS / "ORIGIN.md").read_text()
    assert CLIENTS
    assert all(f"`{name}.http`" in origin for name in CLIENTS)
