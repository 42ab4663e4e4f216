"""The master key, made of a passphrase, and the wrapping keys that it seals.

Source: RFC 7914 (scrypt); NIST SP 800-38D (AES-GCM, 96-bit random nonces).
"""

import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from keyworks.errors import IntegrityFailure, OperatorError

SALT_OCTETS: Final = 16
SCRYPT_COST: Final = (1 << 15, 8, 1)
"""N, r, p: 32 MiB and about a tenth of a second, once per start."""

_HIGHEST_COST: Final = (1 << 20, 16, 16)
"""A damaged record must not take all memory."""

SMALLEST_PASSPHRASE: Final = 16
_NONCE_OCTETS: Final = 12
_KEY_OCTETS: Final = 32


@dataclass(frozen=True, slots=True)
class SealingKey:
    """An AES-256-GCM key that seals and opens.

    Args:
        octets: 32 of them; never shown.
    """

    octets: bytes = field(repr=False)

    def seal(self, plaintext: bytes, purpose: str) -> bytes:
        """Return nonce and ciphertext; ``purpose`` says what is sealed, so that none can stand for another."""
        nonce = secrets.token_bytes(_NONCE_OCTETS)
        return nonce + AESGCM(self.octets).encrypt(nonce, plaintext, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """Return what was sealed.

        Raises:
            IntegrityFailure: It was damaged, moved, or sealed with another key.
        """
        try:
            return AESGCM(self.octets).decrypt(sealed[:_NONCE_OCTETS], sealed[_NONCE_OCTETS:], purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise IntegrityFailure(
                "A sealed key does not open: it was damaged or moved.", private=purpose
            ) from error


def new_sealing_key() -> SealingKey:
    """Return a random sealing key."""
    return SealingKey(secrets.token_bytes(_KEY_OCTETS))


def derive_master(passphrase: bytes, salt: bytes, cost: tuple[int, int, int] = SCRYPT_COST) -> SealingKey:
    """Return the master key of a passphrase.

    Raises:
        IntegrityFailure: The cost is none that we ever chose: it was damaged.
    """
    n, r, p = cost
    if not (1 < n <= _HIGHEST_COST[0] and r <= _HIGHEST_COST[1] and p <= _HIGHEST_COST[2]):
        raise IntegrityFailure("The key store's record of its master key is damaged.", private=f"cost {cost}")
    try:
        return SealingKey(Scrypt(salt=salt, length=_KEY_OCTETS, n=n, r=r, p=p).derive(passphrase))
    except ValueError as error:
        raise IntegrityFailure(
            "The key store's record of its master key is damaged.", private=f"cost {cost}"
        ) from error


def read_passphrase(file: Path | None, variable: str | None) -> bytes:
    """Return the passphrase from a file that only its owner can read, or from the environment.

    Args:
        file: Its path, if it is in a file.
        variable: The environment variable's name otherwise.

    Raises:
        OperatorError: There is none, it is too short, or others can read the file.
    """
    if file is not None:
        passphrase = read_secret_file(file, "passphrase")
    elif variable is not None:
        passphrase = os.environb.get(variable.encode(), b"")
        if not passphrase:
            raise OperatorError(f"The environment variable {variable} with the passphrase is not set.")
    else:
        raise OperatorError("The settings name no passphrase: set keys.passphrase_file or keys.passphrase_env.")
    if len(passphrase) < SMALLEST_PASSPHRASE:
        raise OperatorError(f"The passphrase is too short; use at least {SMALLEST_PASSPHRASE} characters.")
    return passphrase


def read_secret_file(file: Path, what: str) -> bytes:
    """Return the secret in a file that only its owner can read, without the end of its line.

    Args:
        file: Its path.
        what: What the secret is, to be read before "file".

    Raises:
        OperatorError: It cannot be read, or others can read it.
    """
    try:
        mode = file.stat().st_mode
        secret = file.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise OperatorError(f"The {what} file {file} cannot be read: {error.strerror}.") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise OperatorError(f"Others can read the {what} file {file}; run: chmod 600 {file}")
    return secret
