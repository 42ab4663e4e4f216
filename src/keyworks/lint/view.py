"""What rules look at: a TBS certificate read back from its octets, independently of what made them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat import asn1

from keyworks import oids
from keyworks.algorithms.public_key import PublicKey
from keyworks.asn1 import rfc5280
from keyworks.errors import KeyworksError, LintFailed
from keyworks.x509 import extensions as x
from keyworks.x509.certificate import Certificate, instant_of
from keyworks.x509.der import octets_of
from keyworks.x509.general_name import SubjectAltName
from keyworks.x509.name import Name


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule.

    Args:
        rule: ``source.rule``, as the reference lists it.
        message: What is wrong.
    """

    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule has to know besides the octets.

    Args:
        profile: The built-in profile that the certificate's is, or derives from.
        issuer: The issuing certificate; ``None`` for one that signs itself.
        publication_url: Where the issuing authority publishes.
    """

    profile: str
    issuer: Certificate | None
    publication_url: str


@dataclass(frozen=True, slots=True)
class View:
    """A TBS certificate, read.

    Args:
        version: 2 means v3.
        serial_number: As signed.
        signature: DER AlgorithmIdentifier.
        issuer_der: As signed.
        not_before: Epoch seconds.
        not_after: Epoch seconds.
        time_tags: Of both instants: UTCTime or GeneralizedTime.
        subject: Read.
        public_key: Read.
        unique_ids: Whether one is there.
        listed: Object identifiers of the extensions in order.
        extensions: By object identifier.
        ca: basicConstraints.
        path_length: basicConstraints.
        key_usage: Empty without the extension.
        purposes: Of extKeyUsage; empty without.
        names: subjectAltName, if there is one.
    """

    version: int
    serial_number: int
    signature: bytes
    issuer_der: bytes
    not_before: int
    not_after: int
    time_tags: tuple[str, str]
    subject: Name
    public_key: PublicKey
    unique_ids: bool
    listed: tuple[str, ...]
    extensions: dict[str, x.Extension]
    ca: bool
    path_length: int | None
    key_usage: frozenset[str]
    purposes: tuple[str, ...]
    names: SubjectAltName | None

    def value(self, oid: str) -> bytes | None:
        """Return an extension's value, if it is there."""
        found = self.extensions.get(oid)
        return found.value if found else None


Rule = Callable[[View, Context], str | None]
"""Says what is wrong, or ``None``."""

UTC_TIME: Final = "UTCTime"


def read(tbs: bytes) -> View:
    """Return a TBS certificate's parts.

    Raises:
        LintFailed: It is none.
    """
    try:
        decoded = asn1.decode_der(rfc5280.TBSCertificate, tbs)
        return _view(decoded)
    except (ValueError, KeyworksError) as error:
        raise LintFailed(
            "The certificate was not issued: it cannot be read back.", private=str(error)
        ) from error


def _view(tbs: rfc5280.TBSCertificate) -> View:
    extensions = {
        one.extn_id.dotted_string: x.Extension(one.extn_id.dotted_string, one.critical, bytes(one.extn_value))
        for one in tbs.extensions or ()
    }
    values = {oid: one.value for oid, one in extensions.items()}
    constraints = values.get(oids.BASIC_CONSTRAINTS)
    ca, path_length = x.parse_basic_constraints(constraints) if constraints is not None else (False, None)
    usage, purposes = values.get(oids.KEY_USAGE), values.get(oids.EXTENDED_KEY_USAGE)
    names = values.get(oids.SUBJECT_ALT_NAME)
    times = (tbs.validity.not_before, tbs.validity.not_after)
    return View(
        version=tbs.version,
        serial_number=tbs.serial_number,
        signature=octets_of(tbs.signature),
        issuer_der=octets_of(tbs.issuer),
        not_before=instant_of(times[0]),
        not_after=instant_of(times[1]),
        time_tags=(type(times[0]).__name__, type(times[1]).__name__),
        subject=Name.parse(octets_of(tbs.subject)),
        public_key=PublicKey.parse(octets_of(tbs.subject_public_key_info)),
        unique_ids=tbs.issuer_unique_id is not None or tbs.subject_unique_id is not None,
        listed=tuple(one.extn_id.dotted_string for one in tbs.extensions or ()),
        extensions=extensions,
        ca=ca,
        path_length=path_length,
        key_usage=x.parse_key_usage(usage) if usage is not None else frozenset(),
        purposes=x.parse_extended_key_usage(purposes) if purposes is not None else (),
        names=x.parse_subject_alt_name(names) if names is not None else None,
    )
