"""Certificates of every kind, good and bad, made by cryptography: an author independent of Keyworks."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from keyworks.x509.certificate import Certificate
from keyworks.x509.der import sequence_of, values_of, wrap

NOON: Final = 1_790_000_000
NOW: Final = datetime.fromtimestamp(NOON, UTC)
PrivateKey = (
    ec.EllipticCurvePrivateKey
    | rsa.RSAPrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | mldsa.MLDSA44PrivateKey
    | mldsa.MLDSA65PrivateKey
    | mldsa.MLDSA87PrivateKey
)
_WITHOUT_DIGEST: Final = (
    ed25519.Ed25519PrivateKey,
    ed448.Ed448PrivateKey,
    mldsa.MLDSA44PrivateKey,
    mldsa.MLDSA65PrivateKey,
    mldsa.MLDSA87PrivateKey,
)


_DIGESTS: Final[dict[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_CURVES: Final[dict[str, ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "secp256k1": ec.SECP256K1(),
    "brainpoolP256r1": ec.BrainpoolP256R1(),
}
_PLAIN: Final[dict[str, Callable[[], PrivateKey]]] = {
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "Ed448": ed448.Ed448PrivateKey.generate,
    "ML-DSA-44": mldsa.MLDSA44PrivateKey.generate,
    "ML-DSA-65": mldsa.MLDSA65PrivateKey.generate,
    "ML-DSA-87": mldsa.MLDSA87PrivateKey.generate,
}
_SERIAL_NUMBERS: Final = itertools.count(1 << 150)
_KEYS: Final[dict[tuple[str, str], PrivateKey]] = {}


def private_key(kind: str = "P-256", use: str = "") -> PrivateKey:
    """Return a key of a kind, the same one for the same use: making them is the slow part."""
    if (kind, use) not in _KEYS:
        _KEYS[kind, use] = _generated(kind)
    return _KEYS[kind, use]


def _generated(kind: str) -> PrivateKey:
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind])
    if kind.startswith("rsa-"):
        return rsa.generate_private_key(65537, int(kind.removeprefix("rsa-")))
    return _PLAIN[kind]()


@dataclass(frozen=True)
class Made:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def parsed(self) -> Certificate:
        return Certificate.parse(self.der)


@dataclass(frozen=True)
class Plan:
    """What a certificate shall be; the defaults make a good CA's.

    Args:
        ca: basicConstraints; ``None`` leaves the extension out.
        usages: keyUsage bits; ``None`` leaves the extension out.
        extensions: Further ones, with their criticality.
        digest: Of the signature.
        key: Kind of key.
        names: Subject, if not the common name alone.
        identifiers: Whether it has subjectKeyIdentifier and authorityKeyIdentifier.
    """

    ca: bool | None = True
    path_length: int | None = None
    usages: tuple[str, ...] | None = ("key_cert_sign", "crl_sign")
    not_before: datetime = NOW - timedelta(days=30)
    not_after: datetime = NOW + timedelta(days=3000)
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    digest: str = "sha256"
    key: str = "P-256"
    names: tuple[tuple[x509.ObjectIdentifier, str], ...] = ()
    identifiers: bool = True


GOOD_CA: Final = Plan()
GOOD_LEAF: Final = Plan(ca=None, usages=("digital_signature",), not_after=NOW + timedelta(days=300))


def common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def made(subject: str, plan: Plan = GOOD_CA, issuer: Made | None = None, signer: Made | None = None) -> Made:
    """Return a certificate.

    Args:
        subject: Its common name.
        plan: What it shall be.
        issuer: Whose name and key identifier it carries; itself without.
        signer: Whose key signs; the issuer's without.
    """
    key = private_key(plan.key, subject)
    own = x509.Name([x509.NameAttribute(*pair) for pair in plan.names]) if plan.names else common_name(subject)
    signing = signer.key if signer else issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(issuer.certificate.subject if issuer else own)
        .public_key(key.public_key())
        .serial_number(next(_SERIAL_NUMBERS))
        .not_valid_before(plan.not_before)
        .not_valid_after(plan.not_after)
    )
    for extension, critical in _extensions(plan, key, issuer.key if issuer else key):
        builder = builder.add_extension(extension, critical)
    digest = None if isinstance(signing, _WITHOUT_DIGEST) else _DIGESTS[plan.digest]
    return Made(builder.sign(signing, digest), key)


def _extensions(plan: Plan, key: PrivateKey, issuing: PrivateKey) -> Iterable[tuple[x509.ExtensionType, bool]]:
    if plan.identifiers:
        yield x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
        yield x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing.public_key()), False
    if plan.ca is not None:
        yield x509.BasicConstraints(ca=plan.ca, path_length=plan.path_length), True
    if plan.usages is not None:
        yield key_usage(*plan.usages), True
    yield from plan.extensions


def signature_of(key: PrivateKey, message: bytes, digest: str = "") -> bytes:
    """Return a signature by a key of any kind."""
    match key:
        case ec.EllipticCurvePrivateKey():
            return key.sign(message, ec.ECDSA(_DIGESTS[digest]))
        case rsa.RSAPrivateKey():
            return key.sign(message, padding.PKCS1v15(), _DIGESTS[digest])
        case _:
            return key.sign(message)


def key_usage(*names: str) -> x509.KeyUsage:
    bits = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(**bits | dict.fromkeys(names, True))


def resigned_with_sha_1(certificate: Made, signer: Made | None = None) -> bytes:
    """Return an RSA-signed certificate signed anew; the OID ends in 11 for SHA-256, in 5 for SHA-1."""
    key = (signer or certificate).key
    assert isinstance(key, rsa.RSAPrivateKey)
    by_sha_256 = bytes.fromhex("06092a864886f70d01010b")
    tbs, algorithm, _ = values_of(certificate.der, "certificate")
    tbs, algorithm = (part.replace(by_sha_256, by_sha_256[:-1] + b"\x05") for part in (tbs, algorithm))
    signature = key.sign(tbs, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303  (what has to be refused)
    return sequence_of([tbs, algorithm, wrap(0x03, b"\0" + signature)])
