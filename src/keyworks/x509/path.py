"""Path validation: does somebody we trust stand behind a certificate?

OpenSSL builds and checks the path (signatures, times, names, constraints, unknown critical extensions); we
check what it leaves open: which algorithms and key sizes count, and that the anchor itself is in force. No
certificate policy is known here, so a path in which an issuer demands one does not hold.

Source: RFC 5280 §6.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from OpenSSL import crypto

from keyworks import oids
from keyworks.errors import InvalidPath, MalformedRequest
from keyworks.x509.certificate import Certificate, time_text

MAX_CHAIN: Final = 8
"""Certificates in a presented chain."""

_FLAGS: Final = (
    crypto.X509StoreFlags.PARTIAL_CHAIN
    | crypto.X509StoreFlags.X509_STRICT
    # Without it OpenSSL lets a critical policyConstraints pass as understood, and ignores it.
    | crypto.X509StoreFlags.POLICY_CHECK
)
_REASONS: Final = {
    9: "a certificate's time has not come yet",
    10: "a certificate has expired",
    18: "it is self-signed and not a trust anchor",
    19: "its root is not a trust anchor",
    20: "no trust anchor of this channel vouches for its issuer",
    7: "a signature in it does not verify",
    25: "a pathLenConstraint is exceeded",
    34: "it has an unknown critical extension",
    42: "its policy extensions are malformed or contradict",
    43: "an issuer in it demands a certificate policy, and none is known here",
    47: "a name lies outside the permitted subtrees",
    48: "a name lies inside an excluded subtree",
    53: "a name has a form that cannot be held against the name constraints",
    79: "an issuer in it is no CA, or its keyUsage lacks keyCertSign",
    85: "a certificate in it lacks authorityKeyIdentifier",
    86: "a CA certificate in it lacks subjectKeyIdentifier",
    92: "an issuer in it lacks keyUsage",
}
"""By OpenSSL's X509_V_ERR codes."""


@dataclass(frozen=True, slots=True)
class ValidatedPath:
    """A certification path that holds.

    Args:
        certificates: End entity first, trust anchor last.
    """

    certificates: tuple[Certificate, ...]


def validate(
    chain: Sequence[bytes],
    anchors: Sequence[Certificate],
    *,
    at: int,
    purpose: str = oids.KP_CLIENT_AUTH,
) -> ValidatedPath:
    """Return the path from an end entity to a trust anchor.

    Args:
        chain: DER, end entity first; the rest in any order, used as far as it helps, but all of it readable.
        anchors: CA certificates, trusted as they are.
        at: The instant at which the path has to hold.
        purpose: What the end entity is shown for: an issuer with an extKeyUsage has to allow it. (Whether the
            end entity itself may lack an extKeyUsage is for the caller to say.)

    Raises:
        InvalidPath: There is none that holds; the sentence says why.
    """
    if not 1 <= len(chain) <= MAX_CHAIN:
        raise InvalidPath(
            f"The certificate chain has {len(chain)} certificates; 1 to {MAX_CHAIN} are looked at."
        )
    presented = [_parse(der) for der in chain]
    in_force = tuple(anchor.der for anchor in anchors if anchor.not_before <= at <= anchor.not_after)
    if not in_force:
        raise InvalidPath("The certificate is not accepted: this channel has no trust anchor in force.")
    if presented[0].der in in_force:
        raise InvalidPath("The certificate is not accepted: a trust anchor does not authenticate as itself.")
    path = tuple(_parse(der) for der in _build(presented, in_force, at))
    for issuer in path[1:]:
        _check_purpose(issuer, purpose)
    return ValidatedPath(path)


def _check_purpose(issuer: Certificate, purpose: str) -> None:
    allowed = issuer.extended_key_usage
    if allowed is not None and not {purpose, oids.ANY_EXTENDED_KEY_USAGE}.intersection(allowed):
        raise InvalidPath(
            "The certificate is not accepted: the extKeyUsage of an issuer in it does not allow this purpose "
            f"('{issuer.subject.text}')."
        )


def _parse(der: bytes) -> Certificate:
    """Refuse what we could not name or whose key or algorithm does not count (SHA-1, RSA-1024, odd curves)."""
    try:
        return Certificate.parse(der)
    except MalformedRequest as error:
        raise InvalidPath(f"The certificate chain is not accepted: {error.detail}") from error


def _build(presented: Sequence[Certificate], anchors: tuple[bytes, ...], at: int) -> list[bytes]:
    try:
        store = _store(anchors, at)
        leaf, *rest = [_loaded(certificate.der) for certificate in presented]
        found = crypto.X509StoreContext(store, leaf, rest).get_verified_chain()
    except crypto.X509StoreContextError as error:
        raise _explained(error, presented[0], at) from error
    except (crypto.Error, ValueError) as error:
        raise InvalidPath("The certificate chain cannot be read.") from error
    return [crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate) for certificate in found]


def _store(anchors: tuple[bytes, ...], at: int) -> crypto.X509Store:
    """Return a trust store for one moment: OpenSSL keeps the first time that a store is given, for ever."""
    store = crypto.X509Store()
    for anchor in _loaded_anchors(anchors):
        store.add_cert(anchor)
    store.set_flags(_FLAGS)
    store.set_time(datetime.fromtimestamp(at, UTC))
    return store


@lru_cache(maxsize=64)
def _loaded_anchors(anchors: tuple[bytes, ...]) -> tuple[crypto.X509, ...]:
    """Return anchors as OpenSSL has them: loading costs more than putting them into a store."""
    return tuple(_loaded(der) for der in anchors)


def _loaded(der: bytes) -> crypto.X509:
    return crypto.load_certificate(crypto.FILETYPE_ASN1, der)


def _explained(error: crypto.X509StoreContextError, leaf: Certificate, at: int) -> InvalidPath:
    code = error.errors[0] if error.errors else 0
    if code == 10 and leaf.not_after < at:
        return InvalidPath(f"The certificate has expired on {time_text(leaf.not_after)}.")
    reason = _REASONS.get(code) or (str(error.errors[2]) if len(error.errors) > 2 else "it does not validate")
    return InvalidPath(
        f"The certificate is not accepted: {reason} (issuer '{leaf.issuer.text}').", private=str(error.errors)
    )
