"""TLS contexts: what a listener offers.

A context is immutable once it serves: a new certificate makes a new context, for new connections.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from OpenSSL import SSL, crypto

from keyworks.access.credential import PresentedChain
from keyworks.errors import OperatorError

MAX_CHAIN: Final = 8
MAX_CHAIN_OCTETS: Final = 64 * 1024
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
        own, *above = [crypto.load_certificate(crypto.FILETYPE_ASN1, der) for der in chain]
        context.use_certificate(own)
        for certificate in above:
            context.add_extra_chain_cert(certificate)
        context.use_privatekey(crypto.load_privatekey(crypto.FILETYPE_PEM, private_key))
        context.check_privatekey()
    except (SSL.Error, crypto.Error) as error:
        raise OperatorError("The server's certificate and its key do not fit together.") from error
    return context


def _let_through(*_: object) -> bool:
    """TLS proves possession of the key; who the client is, ``authority.authenticate`` decides per request."""
    return True


def presented_chain(connection: SSL.Connection) -> PresentedChain | None:
    """Return what the client presented, or ``None`` if it presented nothing.

    Raises:
        ValueError: More than anybody needs.
    """
    listed = connection.get_peer_cert_chain()
    if not listed:
        return None
    if len(listed) > MAX_CHAIN:
        raise ValueError(f"a chain of {len(listed)} certificates")
    chain = tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, one) for one in listed)
    joined = b"".join(chain)
    if len(joined) > MAX_CHAIN_OCTETS:
        raise ValueError(f"a chain of {len(joined)} octets")
    return PresentedChain(chain, hashlib.sha256(joined).digest())
