"""What a certificate of each kind looks like: profiles as data, and the TBS they make.

A profile decides everything in a certificate but the public key. Nothing of a request reaches a certificate
unless a naming rule takes it, and each rule takes only what the inventory or the channel vouches for.

Source: RFC 5280 §4; IEEE 802.1AR-2018 §8 (DevID certificates).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

from keyworks.access.principal import Kind
from keyworks.algorithms.public_key import PublicKey
from keyworks.algorithms.registry import SignatureAlgorithm
from keyworks.authority.name_rules import NameRules
from keyworks.errors import BadSubjectKey
from keyworks.x509 import extensions as x
from keyworks.x509.certificate import Certificate
from keyworks.x509.general_name import SubjectAltName
from keyworks.x509.name import Name
from keyworks.x509.tbs import NO_EXPIRY, TBSCertificate

YEAR: Final = timedelta(days=365)
CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far notBefore lies in the past: freshly started devices often run a few minutes slow."""

_SKEW_SHARE: Final = 10
"""And at most this part of the life ahead, or a short one would be due for renewal when it begins."""

LEAF_KEYS: Final = ("P-256", "P-384", "P-521", "Ed25519", "Ed448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87")
"""Key types that are certified, besides RSA."""


class Holder(StrEnum):
    """Whose certificates a profile describes."""

    DEVICE = "device"
    """A device of the inventory; it asks itself, or a station asks for it."""

    PRINCIPAL = "principal"
    """A registered station, service or person, who asks for itself."""

    NODE = "node"
    """This server."""

    AUTHORITY = "authority"


@dataclass(frozen=True, slots=True)
class Profile:
    """What a certificate looks like.

    Args:
        name: As operators and the ledger call it.
        base: The built-in profile that it is or derives from; lint rules go by it.
        version: Recorded with each certificate; grows with every change of the other fields.
        holder: Whose certificates these are.
        accepts: Who may ask at most; a channel may narrow it.
        key_usage: RFC 5280's names; always critical.
        lifetime: From the moment of issue, or ``None``: it never expires (99991231235959Z).
        names: Which names a certificate carries; an authority's are given when its key is made.
        ca: Whether the subject issues certificates.
        path_length: How many CA certificates may follow, where ``ca``.
        issues_for: Where ``ca``: how long the key issues; afterwards it only signs status.
        extended_key_usage: Object identifiers; empty for none.
        critical_purposes: Whether who does not know the extended key usage has to refuse the certificate.
        keys: Key types that are certified, besides RSA.
        smallest_rsa_bits: RSA keys below this are refused; 0 refuses RSA.
        renewable: Whether a holder may ask for a successor with the certificate itself.
        ocsp_no_check: Whether the certificate's own status is not to be asked for (RFC 6960 §4.2.2.2.1).
        masa_url: Where the device's manufacturer gives vouchers (RFC 8995 §2.3.2).
    """

    name: str
    base: str
    version: int
    holder: Holder
    accepts: frozenset[Kind]
    key_usage: frozenset[str]
    lifetime: timedelta | None
    names: NameRules
    ca: bool = False
    path_length: int | None = None
    issues_for: timedelta | None = None
    extended_key_usage: tuple[str, ...] = ()
    critical_purposes: bool = False
    keys: tuple[str, ...] = LEAF_KEYS
    smallest_rsa_bits: int = 2048
    renewable: bool = True
    ocsp_no_check: bool = False
    masa_url: str | None = None
    fixed_extensions: tuple[x.Extension, ...] = field(init=False, repr=False, compare=False)
    """Those that are the same in all certificates."""

    def __post_init__(self) -> None:
        """Encode what is the same in all certificates, once."""
        object.__setattr__(self, "fixed_extensions", tuple(_fixed_extensions(self)))

    @property
    def accepts_by_default(self) -> frozenset[Kind]:
        """Return who may ask where a channel does not say: of a device's certificate, the device itself."""
        return frozenset({Kind.DEVICE}) if Kind.DEVICE in self.accepts else self.accepts

    def check_key(self, public_key: PublicKey) -> None:
        """Refuse a key that this profile does not certify.

        Raises:
            BadSubjectKey: Of a type or size that the profile excludes.
        """
        if public_key.key_type.startswith("rsa-"):
            bits = int(public_key.key_type.removeprefix("rsa-"))
            if not self.smallest_rsa_bits or bits < self.smallest_rsa_bits:
                raise BadSubjectKey(
                    f"Profile {self.name} asks for RSA keys of at least {self.smallest_rsa_bits} bits; "
                    f"this one has {bits}."
                )
        elif public_key.key_type not in self.keys:
            raise BadSubjectKey(
                f"Profile {self.name} does not certify {public_key.key_type} keys; "
                f"use {' or '.join(self.keys) or 'an RSA key'}."
            )


