"""What a requester shows, and what becomes of it once believed."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from keyworks.x509.certificate import Certificate

ConnectionBinding = Callable[[], bytes | None]
"""Returns what tells a TLS connection from every other one; ``None`` where nothing does.

Called only where somebody wants to know.
"""


@dataclass(frozen=True, slots=True)
class PresentedChain:
    """The certificates of a TLS client that proved possession of the first one's key. Untrusted.

    Args:
        certificates: DER, end entity first, as sent (at most the listener's limit).
        fingerprint: SHA-256 over the concatenated certificates: a cache key.
    """

    certificates: tuple[bytes, ...]
    fingerprint: bytes


@dataclass(frozen=True, slots=True, repr=False)
class BasicCredentials:
    """User name and password of HTTP Basic (RFC 7617); the password is a one-time secret. Untrusted."""

    user: str
    password: str


@dataclass(frozen=True, slots=True)
class CertificateCredential:
    """A certificate that was accepted as proof.

    Args:
        certificate: The requester's.
    """

    certificate: Certificate

    @property
    def fingerprint(self) -> bytes:
        """Return what tells this credential from others."""
        return self.certificate.fingerprint


@dataclass(frozen=True, slots=True)
class SecretCredential:
    """A one-time secret that was accepted as proof.

    Args:
        secret_id: Of its record.
        bound_key: Fingerprint of the public key that it was used for before.
    """

    secret_id: str
    bound_key: bytes | None = None

    @property
    def fingerprint(self) -> bytes:
        """Return what tells this credential from others."""
        return hashlib.sha256(self.secret_id.encode()).digest()


Credential = CertificateCredential | SecretCredential
