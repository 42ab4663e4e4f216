"""TLS contexts: what a listener offers.

A context is immutable once it serves: a new certificate makes a new context, for new connections.
"""

import hashlib
import warnings
from collections.abc import Sequence
from typing import Final

from cryptography import x509
from OpenSSL import SSL, crypto

from keyworks.access.credential import PresentedChain
from keyworks.errors import OperatorError

MAX_CHAIN: Final = 8
MAX_CHAIN_OCTETS: Final = 64 * 1024
_EXPORTER_LABEL: Final = b"EXPORTER-Channel-Binding"
_EXPORTED_OCTETS: Final = 32
_TLS12_CIPHERS: Final = (
    b"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
    b"ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
)
_NO_EARLY_RESUMPTION: Final = SSL.OP_NO_TICKET | SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION


def server_context(chain: Sequence[bytes], private_key: bytes, *, ask_for_client: bool) -> SSL.Context:
    """Return a context that serves with a certificate.

    Sessions are never resumed: resumption drops the client's intermediates and swaps the tls-unique side.

    Args:
        chain: The certificate and those above it, DER.
        private_key: PEM (a key object would not do for ML-DSA).
        ask_for_client: Whether clients are asked for a certificate; any issuer's is let through, unbelieved.

    Raises:
        OperatorError: Certificate and key do not fit.
    """
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(_NO_EARLY_RESUMPTION)
    context.set_cipher_list(_TLS12_CIPHERS)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    if ask_for_client:
        context.set_verify(SSL.VERIFY_PEER, _let_through)
        context.set_verify_depth(MAX_CHAIN)
    try:
        own, *above = [x509.load_der_x509_certificate(der) for der in chain]
        context.use_certificate(own)
        for certificate in above:
            context.add_extra_chain_cert(certificate)
        _use_key(context, private_key)
        context.check_privatekey()
    except (ValueError, SSL.Error, crypto.Error) as error:
        raise OperatorError("The server's certificate and its key do not fit together.") from error
    return context


def _use_key(context: SSL.Context, pem: bytes) -> None:
    key = crypto.load_privatekey(crypto.FILETYPE_PEM, pem)
    with warnings.catch_warnings():
        # pyOpenSSL wants cryptography's key objects instead, of which it then refuses those of ML-DSA.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.use_privatekey(key)


def _let_through(*_: object) -> bool:
    """TLS proves possession of the key; who the client is, ``authority.authenticate`` decides per request."""
    return True


def presented_chain(connection: SSL.Connection) -> PresentedChain | None:
    """Return what the client presented, or ``None`` if it presented nothing.

    Raises:
        ValueError: More than anybody needs.
    """
    own = connection.get_peer_certificate()
    if own is None:
        return None
    # A server's chain begins above the certificate whose key TLS has proven: that one has to be put in front.
    listed = [own, *(connection.get_peer_cert_chain() or ())]
    if len(listed) > MAX_CHAIN:
        raise ValueError(f"a chain of {len(listed)} certificates")
    chain = tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, one) for one in listed)
    joined = b"".join(chain)
    if len(joined) > MAX_CHAIN_OCTETS:
        raise ValueError(f"a chain of {len(joined)} octets")
    return PresentedChain(chain, hashlib.sha256(joined).digest())


def channel_binding(connection: SSL.Connection) -> bytes | None:
    """Return what tells a finished connection from every other one, for both its ends.

    Of TLS 1.2 that is the client's Finished, the first one of a full handshake: no session is resumed here.
    Without the extended master secret two connections can be made to have the same one.

    Returns:
        12 octets of TLS 1.2, 32 of TLS 1.3; ``None`` of TLS 1.2 without the extended master secret.

    Source: RFC 5929 §3.1; RFC 7627 §1; RFC 9266 §2 (no context).
    """
    if connection.get_protocol_version() == SSL.TLS1_3_VERSION:
        return connection.export_keying_material(_EXPORTER_LABEL, _EXPORTED_OCTETS)
    # pyOpenSSL has no method of its own for this.
    if SSL._lib.SSL_get_extms_support(connection._ssl) != 1:  # type: ignore[attr-defined]
        return None
    return connection.get_peer_finished()
