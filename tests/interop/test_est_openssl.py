"""EST and its TLS as `openssl s_client` sees them, over the real socket."""

import base64
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from OpenSSL import SSL

from keyworks.cms.signed_data import parse_certs_only
from tests.interop.est_plant import Client, Site, openssl

GOODBYE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
BOTH_VERSIONS = pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])


def s_client(site: Site, *options: str | Path, data: bytes = b"", url: str | None = None) -> bytes:
    """Send octets inside TLS; return everything that `openssl s_client` writes."""
    address = urlsplit(url or site.server.enrollment).netloc
    words = ["openssl", "s_client", "-connect", address, "-CAfile", site.trust, "-verify_return_error"]
    words += ["-verify_hostname", "localhost", *options]
    run = subprocess.run(list(map(str, words)), input=data, capture_output=True, check=False, timeout=30)
    return run.stdout + run.stderr


def posted(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/pkcs10\r\n"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


@BOTH_VERSIONS
def test_a_station_enrolls_a_device(supplier_site: Site, station: Client, version: str) -> None:
    """RFC 7030 §4.2; head and body as they come off the wire."""
    serial_number = f"SN-openssl-{version[-1]}"
    supplier_site.register(serial_number)
    wish = supplier_site.wish(f"/serialNumber={serial_number}")
    options = (
        "-quiet",
        f"-{version}",
        "-cert",
        station.chain,
        "-cert_chain",
        station.chain,
        "-key",
        station.key,
    )
    output = s_client(supplier_site, *options, data=posted("/.well-known/est/idevid/simpleenroll", wish.body))
    head, _, body = output[output.index(b"HTTP/1.1 ") :].partition(b"\r\n\r\n")
    body = body[: body.index(b"\n") + 1]
    fields = head.lower().split(b"\r\n")
    assert fields[0] == b"http/1.1 200 ok"
    assert b"content-length: %d" % len(body) in fields
    assert b"content-transfer-encoding: base64" in fields
    assert b"content-type: application/pkcs7-mime; smime-type=certs-only" in fields
    assert b"connection: close" in fields
    assert not [line for line in fields if line.startswith(b"transfer-encoding")]
    [certificate] = parse_certs_only(base64.b64decode(body))
    named = openssl("x509", "-inform", "DER", "-noout", "-subject", data=certificate)
    assert serial_number.encode() in named


@BOTH_VERSIONS
def test_the_server_shows_its_whole_chain_and_asks_for_any_client_certificate(
    supplier_site: Site, version: str
) -> None:
    """RFC 8446 §4.3.2, RFC 5246 §7.4.4: no list of authorities, because any issuer's certificate may come."""
    output = s_client(supplier_site, f"-{version}", "-showcerts")
    assert b"Verify return code: 0 (ok)" in output
    assert output.count(b"-----BEGIN CERTIFICATE-----") == 3
    assert b"No client certificate CA names sent" in output
    assert b"Client Certificate Types" in output or b"Requested Signature Algorithms" in output


def test_people_are_not_asked_for_a_certificate(supplier_site: Site) -> None:
    output = s_client(supplier_site, "-tls1_3", url=supplier_site.server.console)
    assert b"Verify return code: 0 (ok)" in output
    assert b"Requested Signature Algorithms" not in output


def test_no_session_is_there_to_be_resumed_in_tls_1_2(supplier_site: Site) -> None:
    """A resumed session would lack the client's intermediates, and swap the sides of tls-unique."""
    session = supplier_site.file()
    output = s_client(supplier_site, "-tls1_2", "-ign_eof", "-sess_out", session, data=GOODBYE)
    assert output.count(b"alive") == 1
    assert session.read_bytes() == b""


def test_no_session_is_resumed_in_tls_1_3(supplier_site: Site) -> None:
    session = supplier_site.file()
    first = s_client(supplier_site, "-tls1_3", "-ign_eof", "-sess_out", session, data=GOODBYE)
    second = s_client(supplier_site, "-tls1_3", "-ign_eof", "-sess_in", session, data=GOODBYE)
    for output in (first, second):
        assert b"New, TLSv1.3" in output
        assert b"Reused, " not in output
        assert output.count(b"alive") == 1


@pytest.mark.parametrize("version", ["tls1", "tls1_1"])
def test_old_versions_are_not_spoken(supplier_site: Site, version: str) -> None:
    """RFC 8996; RFC 9325 §3.1.1."""
    output = s_client(supplier_site, f"-{version}", "-cipher", "ALL:@SECLEVEL=0")
    assert b"alert protocol version" in output
    assert b"no peer certificate available" in output


def test_renegotiation_is_refused(supplier_site: Site) -> None:
    """RFC 9325 §3.5; `R` alone on a line makes `s_client` ask for it."""
    output = s_client(supplier_site, "-tls1_2", data=b"R\n")
    assert b"RENEGOTIATING" in output
    assert b"no renegotiation" in output


def test_keys_are_agreed_on_with_ml_kem_where_the_client_knows_it(supplier_site: Site) -> None:
    """Debian's `openssl` does not yet."""
    address = urlsplit(supplier_site.server.enrollment)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=30) as raw:
        raw.settimeout(None)  # pyOpenSSL wants a blocking socket
        connection = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), raw)
        connection.set_connect_state()
        connection.do_handshake()
        assert connection.get_protocol_version_name() == "TLSv1.3"
        assert connection.get_group_name() == "X25519MLKEM768"


def test_a_borrowed_certificate_behind_a_stranger_s_own_lets_nobody_in(
    supplier_site: Site, station: Client
) -> None:
    """RFC 8446 §4.4.2: only the first certificate's key is proven; the rest anybody can copy."""
    key, own = supplier_site.file(ending=".key"), supplier_site.file(ending=".pem")
    words = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=line-1")
    openssl("req", "-x509", *words, "-keyout", key, "-out", own)
    supplier_site.register("SN-borrowed")
    body = supplier_site.wish("/serialNumber=SN-borrowed").body
    options = ("-quiet", "-cert", own, "-key", key, "-cert_chain", station.chain)
    output = s_client(supplier_site, *options, data=posted("/.well-known/est/idevid/simpleenroll", body))
    assert b"HTTP/1.1 401 " in output
