"""What a requester shows to prove who asks; nothing here has been believed yet."""

from dataclasses import dataclass


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
    """User name and password of HTTP Basic (RFC 7617); the password is a one-time secret."""

    user: str
    password: str
