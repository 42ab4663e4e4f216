"""What the server issued, checked before it is used."""

from collections.abc import Sequence
from dataclasses import dataclass

from keyworks import oids
from keyworks.algorithms.public_key import PublicKey
from keyworks.enroll.answer import Granted
from keyworks.errors import BadSubjectKey, MalformedRequest
from keyworks.x509.certificate import Certificate
from keyworks.x509.path import validate


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that may be used.

    Args:
        certificate: For our key.
        chain: DER: the certificate and the issuers to present with it, without the root.
        authorities: DER: all CA certificates of its channel, those above it first.
        superseded: Serial numbers of the certificates that were revoked for it, as the server says.
    """

    certificate: Certificate
    chain: tuple[bytes, ...]
    authorities: tuple[bytes, ...]
    superseded: tuple[str, ...] = ()


def check_issued(granted: Granted, public_key: PublicKey, authorities: Sequence[bytes], *, at: int) -> Issued:
    """Return the certificate that a server issued, if it is what was asked for.

    Its names are the server's decision; its key is ours, and the channel's authorities stand behind it.

    Args:
        granted: As issued.
        public_key: For which it was asked.
        authorities: What the channel's ``cacerts`` said, DER.
        at: When it is to be valid.

    Raises:
        MalformedRequest: It is no certificate, or one of an authority is none.
        BadSubjectKey: It is for another key.
        InvalidPath: Its path to the channel's root does not hold.
    """
    certificate = Certificate.parse(granted.der)
    if certificate.public_key.spki != public_key.spki:
        raise BadSubjectKey(
            f"The server issued a certificate for another key ('{certificate.subject.text}'); it is not used."
        )
    known = [Certificate.parse(one) for one in authorities]
    roots = [one for one in known if one.issuer == one.subject] or known
    if not roots:
        raise MalformedRequest("The server names no authorities of this channel (RFC 7030 §4.1).")
    purpose = next(iter(certificate.extended_key_usage or ()), oids.KP_CLIENT_AUTH)
    between = [one.der for one in _above(certificate, known) if one not in roots]
    path = validate([granted.der, *between], roots, at=at, purpose=purpose).certificates
    presented = tuple(one.der for one in path if one.issuer != one.subject)
    above = [one.der for one in path[1:]]
    known_above = tuple(dict.fromkeys((*above, *(one.der for one in known))))
    return Issued(certificate, presented, known_above, granted.superseded)


def _above(leaf: Certificate, known: Sequence[Certificate]) -> list[Certificate]:
    """Return those that may stand above a certificate: of a channel's many generations, few do."""
    found: list[Certificate] = []
    waiting = [leaf]
    while waiting:
        one = waiting.pop()
        issuers = [other for other in known if other not in found and _may_have_issued(other, one)]
        found += issuers
        waiting += issuers
    return found


def _may_have_issued(issuer: Certificate, issued: Certificate) -> bool:
    """Return whether name and key identifier fit (RFC 5280 §4.2.1.1); signatures are looked at later."""
    identifiers = (issued.authority_key_identifier, issuer.subject_key_identifier)
    return issuer.subject == issued.issuer and (None in identifiers or identifiers[0] == identifiers[1])
