"""Keys that the server makes for who cannot make good ones: made, certified, sent once, and kept nowhere.

The key travels in TLS only; encrypted in addition where the request names a certificate to encrypt it for
(AsymmetricDecryptKeyIdentifier). Whoever repeats a request gets another key and another certificate.

Source: RFC 7030 §4.4; RFC 8951 §3.2; RFC 5958 §2 (the key as CMS content).
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from keyworks import oids
from keyworks.algorithms.signer import Signer
from keyworks.authority.channel import Channel
from keyworks.authority.enrollment import Attempt, Enrollment
from keyworks.authority.issue import Issued
from keyworks.authority.pending import Pending
from keyworks.cms.enveloped_data import Recipient, enveloped_data
from keyworks.cms.signed_data import certs_only
from keyworks.cms.signing import signed_data
from keyworks.errors import NotAuthorized, Unavailable
from keyworks.keys.pool import KeyPool
from keyworks.keys.software import PrivateKey, public_key_of
from keyworks.protocols.est.body import PKCS7, decode_base64, wrapped
from keyworks.protocols.est.key_protection import recipient_of
from keyworks.protocols.exchange import Reply
from keyworks.x509.der import sequence_of
from keyworks.x509.template import Template, parse_attributes, parse_key_request


@dataclass(frozen=True, slots=True)
class SigningCredential:
    """With what this server signs messages.

    Args:
        signer: Holds the key.
        chain: The certificate of that key and those above it, DER.
    """

    signer: Signer
    chain: tuple[bytes, ...]


class _NoKeyReady(Exception):
    """The requester is authenticated, and a key has to be made first."""


class ServerKeyGeneration:
    """Answers requests for a key with its certificate.

    Args:
        enrollment: Issues.
        pool: Makes keys.
        credential: What this server signs messages with, now.
    """

    def __init__(
        self, enrollment: Enrollment, pool: KeyPool, credential: Callable[[], Awaitable[SigningCredential]]
    ) -> None:
        self._enrollment = enrollment
        self._pool = pool
        self._credential = credential

    async def answer(self, attempt: Attempt, *, secure: bool) -> tuple[Reply, Issued]:
        """Return the reply with key and certificate, and what was issued.

        Strangers get no key made: that is done once the requester is authenticated.

        Args:
            attempt: The request.
            secure: Whether the reply goes over TLS.

        Raises:
            KeyworksError: By cause; nothing was issued.
        """
        channel, _ = await self._enrollment.serving(attempt.label)
        wish = _Wish(channel, attempt, secure=secure)
        try:
            issued = await self._enrollment.enroll(attempt, lambda body: wish.parse(body, self._pool.ready))
        except _NoKeyReady:
            made = await self._pool.take(wish.key_type)
            issued = await self._enrollment.enroll(attempt, lambda body: wish.parse(body, lambda _: made))
        if isinstance(issued, Pending):
            # Refused above; the policy has changed between the two looks at it.
            raise Unavailable("The channel is being changed; ask again.")
        key = _octets_of(wish.key)
        if wish.recipient is None:
            part = _part("application/pkcs8", key)
        else:
            part = _part(
                f"{PKCS7}; smime-type=server-generated-key", await self._enveloped(key, wish.recipient)
            )
        return _multipart(part, _part(f"{PKCS7}; smime-type=certs-only", certs_only((issued.der,)))), issued

    async def _enveloped(self, key: bytes, recipient: Recipient) -> bytes:
        """Return the key, signed by this server that made it, for the recipient alone (RFC 7030 §4.4.2)."""
        own = await self._credential()
        signed = await signed_data(oids.KEY_PACKAGE, sequence_of([key]), own.signer, own.chain)
        return enveloped_data(oids.CMS_SIGNED_DATA, signed, recipient)


class _Wish:
    """One request: what was asked for, and the key made for it."""

    key: PrivateKey

    def __init__(self, channel: Channel, attempt: Attempt, *, secure: bool) -> None:
        self._channel = channel
        self._attempt = attempt
        self._secure = secure
        self.recipient: Recipient | None = None

    @property
    def key_type(self) -> str:
        """Return the type of key that is made on the channel.

        Raises:
            NotAuthorized: None is.
        """
        policy, label = self._channel.policy, self._channel.label
        if policy.server_keys is None:
            raise NotAuthorized(
                f"On channel {label} the server makes no keys; make the key yourself and use simpleenroll."
            )
        if policy.approvals:
            raise NotAuthorized(
                f"Channel {label} issues after approval, and a key made here cannot wait for that; "
                "make the key yourself and use simpleenroll."
            )
        if not self._secure:
            raise NotAuthorized("A key made by the server is sent over TLS only; use https.")
        return policy.server_keys

    def parse(self, body: bytes, ready: Callable[[str], PrivateKey | None]) -> Template:
        """Return the request, with the public key of one that is ready.

        Raises:
            KeyworksError: The request cannot be answered.
            _NoKeyReady: There is no key yet.
        """
        key_type = self.key_type
        der = decode_base64(body)
        self.recipient = recipient_of(parse_attributes(der), self._attempt.presented)
        key = ready(key_type)
        if key is None:
            raise _NoKeyReady
        self.key = key
        return parse_key_request(der, public_key_of(key))


def _octets_of(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _part(content_type: str, der: bytes) -> bytes:
    head = f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head.encode() + wrapped(der, b"\r\n")


_NO_STORE: Final = ("Cache-Control", "no-store")


def _multipart(*parts: bytes) -> Reply:
    """Return a reply of several parts (RFC 2046 §5.1.1); no base64 has the boundary in it."""
    boundary = f"keyworks-{secrets.token_hex(12)}"
    body = b"".join(f"--{boundary}\r\n".encode() + part for part in parts) + f"--{boundary}--\r\n".encode()
    return Reply(200, (_NO_STORE,), body, f"multipart/mixed; boundary={boundary}")
