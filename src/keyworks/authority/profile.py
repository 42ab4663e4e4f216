"""What a certificate of each kind looks like: profiles as data, and the TBS they make.

A profile decides everything in a certificate but the public key. Nothing of a request reaches a certificate
unless a naming rule takes it, and each rule takes only what the inventory or the channel vouches for.

Source: RFC 5280 §4; IEEE 802.1AR-2018 §8 (DevID certificates).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from keyworks import oids
from keyworks.algorithms.public_key import PublicKey
from keyworks.algorithms.registry import SignatureAlgorithm
from keyworks.errors import BadSubjectKey
from keyworks.x509 import extensions as x
from keyworks.x509.certificate import Certificate
from keyworks.x509.general_name import SubjectAltName
from keyworks.x509.name import Name
from keyworks.x509.tbs import NO_EXPIRY, TBSCertificate

YEAR: Final = timedelta(days=365)
CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far notBefore lies in the past: freshly started devices often run a few minutes slow."""

_DIGITAL_SIGNATURE: Final = frozenset({"digitalSignature"})
_CA_USAGE: Final = frozenset({"keyCertSign", "cRLSign"})
_LEAF_KEYS: Final = ("P-256", "P-384", "P-521", "Ed25519", "Ed448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87")


@dataclass(frozen=True, slots=True)
class Profile:
    """What a certificate looks like.

    Args:
        name: As operators and the ledger call it.
        version: Recorded with each certificate; grows with every change of the fields below.
        ca: Whether the subject issues certificates.
        path_length: How many CA certificates may follow, where ``ca``.
        key_usage: RFC 5280's names; always critical.
        extended_key_usage: Object identifiers; empty for none.
        lifetime: From the moment of issue, or ``None``: it never expires (99991231235959Z).
        issues_for: Where ``ca``: how long the key issues; afterwards it only signs status.
        smallest_rsa_bits: RSA keys below this are refused; 0 refuses RSA.
        renewable: Whether a holder may ask for a successor with the certificate itself.
    """

    name: str
    version: int
    key_usage: frozenset[str]
    lifetime: timedelta | None
    ca: bool = False
    path_length: int | None = None
    extended_key_usage: tuple[str, ...] = ()
    issues_for: timedelta | None = None
    smallest_rsa_bits: int = 2048
    renewable: bool = True

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
        elif public_key.key_type not in _LEAF_KEYS:
            raise BadSubjectKey(f"Profile {self.name} does not certify {public_key.key_type} keys.")


def _ca(name: str, lifetime: timedelta | None, issues_for: timedelta, path_length: int) -> Profile:
    return Profile(
        name=name,
        version=1,
        key_usage=_CA_USAGE,
        lifetime=lifetime,
        ca=True,
        path_length=path_length,
        issues_for=issues_for,
        smallest_rsa_bits=3072,
        renewable=False,
    )


_BUILT_IN: Final = (
    _ca("root", 25 * YEAR, 20 * YEAR, path_length=1),
    _ca("issuing", 10 * YEAR, 8 * YEAR, path_length=0),
    _ca("idevid-root", None, 20 * YEAR, path_length=1),
    _ca("idevid-issuing", None, 10 * YEAR, path_length=0),
    Profile("idevid", 1, _DIGITAL_SIGNATURE, None, renewable=False),
    Profile(
        "ldevid",
        1,
        _DIGITAL_SIGNATURE,
        2 * YEAR,
        extended_key_usage=(oids.KP_CLIENT_AUTH, oids.KP_SERVER_AUTH),
    ),
    Profile("tls-server", 1, _DIGITAL_SIGNATURE, YEAR, extended_key_usage=(oids.KP_SERVER_AUTH,)),
    Profile("station", 1, _DIGITAL_SIGNATURE, YEAR, extended_key_usage=(oids.KP_CLIENT_AUTH,)),
)
PROFILES: Final[Mapping[str, Profile]] = MappingProxyType({profile.name: profile for profile in _BUILT_IN})


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
    not_after = NO_EXPIRY if profile.lifetime is None else at + int(profile.lifetime.total_seconds()) - 1
    return TBSCertificate(
        serial_number=serial_number,
        signature=issuer.signature,
        issuer=issuer.name,
        subject=wanted.subject,
        not_before=at - int(CLOCK_SKEW.total_seconds()),
        not_after=min(not_after, issuer.not_after),
        public_key=public_key,
        extensions=_extensions(profile, wanted, public_key, issuer),
    )


def _extensions(
    profile: Profile, wanted: Wanted, public_key: PublicKey, issuer: Issuer
) -> tuple[x.Extension, ...]:
    found = [*_fixed_extensions(profile), x.subject_key_identifier(public_key.key_identifier)]
    found.append(x.authority_key_identifier(issuer.key_identifier))
    if wanted.subject_alt_name is not None:
        found.append(x.subject_alt_name(wanted.subject_alt_name, critical=wanted.subject.is_empty))
    if issuer.certificate is not None:
        found.extend(_publication_extensions(issuer.publication_url, issuer.file_name))
    return tuple(found)


@lru_cache(maxsize=64)
def _fixed_extensions(profile: Profile) -> tuple[x.Extension, ...]:
    found = [x.key_usage(profile.key_usage)]
    if profile.ca:
        found.insert(0, x.basic_constraints(ca=True, path_length=profile.path_length))
    if profile.extended_key_usage:
        found.append(x.extended_key_usage(profile.extended_key_usage))
    return tuple(found)


@lru_cache(maxsize=1024)
def _publication_extensions(publication_url: str, file_name: str) -> tuple[x.Extension, ...]:
    return (
        x.crl_distribution_points((f"{publication_url}/crl/{file_name}.crl",)),
        x.authority_information_access(ca_issuers=(f"{publication_url}/aia/{file_name}.cer",)),
    )