@dataclass(frozen=True, slots=True)
class Wanted:
    """The names a certificate will carry: what the naming rule accepted, not what was asked."""

    subject: Name
    subject_alt_name: SubjectAltName | None = None

    @property
    def key(self) -> bytes:
        """Return bytes equal for equal wishes: a part of what makes a request identical."""
        alternative = self.subject_alt_name
        return self.subject.der + (
            x.subject_alt_name(alternative, critical=False).value if alternative else b""
        )


@dataclass(frozen=True, slots=True)
class Issuer:
    """The authority's side of a certificate: what a generation contributes to each TBS.

    Args:
        generation_id: The generation that signs.
        key_id: Its key.
        name: Its subject.
        key_identifier: Of its key (AKI of what it issues).
        signature: The algorithm it signs with.
        not_after: Its own end; nothing it issues ends later.
        certificate: Its certificate; ``None`` while it signs its own.
        publication_url: Where CRLs and its certificate are published, without a trailing slash.
        file_name: The last part of those addresses.
        chain: Its certificate and those above it, up to the root's, DER; empty while it signs its own.
    """

    generation_id: str
    key_id: str
    name: Name
    key_identifier: bytes
    signature: SignatureAlgorithm
    not_after: int
    certificate: Certificate | None
    publication_url: str
    file_name: str
    chain: tuple[bytes, ...]


def make_tbs(
    profile: Profile, wanted: Wanted, public_key: PublicKey, issuer: Issuer, serial_number: int, at: int
) -> TBSCertificate:
    """Return the certificate to be signed.

    Source: RFC 5280 §4.1.2, §4.2; its validity never exceeds the issuer's.
    """
    not_before, not_after = validity(profile, issuer, at)
    return TBSCertificate(
        serial_number=serial_number,
        signature=issuer.signature,
        issuer=issuer.name,
        subject=wanted.subject,
        not_before=not_before,
        not_after=not_after,
        public_key=public_key,
        extensions=_extensions(profile, wanted, public_key, issuer),
    )


def validity(profile: Profile, issuer: Issuer, at: int) -> tuple[int, int]:
    """Return notBefore and notAfter of a certificate issued at an instant; epoch seconds."""
    own = NO_EXPIRY if profile.lifetime is None else at + int(profile.lifetime.total_seconds()) - 1
    not_after = min(own, issuer.not_after)
    skew = min(int(CLOCK_SKEW.total_seconds()), max(0, not_after - at) // _SKEW_SHARE)
    return at - skew, not_after


def _extensions(
    profile: Profile, wanted: Wanted, public_key: PublicKey, issuer: Issuer
) -> tuple[x.Extension, ...]:
    found = [*profile.fixed_extensions, x.subject_key_identifier(public_key.key_identifier)]
    found.append(x.authority_key_identifier(issuer.key_identifier))
    if wanted.subject_alt_name is not None:
        found.append(x.subject_alt_name(wanted.subject_alt_name, critical=wanted.subject.is_empty))
    if issuer.certificate is not None:
        found.extend(_publication_extensions(issuer.publication_url, issuer.file_name))
    return tuple(found)


def _fixed_extensions(profile: Profile) -> Iterator[x.Extension]:
    if profile.ca:
        yield x.basic_constraints(ca=True, path_length=profile.path_length)
    yield x.key_usage(profile.key_usage)
    if profile.extended_key_usage:
        yield x.extended_key_usage(profile.extended_key_usage, critical=profile.critical_purposes)
    if profile.ocsp_no_check:
        yield x.ocsp_no_check()
    if profile.masa_url is not None:
        yield x.masa_url(profile.masa_url)


@lru_cache(maxsize=1024)
def _publication_extensions(publication_url: str, file_name: str) -> tuple[x.Extension, ...]:
    return (
        x.crl_distribution_points((f"{publication_url}/crl/{file_name}.crl",)),
        x.authority_information_access(ca_issuers=(f"{publication_url}/aia/{file_name}.cer",)),
    )
