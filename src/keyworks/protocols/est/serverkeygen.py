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
from keyworks.errors import InternalError, NotAuthorized, Unavailable
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


class _NotReady(Exception):
    """The requester is authenticated, and the key has to be made, or to be encrypted, first."""


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

        Strangers get no key made: that is done once the requester is authenticated. It is encrypted before it
        is certified, as the new certificate may revoke the one in use: what cannot be sent is not issued.

        Args:
            attempt: The request.
            secure: Whether the reply goes over TLS.

        Raises:
            KeyworksError: By cause; nothing was issued.
        """
        channel, _ = await self._enrollment.serving(attempt.label)
        wish = _Wish(channel, attempt, self._pool.ready, secure=secure)
        try:
            issued = await self._enrollment.enroll(attempt, wish.parse)
        except _NotReady:
            wish.key = await self._pool.take(wish.key_type)
            if wish.recipient is not None:
                wish.enveloped = await self._enveloped(wish.key, wish.recipient)
            issued = await self._enrollment.enroll(attempt, wish.parse)
        if isinstance(issued, Pending):
            # Refused above; the policy has changed between the two looks at it.
            raise Unavailable("The channel is being changed; ask again.")
        certificate = _part(f"{PKCS7}; smime-type=certs-only", certs_only((issued.der,)))
        return _multipart(wish.part, certificate), issued

    async def _enveloped(self, key: PrivateKey, recipient: Recipient) -> bytes:
        """Return the key, signed by this server that made it, for the recipient alone (RFC 7030 §4.4.2)."""
        own = await self._credential()
        signed = await signed_data(oids.KEY_PACKAGE, sequence_of([_octets_of(key)]), own.signer, own.chain)
        return enveloped_data(oids.CMS_SIGNED_DATA, signed, recipient)


class _Wish:
    """One request: what was asked for, and the key made for it.

    Args:
        channel: As it serves now.
        attempt: The request.
        ready: Returns a key of a type if there is one at once.
        secure: Whether the reply goes over TLS.
    """

    def __init__(
        self,
        channel: Channel,
        attempt: Attempt,
        ready: Callable[[str], PrivateKey | None],
        *,
        secure: bool,
    ) -> None:
        self._channel = channel
        self._attempt = attempt
        self._ready = ready
        self._secure = secure
        self.key: PrivateKey | None = None
        self.recipient: Recipient | None = None
        self.enveloped: bytes | None = None

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

    def parse(self, body: bytes) -> Template:
        """Return the request, with the public key of one that was made.

        Raises:
            KeyworksError: The request cannot be answered.
            _NotReady: There is no key yet that could be sent.
        """
        key_type = self.key_type
        der = decode_base64(body)
        self.recipient = recipient_of(parse_attributes(der), self._attempt.presented)
        if self.key is None and self.recipient is None:
            self.key = self._ready(key_type)
        if self.key is None:
            raise _NotReady
        return parse_key_request(der, public_key_of(self.key))

    @property
    def part(self) -> bytes:
        """Return the key as it is sent, encrypted where that was asked for."""
        if self.enveloped is not None:
            return _part(f"{PKCS7}; smime-type=server-generated-key", self.enveloped)
        if self.key is None or self.recipient is not None:
            raise InternalError("A key was certified before it could be sent.")
        return _part("application/pkcs8", _octets_of(self.key))


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
