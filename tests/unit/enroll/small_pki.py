"""A root, an issuing CA and end entities, made by another library than the one under test."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
)

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Certified:
    """A certificate, its key, and those above it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    above: tuple[x509.Certificate, ...] = ()

    @cached_property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @cached_property
    def chain(self) -> tuple[bytes, ...]:
        """DER, up to the root's."""
        return (self.der, *(one.public_bytes(Encoding.DER) for one in self.above))

    @property
    def chain_pem(self) -> bytes:
        return b"".join(one.public_bytes(Encoding.PEM) for one in (self.certificate, *self.above))

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def pin(self) -> str:
        return f"sha256:{hashlib.sha256(self.der).hexdigest()}"


def certify(
    name: str | x509.Name,
    issuer: Certified | None = None,
    *,
    ca: bool = False,
    spki: bytes | None = None,
    hosts: tuple[str, ...] = (),
    days: tuple[int, int] = (-1, 30),
) -> Certified:
    """Return a new certificate.

    Args:
        name: Its common name, or all of its name.
        issuer: Signs it; ``None`` for a root.
        ca: Whether it is a CA's.
        spki: The key to certify, DER; otherwise a new one.
        hosts: For subjectAltName.
        days: From when to when, counted from now.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    public: CertificatePublicKeyTypes = (
        load_der_public_key(spki) if spki else key.public_key()  # type: ignore[assignment]
    )
    signing = issuer.key if issuer else key
    subject = name if isinstance(name, x509.Name) else common_name(name)
    usage = {"digital_signature": not ca, "key_cert_sign": ca, "crl_sign": ca}
    unused = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + days[0] * DAY)
        .not_valid_after(NOW + days[1] * DAY)
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(
            x509.KeyUsage(**usage, **dict.fromkeys(unused, False), encipher_only=False, decipher_only=False),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(one) for one in hosts]), False)
    above = (issuer.certificate, *issuer.above) if issuer else ()
    return Certified(builder.sign(signing, hashes.SHA256()), key, above)


def common_name(name: str, serial_number: str = "") -> x509.Name:
    """Return a name, with a device's serial number if there is one."""
    attributes = [x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]
    if serial_number:
        attributes.append(x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, serial_number))
    return x509.Name(attributes)


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@lru_cache
def root() -> Certified:
    """The one that vouches for all of the others."""
    return certify("Test root", ca=True)


@lru_cache
def issuing() -> Certified:
    """Below the root."""
    return certify("Test issuing", root(), ca=True)


@lru_cache
def server() -> Certified:
    """Of localhost, below the issuing CA."""
    return certify("server", issuing(), hosts=("localhost", "127.0.0.1"))
