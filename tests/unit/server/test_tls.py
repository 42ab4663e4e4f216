"""What a listener offers, and what it lets through."""

import warnings

import pytest
from cryptography import x509
from OpenSSL import SSL

from keyworks.errors import OperatorError
from keyworks.server.tls import MAX_CHAIN_OCTETS, server_context
from tests.unit.server.small_server import Echo, serving, statuses
from tests.unit.server.tls_client import TLSClient, client_context, offering, private_pem
from tests.unit.x509.chains import GOOD_LEAF, Plan, made

_NO_EXTENDED_MASTER_SECRET = 1  # OpenSSL has named it so since 3.0
LAST = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


async def test_tls_1_1_is_not_spoken() -> None:
    """RFC 8996 §5."""
    async with serving(Echo().respond, context=offering()) as small:
        with pytest.raises((SSL.Error, EOFError)):
            await TLSClient(small, client_context(SSL.TLS1_1_VERSION)).handshake()


@pytest.mark.parametrize("cipher", [b"AES256-GCM-SHA384", b"ECDHE-ECDSA-AES256-SHA", b"NULL-SHA256"])
async def test_no_cipher_suite_without_forward_secrecy_and_aead_is_offered(cipher: bytes) -> None:
    """RFC 9325 §4.1, §4.2."""
    context = client_context(SSL.TLS1_2_VERSION)
    context.set_cipher_list(cipher + b":@SECLEVEL=0")
    async with serving(Echo().respond, context=offering()) as small:
        with pytest.raises((SSL.Error, EOFError)):
            await TLSClient(small, context).handshake()


async def test_keys_are_agreed_on_so_that_a_quantum_computer_does_not_help_later() -> None:
    """Hybrid key agreement, ML-KEM-768 with X25519, where the client knows it."""
    async with serving(Echo().respond, context=offering()) as small:
        client = await TLSClient(small).handshake()
        assert client.tls.get_group_name() == "X25519MLKEM768"


@pytest.mark.parametrize("kind", ["P-256", "P-384", "rsa-2048", "Ed25519", "ML-DSA-65"])
async def test_a_server_may_have_a_key_of_any_kind(kind: str) -> None:
    holder = made(f"server {kind}", Plan(ca=None, usages=("digital_signature",), key=kind))
    with warnings.catch_warnings(record=True) as said:
        context = server_context((holder.der,), private_pem(holder), ask_for_client=False)
    assert said == []
    async with serving(Echo().respond, context=lambda: context) as small:
        client = await TLSClient(small).handshake(early=LAST)
        assert statuses(await client.read()) == [200]
        shown = client.tls.get_peer_certificate(as_cryptography=True)
        assert shown == holder.certificate


@pytest.mark.parametrize("spoilt", ["other key", "no key", "no certificate"])
def test_a_certificate_and_a_key_that_do_not_fit_are_refused(spoilt: str) -> None:
    own, other = made("server", GOOD_LEAF), made("other", GOOD_LEAF)
    key = b"nothing" if spoilt == "no key" else private_pem(other if spoilt == "other key" else own)
    chain = (b"nothing" if spoilt == "no certificate" else own.der,)
    with pytest.raises(OperatorError, match="do not fit"):
        server_context(chain, key, ask_for_client=True)


async def test_a_chain_of_too_many_octets_is_refused() -> None:
    large = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), bytes(MAX_CHAIN_OCTETS))
    holder = made("large", Plan(ca=None, usages=None, extensions=((large, False),)))
    echo = Echo()
    async with serving(echo.respond, context=offering()) as small:
        client = await TLSClient(small, client_context(holder=holder)).handshake(early=LAST)
        answer = await client.read()
        assert statuses(answer) == [400]
        assert b"a chain of 6" in answer
        assert echo.requests == []


def _of_client(client: TLSClient) -> bytes | None:
    """Return what identifies the connection, as a client works it out."""
    if client.tls.get_protocol_version() == SSL.TLS1_3_VERSION:
        return client.tls.export_keying_material(b"EXPORTER-Channel-Binding", 32)
    return client.tls.get_finished()


@pytest.mark.parametrize("octets", [12, 32])
async def test_both_ends_know_what_tells_their_connection_from_others(octets: int) -> None:
    """RFC 5929 §3.1: the client's Finished; RFC 9266 §2."""
    version = SSL.TLS1_2_VERSION if octets == 12 else SSL.TLS1_3_VERSION
    echo = Echo()
    async with serving(echo.respond, context=offering()) as small:
        clients = [await TLSClient(small, client_context(version)).handshake(early=LAST) for _ in range(2)]
        for client in clients:
            await client.read()
    bindings = [request.binding() if request.binding is not None else None for request in echo.requests]
    assert set(bindings) == {_of_client(client) for client in clients}
    assert len({one for one in bindings if one is not None and len(one) == octets}) == 2


async def test_without_the_extended_master_secret_connections_cannot_be_told_apart() -> None:
    """RFC 7627 §1."""
    echo = Echo()
    context = client_context(SSL.TLS1_2_VERSION)
    context.set_options(_NO_EXTENDED_MASTER_SECRET)
    async with serving(echo.respond, context=offering()) as small:
        client = await TLSClient(small, context).handshake(early=LAST)
        assert statuses(await client.read()) == [200]
    [request] = echo.requests
    assert request.binding is not None
    assert request.binding() is None
