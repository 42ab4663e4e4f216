"""The revoke record: state, reason and time of a revocation. CRL and OCSP read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keyworks.authority.order import Requester
from keyworks.authority.recording import revoke_certificate
from keyworks.errors import OperatorError
from keyworks.ledger.entry import SealedEntry
from keyworks.ledger.records import insert_entries
from keyworks.store.engine import Transaction

REASONS: Final = (
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "privilegeWithdrawn",
    "aACompromise",
)
"""RFC 5280 §5.3.1, without ``unspecified`` (an absent reason is better) and the hold, which is a state."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """A revocation that was decided.

    Args:
        certificate_id: Which certificate.
        owner: Whose it is, for the ledger.
        reason: One of ``REASONS``.
        requester: Who decided.
        at: When.
    """

    certificate_id: str
    owner: str
    reason: str
    requester: Requester
    at: int


def check_reason(reason: str) -> str:
    """Return ``reason`` if a certificate can be revoked for it.

    Raises:
        OperatorError: RFC 5280 does not know it, or it says nothing.
    """
    if reason not in REASONS:
        raise OperatorError(f"'{reason}' is no reason to revoke; choose one of {', '.join(REASONS)}.")
    return reason


def revoke(tx: Transaction, revocations: Sequence[Revocation]) -> list[bool]:
    """Record revocations with their ledger entries; for each, whether it changed anything.

    It does where the certificate was not yet revoked, and where its key turns out to be compromised later.
    """
    outcomes = []
    for wanted in revocations:
        changed = revoke_certificate(tx, wanted.certificate_id, wanted.reason, wanted.at)
        outcomes.append(changed)
        if changed:
            insert_entries(tx, [_entry(wanted)])
    return outcomes


def _entry(wanted: Revocation) -> SealedEntry:
    detail = (("certificate", wanted.certificate_id), ("reason", wanted.reason))
    return wanted.requester.entry(wanted.at, wanted.owner, "certificate.revoked", detail)
