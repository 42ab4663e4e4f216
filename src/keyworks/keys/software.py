"""Software keys: sealed at rest, opened at first use, kept in this process only.

A private key is sealed by the wrapping key of its purpose, a wrapping key by the master key, and the master key
is made of the passphrase; each with what it is as associated data.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from keyworks.algorithms.public_key import PublicKey
from keyworks.algorithms.registry import KEY_TYPES, RSA_MODULUS_BITS, SignatureAlgorithm
from keyworks.algorithms.signer import Signer
from keyworks.errors import IntegrityFailure, InternalError, OperatorError
from keyworks.keys import records
from keyworks.keys.master import SALT_OCTETS, SCRYPT_COST, SealingKey, derive_master, new_sealing_key
from keyworks.keys.purpose import Purpose
from keyworks.keys.records import SealedKey
from keyworks.store.clock import Clock
from keyworks.store.engine import Store, Transaction
from keyworks.store.ids import new_id

PrivateKey = (
    ec.EllipticCurvePrivateKey
    | rsa.RSAPrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | mldsa.MLDSA44PrivateKey
    | mldsa.MLDSA65PrivateKey
    | mldsa.MLDSA87PrivateKey
)

_ECDSA: Final = {
    "P-256": ec.ECDSA(hashes.SHA256()),
    "P-384": ec.ECDSA(hashes.SHA384()),
    "P-521": ec.ECDSA(hashes.SHA512()),
}
_MAKERS: Final[Mapping[str, Callable[[], PrivateKey]]] = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "Ed448": ed448.Ed448PrivateKey.generate,
    "ML-DSA-44": mldsa.MLDSA44PrivateKey.generate,
    "ML-DSA-65": mldsa.MLDSA65PrivateKey.generate,
    "ML-DSA-87": mldsa.MLDSA87PrivateKey.generate,
}
_PKCS1: Final = padding.PKCS1v15()
_SHA256: Final = hashes.SHA256()


def make_private_key(key_type: str) -> PrivateKey:
    """Return a new private key. Of RSA this takes up to seconds; call it in a thread.

    Raises:
        OperatorError: There is no such key type.
    """
    if key_type in _MAKERS:
        return _MAKERS[key_type]()
    bits = key_type.removeprefix("rsa-")
    if (
        key_type.startswith("rsa-")
        and bits.isdecimal()
        and RSA_MODULUS_BITS[0] <= int(bits) <= RSA_MODULUS_BITS[1]
    ):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(bits))
    raise OperatorError(f"'{key_type}' is no key type; choose one of {', '.join(KEY_TYPES)}.")


def public_key_of(private: PrivateKey) -> PublicKey:
    """Return the public half of a private key."""
    return PublicKey.parse(private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


@dataclass(frozen=True, slots=True)
class SoftwareSigner:
    """A signer whose key is in this process's memory.

    Args:
        public_key: What verifies.
        private: Never shown.
    """

    public_key: PublicKey
    private: PrivateKey = field(repr=False)

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """Return the key type's own algorithm."""
        return self.public_key.signature_algorithm

    async def sign(self, message: bytes) -> bytes:
        """Return the signature over ``message``."""
        match self.private:
            case ec.EllipticCurvePrivateKey() as key:
                return key.sign(message, _ECDSA[self.public_key.key_type])
            case rsa.RSAPrivateKey() as key:
                # Above a millisecond: off the event loop.
                return await asyncio.to_thread(key.sign, message, _PKCS1, _SHA256)
            case key:
                return key.sign(message)


def signer_of(private: PrivateKey) -> SoftwareSigner:
    """Return the signer of a private key."""
    return SoftwareSigner(public_key_of(private), private)


