"""Whether a request was made for the TLS connection that it came over.

A client that signs what identifies its connection shows that whoever authenticated the connection also holds
the key to be certified; a request that somebody relays from elsewhere does not fit. The value goes where
RFC 7030 puts it, into the challengePassword, in base64. People put passwords there too, so where binding is not
required, only what has the length of such a value counts as one.

Source: RFC 7030 §3.5; RFC 5929 §3.1 (tls-unique); RFC 9266 (of TLS 1.3).
"""

import base64
import binascii
import hmac
from typing import Final

from keyworks.access.credential import ConnectionBinding
from keyworks.authority.channel import Binding
from keyworks.errors import BadProofOfPossession

LENGTHS: Final = frozenset({12, 32, 48})
"""Octets of a binding: of tls-unique 12, of TLS 1.3's exporter 32.

48 are what a client sends that takes the Finished message of TLS 1.3 for tls-unique, which it is not.
"""


def check_binding(policy: Binding, sent: str | None, connection: ConnectionBinding | None) -> None:
    """Refuse a request that is not bound to its connection, as far as the policy asks for that.

    Args:
        policy: The channel's.
        sent: The request's challengePassword.
        connection: Identifies the connection; ``None`` of a protocol that knows no such thing.

    Raises:
        BadProofOfPossession: It is bound to another connection, or to none where that is required.
    """
    if policy is Binding.OFF or (connection is None and policy is Binding.IF_PRESENT):
        return
    value = _binding_in(sent)
    if value is None:
        if policy is Binding.REQUIRED:
            raise BadProofOfPossession(
                "This channel wants requests that are bound to their TLS connection: put tls-unique (TLS 1.2) "
                "or the exporter's value (TLS 1.3, RFC 9266) into the challengePassword, in base64 "
                "(RFC 7030 §3.5)."
            )
        return
    expected = connection() if connection is not None else None
    if expected is None:
        raise BadProofOfPossession(
            "The request is bound to a TLS connection, but this one cannot be told from others; "
            "connect with TLS 1.3, or TLS 1.2 with the extended master secret (RFC 7627)."
        )
    if not hmac.compare_digest(value, expected):
        raise BadProofOfPossession(
            "The request's challengePassword is not that of this TLS connection; make a new request "
            "for each connection. If it is meant as a password, leave it out."
        )


def _binding_in(sent: str | None) -> bytes | None:
    """Return the octets of what may be a binding; ``None`` of what is absent, or meant as something else."""
    try:
        value = base64.b64decode((sent or "").strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    return value if len(value) in LENGTHS else None
