"""The one interface through which everything is signed."""

from typing import Protocol

from keyworks.algorithms.public_key import PublicKey
from keyworks.algorithms.registry import SignatureAlgorithm


class Signer(Protocol):
    """A private key that we use and never see.

    The same for certificates, CRLs, OCSP, CMS, timestamps, code, vouchers and checkpoints.
    Who asks for a signature verifies it with ``public_key`` before releasing it.
    """

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what this signer signs."""

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """The one algorithm it signs with."""

    async def sign(self, message: bytes) -> bytes:
        """Return the signature over ``message`` (the message itself, never a digest of it).

        Raises:
            Unavailable: The key cannot be used now (token gone, signing process restarting).
        """
