"""Requests bound to their TLS connection: made by the client after the handshake (RFC 7030 §3.5)."""

import base64
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from msgspec.structs import replace
from OpenSSL import SSL

from keyworks.service.installation import Installation
from keyworks.service.policy.apply import amend
from keyworks.service.policy.document import with_section
from keyworks.settings.factory import FactoryDocument
from tests.interop.est_plant import Client, Site, openssl

LABEL = "stations"
VERSIONS = pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION], ids=["1.2", "1.3"])


@pytest.fixture(scope="module")
def holder(supplier_site: Site, station: Client) -> Iterator[Client]:
    """A station, whose channel requires for now that requests are bound."""
    _require(supplier_site, "required")
    yield station
    _require(supplier_site, "if-present")


def _require(site: Site, binding: str) -> None:
    def change(document: FactoryDocument) -> FactoryDocument:
        section = replace(document.channel[LABEL], channel_binding=binding)
        return with_section(document, "channel", LABEL, section)

    async def work(installation: Installation) -> None:
        await amend(installation, "binding", change)

    site.act(work)


@contextmanager
def _connected(site: Site, client: Client, version: int) -> Iterator[SSL.Connection]:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    context.use_certificate_chain_file(str(client.chain))
    context.use_privatekey_file(str(client.key))
    context.load_verify_locations(str(site.trust))
    context.set_verify(SSL.VERIFY_PEER)
    host, port = site.server.enrollment.rpartition("/")[2].rsplit(":", 1)
    with socket.create_connection((host, int(port)), 20) as plain:
        connection = SSL.Connection(context, plain)
        connection.set_connect_state()
        plain.setblocking(True)
        connection.do_handshake()
        yield connection


def _binding(connection: SSL.Connection) -> bytes:
    if connection.get_protocol_version() == SSL.TLS1_3_VERSION:
        return connection.export_keying_material(b"EXPORTER-Channel-Binding", 32)
    finished = connection.get_finished()
    assert finished is not None
    return finished


def _asked(site: Site, connection: SSL.Connection, password: str | None) -> tuple[int, str]:
    """Renew over a connection; return status and what is said."""
    folder = site.file("").with_suffix(".asking")
    folder.mkdir()
    key, settings = folder / "key", folder / "settings"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    attribute = f"[a]\nchallengePassword = {password}\n" if password is not None else "[a]\n"
    settings.write_text(
        "[req]\ndistinguished_name = d\nattributes = a\nprompt = no\n"
        f"[d]\nO = Example Supplier\nCN = line-1\n{attribute}"
    )
    der = openssl("req", "-new", "-key", key, "-config", settings, "-outform", "DER")
    body = base64.b64encode(der)
    head = (
        f"POST /.well-known/est/{LABEL}/simplereenroll HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: application/pkcs10\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    received = bytearray()
    while b"\r\n\r\n" not in received or len(received) < _whole(received):
        received += connection.recv(65536)
    answer = bytes(received).decode()
    return int(answer.split(" ")[1]), answer.partition("\r\n\r\n")[2]


def _whole(received: bytearray) -> int:
    head, _, _ = bytes(received).partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return len(head) + 4 + int(lengths[0].partition(b":")[2])


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


@VERSIONS
def test_a_request_with_its_connection_s_value_is_answered(
    supplier_site: Site, holder: Client, version: int
) -> None:
    with _connected(supplier_site, holder, version) as connection:
        status, said = _asked(supplier_site, connection, _encoded(_binding(connection)))
    assert status == 200, said


@VERSIONS
@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        (lambda _: None, "wants requests that are bound to their TLS connection"),
        (lambda value: _encoded(bytes(len(value))), "is not that of this TLS connection"),
        (lambda _: "a password", "wants requests that are bound to their TLS connection"),
    ],
    ids=["none", "wrong", "a password"],
)
def test_a_request_that_is_not_bound_is_refused(
    supplier_site: Site,
    holder: Client,
    version: int,
    password: Callable[[bytes], str | None],
    sentence: str,
) -> None:
    with _connected(supplier_site, holder, version) as connection:
        status, said = _asked(supplier_site, connection, password(_binding(connection)))
    assert (status, sentence in said) == (400, True), said


@VERSIONS
def test_a_request_from_another_connection_is_refused(
    supplier_site: Site, holder: Client, version: int
) -> None:
    with _connected(supplier_site, holder, version) as connection:
        relayed = _encoded(_binding(connection))
    with _connected(supplier_site, holder, version) as connection:
        status, said = _asked(supplier_site, connection, relayed)
    assert (status, "make a new request for each connection" in said) == (400, True), said
