"""Certificates that lead from one generation of a root to the next, and back.

Who knows only the old root verifies what stands below the new one through the new key, certified by the old
one; who knows only the new root verifies what stands below the old one through the old key, certified by the
new one. Both end with the root that ends first.

Source: RFC 7030 §4.1.3; RFC 9810 §4.4.1.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from keyworks.access.records import advance_trust
from keyworks.authority import records
from keyworks.authority.generation import Generation
from keyworks.authority.order import Order, Replacement, digest_of
from keyworks.authority.profile import Profile, Wanted
from keyworks.service.installation import Installation
from keyworks.store.engine import Transaction
from keyworks.x509.tbs import NO_EXPIRY

PATH_LENGTH: Final = 1
"""Below a certificate from root to root stands an issuing authority, and nothing deeper."""


async def make_rollover(installation: Installation, authority_id: str) -> int:
    """Issue what is missing between a root's newest two generations; return how many certificates lead there.

    A root of an older release, whose pathLenConstraint leaves no room for another root below it, gets none;
    nor does one that has ended.

    Args:
        installation: Where.
        authority_id: The root's.
    """
    register, _ = await installation.registers.current()
    own = [one for one in register.generations.values() if one.authority.id == authority_id]
    if len(own) < 2 or own[-1].authority.parent_id is not None:
        return 0
    former, current = sorted(own, key=lambda one: one.number)[-2:]
    at = installation.clock.now()
    made = 0
    for subject, issuer in ((current, former), (former, current)):
        if _leaves_room(issuer) and at < former.certificate.not_after:
            await installation.path.issue(_order(installation, subject, issuer, at))
            made += 1
    return made


def _leaves_room(issuer: Generation) -> bool:
    length = issuer.certificate.path_length
    return length is None or length > PATH_LENGTH


def _order(installation: Installation, subject: Generation, issuer: Generation, at: int) -> Order:
    """Return the order for one root's key, certified by another's; repeated, it is the same order."""
    ends = min(subject.certificate.not_after, issuer.certificate.not_after)
    ids = (subject.issuer.generation_id, issuer.issuer.generation_id)
    return Order(
        issuer=issuer.issuer,
        profile=_profile(subject.authority.profile, ends, at),
        wanted=Wanted(subject.certificate.subject),
        public_key=subject.certificate.public_key,
        owner=f"authority:{subject.authority.name}",
        replacement=Replacement.KEEP,
        requester=installation.operator,
        request_key=digest_of((b"rollover", ids[0].encode(), ids[1].encode())),
        companion=_recording(*ids),
    )


def _profile(root: Profile, ends: int, at: int) -> Profile:
    """Return the root's profile for a certificate that ends with the root which ends first."""
    lifetime = None if ends == NO_EXPIRY else timedelta(seconds=ends - at + 1)
    return replace(root, name=f"{root.name}-rollover", lifetime=lifetime, path_length=PATH_LENGTH)


def _recording(generation_id: str, issuer_generation_id: str) -> Callable[[Transaction, str], None]:
    """Return what writes, with the certificate, from where to where it leads."""

    def write(tx: Transaction, certificate_id: str) -> None:
        [(der,)] = tx.execute(records.SELECT_DER, {"id": certificate_id})
        row = {
            "certificate_id": certificate_id,
            "generation_id": generation_id,
            "issuer_generation_id": issuer_generation_id,
            "der": der,
        }
        tx.execute(records.INSERT_ROLLOVER, row)
        advance_trust(tx)

    return write
