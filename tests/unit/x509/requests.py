"""PKCS#10 requests made by hand, well signed whatever they say: what no builder would let us make."""

from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyworks import oids
from keyworks.algorithms.registry import signature_for
from keyworks.x509.der import encode, sequence_of, wrap
from keyworks.x509.name import Name
from tests.unit.x509.chains import PrivateKey, private_key, signature_of

SUBJECT: Final = Name.of((oids.ORGANIZATION_NAME, "Example"), (oids.SERIAL_NUMBER, "SN-0001")).der
EXTENSION_REQUEST: Final = bytes.fromhex("06092a864886f70d01090e")
CHALLENGE_PASSWORD: Final = bytes.fromhex("06092a864886f70d010907")


@dataclass(frozen=True)
class Plan:
    """What a request shall say.

    Args:
        key_type: Of the key that signs.
        public_key: DER, where it is not the signing key's.
        attributes: DER, each one whole.
        algorithm: DER AlgorithmIdentifier of the signature, where it is not the right one.
        unused_bits: Of the signature's BIT STRING.
    """

    version: bytes = b"\x02\x01\x00"
    subject: bytes = SUBJECT
    key_type: str = "P-256"
    public_key: bytes | None = None
    attributes: tuple[bytes, ...] = ()
    algorithm: bytes | None = None
    unused_bits: int = 0


def spki_of(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def request(plan: Plan = Plan()) -> bytes:
    """Return a request whose signature verifies over exactly what it says."""
    key = private_key(plan.key_type, "request")
    algorithm = signature_for(plan.key_type)
    signed = sequence_of(
        [
            plan.version,
            plan.subject,
            plan.public_key or spki_of(key),
            wrap(0xA0, b"".join(sorted(plan.attributes))),
        ]
    )
    signature = signature_of(key, signed, algorithm.digest)
    if plan.unused_bits:
        signature = signature[:-1] + bytes((signature[-1] >> plan.unused_bits << plan.unused_bits,))
    return sequence_of(
        [signed, plan.algorithm or algorithm.identifier, wrap(0x03, bytes((plan.unused_bits,)) + signature)]
    )


def attribute(oid: bytes, *values: bytes) -> bytes:
    return sequence_of([oid, wrap(0x31, b"".join(sorted(values)))])


def extension(number: int, value: bytes = b"\x05\x00") -> bytes:
    """Return extension 2.5.29.``number``."""
    return sequence_of([wrap(0x06, bytes((0x55, 0x1D, number))), wrap(0x04, value)])


def extension_request(*extensions: bytes) -> bytes:
    return attribute(EXTENSION_REQUEST, sequence_of(extensions))


def challenge_password(text: str, tag: int = 0x0C) -> bytes:
    return attribute(CHALLENGE_PASSWORD, wrap(tag, text.encode()))


def unknown_attribute(number: int) -> bytes:
    return attribute(wrap(0x06, b"\x2a" + bytes((number,))), encode(number))
