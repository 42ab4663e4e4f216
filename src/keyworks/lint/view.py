"""What rules look at: a TBS certificate read back from its octets, independently of what made them.

Most of a certificate is the same in all that one issuer makes of one profile. That part is its frame: read
once, and judged once by the rules that look at nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
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


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """What a TBS certificate has in common with many others. Two with the same content are one object.

    Args:
        version: 2 means v3.
        signature: DER AlgorithmIdentifier.
        issuer_der: As signed.
        unique_ids: Whether one is there.
        key_type: Of the subject's key.
        nameless: Whether the subject is empty.
        listed: Object identifiers of the extensions in order.
        extensions: By object identifier; those that are each certificate's own, without a value.
        ca: basicConstraints.
        path_length: basicConstraints.
        key_usage: Empty without the extension.
        purposes: Of extKeyUsage; empty without.
    """

    version: int
    signature: bytes
    issuer_der: bytes
    unique_ids: bool
    key_type: str
    nameless: bool
    listed: tuple[str, ...]
    extensions: Mapping[str, x.Extension]
    ca: bool
    path_length: int | None
    key_usage: frozenset[str]
    purposes: tuple[str, ...]

    def value(self, oid: str) -> bytes | None:
        """Return an extension's value, if it is there."""
        found = self.extensions.get(oid)
        return found.value if found else None


@dataclass(frozen=True, slots=True)
class View:
    """A TBS certificate, read.

    Args:
        frame: What it has in common with others.
        serial_number: As signed.
        not_before: Epoch seconds.
        not_after: Epoch seconds.
        time_tags: Of both instants: UTCTime or GeneralizedTime.
        subject: Read.
        public_key: Read.
        key_identifier: The value of subjectKeyIdentifier, if there is one.
        names: subjectAltName, if there is one.
    """

    frame: Frame
    serial_number: int
    not_before: int
    not_after: int
    time_tags: tuple[str, str]
    subject: Name
    public_key: PublicKey
    key_identifier: bytes | None
    names: SubjectAltName | None


Rule = Callable[[View, Context], str | None]
"""Says what is wrong with a certificate, or ``None``."""

FrameRule = Callable[[Frame, Context], str | None]
"""Says what is wrong with all certificates of a frame, or ``None``."""

UTC_TIME: Final = "UTCTime"
_FRAMES: Final = 256
_OWN: Final = frozenset({oids.SUBJECT_KEY_IDENTIFIER, oids.SUBJECT_ALT_NAME})
"""Extensions with a value of each certificate's own."""


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
    listed = [(one.extn_id.dotted_string, one.critical, bytes(one.extn_value)) for one in tbs.extensions or ()]
    own = {oid: value for oid, _, value in listed if oid in _OWN}
    names = own.get(oids.SUBJECT_ALT_NAME)
    times = (tbs.validity.not_before, tbs.validity.not_after)
    subject = Name.parse(octets_of(tbs.subject))
    public_key = PublicKey.parse(octets_of(tbs.subject_public_key_info))
    frame = _frame(
        tbs.version,
        octets_of(tbs.signature),
        octets_of(tbs.issuer),
        tbs.issuer_unique_id is not None or tbs.subject_unique_id is not None,
        public_key.key_type,
        subject.is_empty,
        tuple([(oid, critical, b"" if oid in _OWN else value) for oid, critical, value in listed]),
    )
    return View(
        frame=frame,
        serial_number=tbs.serial_number,
        not_before=instant_of(times[0]),
        not_after=instant_of(times[1]),
        time_tags=(type(times[0]).__name__, type(times[1]).__name__),
        subject=subject,
        public_key=public_key,
        key_identifier=own.get(oids.SUBJECT_KEY_IDENTIFIER),
        names=x.parse_subject_alt_name(names) if names is not None else None,
    )


@lru_cache(maxsize=_FRAMES)
def _frame(
    version: int,
    signature: bytes,
    issuer_der: bytes,
    unique_ids: bool,
    key_type: str,
    nameless: bool,
    listed: tuple[tuple[str, bool, bytes], ...],
) -> Frame:
    extensions = {oid: x.Extension(oid, critical, value) for oid, critical, value in listed}
    values = {oid: one.value for oid, one in extensions.items()}
    constraints = values.get(oids.BASIC_CONSTRAINTS)
    ca, path_length = x.parse_basic_constraints(constraints) if constraints is not None else (False, None)
    usage, purposes = values.get(oids.KEY_USAGE), values.get(oids.EXTENDED_KEY_USAGE)
    return Frame(
        version=version,
        signature=signature,
        issuer_der=issuer_der,
        unique_ids=unique_ids,
        key_type=key_type,
        nameless=nameless,
        listed=tuple(oid for oid, _, _ in listed),
        extensions=MappingProxyType(extensions),
        ca=ca,
        path_length=path_length,
        key_usage=x.parse_key_usage(usage) if usage is not None else frozenset(),
        purposes=x.parse_extended_key_usage(purposes) if purposes is not None else (),
    )