class KeyStore:
    """The keys of an installation.

    Args:
        store: Where they are, sealed.
        wrapping: The wrapping key of each purpose.
        clock: Tells when a key was made.
    """

    def __init__(self, store: Store, wrapping: Mapping[Purpose, SealingKey], clock: Clock) -> None:
        self._store = store
        self._wrapping = wrapping
        self._clock = clock
        self._signers: dict[str, Signer] = {}

    @classmethod
    async def open(cls, store: Store, passphrase: bytes, clock: Clock) -> "KeyStore":
        """Open the key store of an installation; no private key is opened yet.

        Raises:
            OperatorError: There is none, or the passphrase is wrong.
        """
        rows, sealed = await store.read(
            lambda tx: (tx.execute(records.SELECT_MASTER), tx.execute(records.SELECT_WRAPPING))
        )
        if not rows:
            raise OperatorError(
                "The installation has no keys yet; `keyworks init` has not finished. Run it anew."
            )
        salt, n, r, p = rows[0]
        master = derive_master(passphrase, salt, (n, r, p))
        try:
            wrapping = {Purpose(name): SealingKey(master.open(octets, name)) for name, octets in sealed}
        except IntegrityFailure as error:
            raise OperatorError(
                "The passphrase does not open this key store; check [keys] in keyworks.toml."
            ) from error
        except ValueError as error:
            raise OperatorError("The key store was made by a newer release than this one; use that.") from error
        if len(wrapping) != len(Purpose):
            raise IntegrityFailure("A wrapping key is missing; restore the database from a backup.")
        return cls(store, wrapping, clock)

    async def generate(self, purpose: Purpose, key_type: str) -> SealedKey:
        """Return a new key, sealed; it is nowhere until ``records.insert_key`` writes it.

        Raises:
            OperatorError: There is no such key type.
        """
        private = await asyncio.to_thread(make_private_key, key_type)
        identifier, public_key = new_id(), public_key_of(private)
        octets = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return SealedKey(
            id=identifier,
            purpose=purpose,
            key_type=public_key.key_type,
            public_key=public_key,
            sealed=self._wrapping[purpose].seal(octets, _bound(purpose, identifier)),
            created_at=self._clock.now(),
        )

    async def signer(self, key_id: str) -> Signer:
        """Return the signer of a stored key, opened at first use.

        Raises:
            IntegrityFailure: The stored key was damaged, or is not the one recorded with it.
        """
        if key_id not in self._signers:
            key, octets = await self._open(key_id)
            private = load_der_private_key(octets, None)
            signer = signer_of(private)  # type: ignore[arg-type]
            if signer.public_key.spki != key.public_key.spki:
                raise IntegrityFailure("A stored key is not the one recorded with it.", private=f"key {key_id}")
            self._signers[key_id] = signer
        return self._signers[key_id]

    async def private_key_pem(self, key_id: str) -> bytes:
        """Return a TLS server's private key: the one kind that a library has to be given.

        Raises:
            InternalError: The key is for something else.
        """
        key, octets = await self._open(key_id)
        if key.purpose is not Purpose.TLS:
            raise InternalError("Only TLS keys are handed out.", private=f"key {key_id} is for {key.purpose}")
        private = load_der_private_key(octets, None)
        return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def mac(self, secret: bytes) -> bytes:
        """Return what is stored of a one-time secret."""
        return hmac.digest(self._wrapping[Purpose.SECRETS].octets, b"one-time secret" + secret, hashlib.sha256)

    def seal_secret(self, secret: bytes, what: str) -> bytes:
        """Return what is stored of a secret that is needed again.

        Args:
            secret: Octets.
            what: Which it is and whose, so that none can stand for another.
        """
        return self._sealing_secrets().seal(secret, what)

    def open_secret(self, sealed: bytes, what: str) -> bytes:
        """Return a secret that ``seal_secret`` sealed.

        Raises:
            IntegrityFailure: It was damaged, or moved.
        """
        return self._sealing_secrets().open(sealed, what)

    def _sealing_secrets(self) -> SealingKey:
        """Return a key made of the wrapping key for secrets, which itself makes MACs: no key does both."""
        return SealingKey(hmac.digest(self._wrapping[Purpose.SECRETS].octets, b"sealed secret", hashlib.sha256))

    async def _open(self, key_id: str) -> tuple[SealedKey, bytes]:
        key = await self._store.read(lambda tx: records.find_key(tx, key_id))
        if key is None:
            raise IntegrityFailure("A key that is needed is not in the key store.", private=f"key {key_id}")
        return key, self._wrapping[key.purpose].open(key.sealed, _bound(key.purpose, key.id))


def _bound(purpose: Purpose, key_id: str) -> str:
    return f"{purpose.value}:{key_id}"


@dataclass(frozen=True, slots=True)
class NewKeyStore:
    """A key store about to be created: how its master key is made, and its sealed wrapping keys."""

    salt: bytes
    sealed: Mapping[Purpose, bytes]
    created_at: int


def prepare_key_store(passphrase: bytes, at: int) -> NewKeyStore:
    """Return a new key store under a passphrase, to be written by ``create_key_store``."""
    salt = secrets.token_bytes(SALT_OCTETS)
    master = derive_master(passphrase, salt)
    sealed = {purpose: master.seal(new_sealing_key().octets, purpose.value) for purpose in Purpose}
    return NewKeyStore(salt, sealed, at)


def create_key_store(tx: Transaction, new: Sequence[NewKeyStore]) -> list[None]:
    """Write a new key store (a write function).

    Raises:
        OperatorError: The installation has one already.
    """
    for one in new:
        if tx.execute(records.SELECT_MASTER):
            raise OperatorError("The installation has a key store already.")
        n, r, p = SCRYPT_COST
        costs = {"scrypt_n": n, "scrypt_r": r, "scrypt_p": p}
        tx.execute(records.INSERT_MASTER, {"id": 1, "salt": one.salt, **costs, "created_at": one.created_at})
        for purpose, sealed in one.sealed.items():
            tx.execute(records.INSERT_WRAPPING, {"purpose": purpose.value, "sealed": sealed})
    return [None] * len(new)
