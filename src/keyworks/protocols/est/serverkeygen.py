"""Keys that the server makes for who cannot make good ones: made, certified, sent once, and kept nowhere.

The key travels in TLS only; encrypted in addition where the request names a certificate to encrypt it for
(AsymmetricDecryptKeyIdentifier), or a secret key that the requester shares with us (DecryptKeyIdentifier).
Whoever repeats a request gets another key and another certificate.

Source: RFC 7030 §4.4; RFC 8951 §3.2; RFC 5958 §2 (the key as CMS content).
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from keyworks import oids
from keyworks.access.key_encryption_key import KeyEncryptionKeys
from keyworks.algorithms.public_key import PublicKey
from keyworks.algorithms.signer import Signer
from keyworks.authority.channel import Channel
from keyworks.authority.enrollment import Attempt, Enrollment, KeyToMake
from keyworks.authority.issue import Issued
from keyworks.authority.pending import Pending
from keyworks.cms.enveloped_data import KEKRecipient, Recipient, enveloped_data
from keyworks.cms.signed_data import certs_only
from keyworks.cms.signing import signed_data
from keyworks.errors import (
    AuthenticationFailed,
    BadSubjectKey,
    InternalError,
    NotAuthorized,
    RequestError,
    Unavailable,
)
from keyworks.keys.pool import KeyPool
from keyworks.keys.software import PrivateKey, public_key_of
from keyworks.protocols.est.body import PKCS7, decode_base64, wrapped
from keyworks.protocols.est.key_protection import NOT_SHARED, NamedKey, recipient_of
from keyworks.protocols.exchange import Reply
from keyworks.x509.der import sequence_of
from keyworks.x509.template import parse_attributes, parse_key_request


@dataclass(frozen=True, slots=True)
class SigningCredential:
    """With what this server signs messages.

    Args:
        signer: Holds the key.
        chain: The certificate of that key and those above it, DER.
    """

    signer: Signer
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _MadeKey:
    """A key made for a request.

    Args:
        key: Never shown.
        part: The key as it is sent, encrypted where that was asked for.
    """

    key: PrivateKey = field(repr=False)
    part: bytes = field(repr=False)


class ServerKeyGeneration:
    """Answers requests for a key with its certificate.

    Args:
        enrollment: Issues.
        pool: Makes keys.
        shared_keys: The secret keys that requesters share with us.
        credential: What this server signs messages with, now.
    """

    def __init__(
        self,
        enrollment: Enrollment,
        pool: KeyPool,
        shared_keys: KeyEncryptionKeys,
        credential: Callable[[], Awaitable[SigningCredential]],
    ) -> None:
        self._enrollment = enrollment
        self._pool = pool
        self._shared_keys = shared_keys
        self._credential = credential

    async def answer(self, attempt: Attempt, *, secure: bool) -> tuple[Reply, Issued]:
        """Return the reply with key and certificate, and what was issued.

        Who is refused gets no key made. It is encrypted before it is certified, as the new certificate may
        revoke the one in use: what cannot be sent is not issued.

        Args:
            attempt: The request.
            secure: Whether the reply goes over TLS.

        Raises:
            KeyworksError: By cause; nothing was issued.
        """
        channel, _ = await self._enrollment.serving(attempt.label)
        wish = _Wish(channel, attempt, self._made, secure=secure)
        try:
            issued = await self._enrollment.enroll(attempt, wish.parse)
        except (RequestError, NotAuthorized, AuthenticationFailed):
            # It was neither certified nor sent; of any other failure nobody knows how far it came.
            if wish.made is not None:
                self._pool.give_back(wish.key_type, wish.made.key)
            raise
        if isinstance(issued, Pending):
            # Refused above; the policy has changed between the two looks at it.
            raise Unavailable("The channel is being changed; ask again.")
        certificate = _part(f"{PKCS7}; smime-type=certs-only", certs_only((issued.der,)))
        if wish.made is None:
            raise InternalError("A key was certified before it could be sent.")
        return _multipart(wish.made.part, certificate), issued

    async def _made(self, key_type: str, wanted: Recipient | NamedKey | None, owner: str) -> _MadeKey:
        """Return a new key, as it is sent to its owner."""
        recipient = await self._shared(wanted, owner) if isinstance(wanted, NamedKey) else wanted
        if recipient is None:
            key = await self._pool.take(key_type)
            return _MadeKey(key, _part("application/pkcs8", _octets_of(key)))
        own = await self._credential()  # first: a key that cannot be signed for sending is not taken
        key = await self._pool.take(key_type)
        # Signed by this server, which made it, for the recipient alone (RFC 7030 §4.4.2).
        signed = await signed_data(oids.KEY_PACKAGE, sequence_of([_octets_of(key)]), own.signer, own.chain)
        enveloped = enveloped_data(oids.CMS_SIGNED_DATA, signed, recipient)
        return _MadeKey(key, _part(f"{PKCS7}; smime-type=server-generated-key", enveloped))

    async def _shared(self, named: NamedKey, owner: str) -> KEKRecipient:
        """Return the secret key that a request names, if it is the requester's (RFC 7030 §4.4.1.1)."""
        key = await self._shared_keys.find(owner, named.identifier)
        if key is None:
            raise BadSubjectKey(NOT_SHARED)
        return KEKRecipient(named.identifier, key, named.cipher)


class _Wish:
    """One request: what was asked for, and the key made for it.

    Args:
        channel: As it serves now.
        attempt: The request.
        make: Makes a key of a type, for whom it is to be encrypted, for its owner.
        secure: Whether the reply goes over TLS.
    """

    def __init__(
        self,
        channel: Channel,
        attempt: Attempt,
        make: Callable[[str, Recipient | NamedKey | None, str], Awaitable[_MadeKey]],
        *,
        secure: bool,
    ) -> None:
        self._channel = channel
        self._attempt = attempt
        self._make = make
        self._secure = secure
        self.made: _MadeKey | None = None

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

    def parse(self, body: bytes) -> KeyToMake:
        """Return the request, with what makes the key for it.

        Raises:
            KeyworksError: The request cannot be answered.
        """
        key_type = self.key_type
        der = decode_base64(body)
        wanted = recipient_of(parse_attributes(der), self._attempt.presented)

        async def make(owner: str) -> PublicKey:
            self.made = await self._make(key_type, wanted, owner)
            return public_key_of(self.made.key)

        return KeyToMake(parse_key_request(der), self._channel.policy, make)


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
