"""One-time secrets: how a station that has no certificate yet proves who it is.

A secret is printed once and stored as a MAC. At first use it is bound to the public key it was used for; an
identical retry is still answered; once the certificate is recorded it is spent. A key that the server makes is
another one with each request, so with such a key a secret is bound and spent at once, by the transaction that
records the certificate: until then nothing of the key has left the server, and a retry may bring the next one.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from keyworks.access.principal import Kind

SECRET_OCTETS: Final = 20
"""160 random bits: nobody guesses that, so guesses need not be slowed down."""

LIFETIME: Final = timedelta(hours=24)
USED: Final = "The one-time secret was used for another key; ask the operator for a new one."


@dataclass(frozen=True, slots=True)
class OneTimeSecret:
    """A stored secret.

    Args:
        id: Opaque.
        principal_kind: Of who may use it.
        principal_name: The user name it goes with.
        channel_label: The only channel it opens.
        expires_at: Last valid second.
        bound_key: Fingerprint of the public key it was first used for.
        spent: Whether a certificate was issued for it, or a newer secret has replaced it.
    """

    id: str
    principal_kind: Kind
    principal_name: str
    channel_label: str
    expires_at: int
    bound_key: bytes | None
    spent: bool

    @property
    def replaced(self) -> bool:
        """Return whether a newer secret replaced it before it was ever used."""
        return self.spent and self.bound_key is None


def new_secret() -> str:
    """Return a new secret as people and scripts can carry it."""
    return secrets.token_urlsafe(SECRET_OCTETS)
