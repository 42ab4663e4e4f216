"""Checkpoints: a signed statement of how large the ledger is and what it contains.

Source: C2SP signed-note and tlog-checkpoint.
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat import asn1

from keyworks.algorithms.public_key import PublicKey
from keyworks.algorithms.registry import BY_NAME
from keyworks.algorithms.signer import Signer
from keyworks.asn1.rfc5280 import SubjectPublicKeyInfo
from keyworks.errors import BadSignature, BadSubjectKey, IntegrityFailure, OperatorError
from keyworks.ledger.tree import HASH_OCTETS
from keyworks.x509.der import sequence_of, wrap

MAX_NOTE_OCTETS: Final = 64 * 1024
MAX_SIZE: Final = 1 << 63
"""A ledger stays below this: databases count so far."""

_ED25519: Final = b"\x01"
_DASH: Final = "— "
_KEY_ID_OCTETS: Final = 4


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint states.

    Args:
        origin: Which ledger.
        size: Number of entries.
        root: Root hash.
    """

    origin: str
    size: int
    root: bytes

    def encode(self) -> bytes:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n".encode()


@dataclass(frozen=True, slots=True)
class NoteKey:
    """The key that verifies a ledger's checkpoints.

    Args:
        name: The ledger's origin.
        public_key: Ed25519, 32 octets.
    """

    name: str
    public_key: bytes

    @classmethod
    def of(cls, name: str, public_key: PublicKey) -> "NoteKey":
        """Return the note key of an Ed25519 public key."""
        return cls(name, asn1.decode_der(SubjectPublicKeyInfo, public_key.spki).subject_public_key.as_bytes())

    @classmethod
    def parse(cls, text: str) -> "NoteKey":
        """Return the key in a verifier key string.

        Raises:
            OperatorError: It is none.
        """
        name, _, rest = text.strip().partition("+")
        identifier, _, encoded = rest.partition("+")
        try:
            octets = base64.b64decode(encoded, validate=True)
            key = cls(name, octets[1:])
            fits = bool(name) and key.identifier.hex() == identifier
        except ValueError:
            octets, fits = b"", False
        if octets[:1] != _ED25519 or len(octets) != 1 + HASH_OCTETS or not fits:
            raise OperatorError(
                "This is no ledger key; it looks like NAME+12345678+Base64 (see `ledger show`)."
            )
        return key

    @property
    def identifier(self) -> bytes:
        """Return the four octets that name the key in a signature line."""
        named = self.name.encode() + b"\n" + _ED25519 + self.public_key
        return hashlib.sha256(named).digest()[:_KEY_ID_OCTETS]

    @property
    def text(self) -> str:
        """Return the verifier key string."""
        encoded = base64.b64encode(_ED25519 + self.public_key).decode()
        return f"{self.name}+{self.identifier.hex()}+{encoded}"

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check a signature.

        Raises:
            IntegrityFailure: It does not verify.
        """
        ed25519 = BY_NAME["Ed25519"]
        spki = sequence_of([ed25519.identifier, wrap(0x03, b"\0" + self.public_key)])
        try:
            PublicKey.parse(spki).verify(signature, message, ed25519)
        except (BadSignature, BadSubjectKey) as error:
            raise IntegrityFailure("The checkpoint's signature does not verify with this key.") from error


async def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> str:
    """Return the signed note; the signature is verified before it is returned.

    Raises:
        IntegrityFailure: The key made a signature that does not verify.
    """
    key = NoteKey.of(checkpoint.origin, signer.public_key)
    message = checkpoint.encode()
    signature = await signer.sign(message)
    key.verify(signature, message)
    encoded = base64.b64encode(key.identifier + signature).decode()
    return f"{message.decode()}\n{_DASH}{key.name} {encoded}\n"


def parse_checkpoint(note: str) -> tuple[Checkpoint, tuple[tuple[str, bytes, bytes], ...]]:
    """Return what a signed note states, unverified, and its signatures as (name, key id, signature).

    Raises:
        IntegrityFailure: It is no checkpoint.
    """
    body, _, signatures = note.partition("\n\n")
    try:
        if len(note.encode()) > MAX_NOTE_OCTETS or any(char < " " and char != "\n" for char in note):
            raise ValueError
        checkpoint = _parse_body(body)
        signed = tuple(_signature_line(line) for line in signatures.removesuffix("\n").split("\n"))
    except ValueError as error:
        raise IntegrityFailure("This is not a checkpoint (C2SP tlog-checkpoint).") from error
    return checkpoint, signed


def _parse_body(body: str) -> Checkpoint:
    origin, digits, encoded, *_extensions = body.split("\n")
    size, root = int(digits), base64.b64decode(encoded, validate=True)
    if not origin or str(size) != digits or not 0 <= size < MAX_SIZE or len(root) != HASH_OCTETS:
        raise ValueError
    return Checkpoint(origin, size, root)


def _signature_line(line: str) -> tuple[str, bytes, bytes]:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    octets = base64.b64decode(encoded, validate=True)
    if not line.startswith(_DASH) or not name or len(octets) <= _KEY_ID_OCTETS:
        raise ValueError
    return name, octets[:_KEY_ID_OCTETS], octets[_KEY_ID_OCTETS:]


def verify_checkpoint(note: str, key: NoteKey) -> Checkpoint:
    """Return what a signed note states, if ``key`` signed it; other signatures (witnesses) are ignored.

    Raises:
        IntegrityFailure: It did not, or the note is about another ledger.
    """
    checkpoint, signatures = parse_checkpoint(note)
    if checkpoint.origin != key.name:
        raise IntegrityFailure(f"The checkpoint is of '{checkpoint.origin}', its key of '{key.name}'.")
    signed = note.partition("\n\n")[0].encode() + b"\n"
    for name, identifier, signature in signatures:
        if name == key.name and identifier == key.identifier:
            key.verify(signature, signed)
            return checkpoint
    raise IntegrityFailure(f"The checkpoint is not signed by {key.name}.")
