"""Names that a request chooses: each is certified for one owner at a time.

What comes from the inventory belongs to somebody there. What a request alone chooses, as with the template
``{request}``, is nobody's before: whoever gets a certificate with it claims it, and keeps it as long as a
certificate with it may be valid. Claims are kept apart from the certificates, so that only profiles that let a
request choose pay for looking.
"""

from collections.abc import Collection, Iterator
from typing import Final

from sqlalchemy import bindparam, select

from keyworks import oids
from keyworks.authority import naming
from keyworks.authority.name_rules import Facts, NameRules
from keyworks.authority.order import Order
from keyworks.authority.profile import Wanted
from keyworks.authority.records import certificate, chosen_name
from keyworks.errors import NotAuthorized
from keyworks.store.engine import Transaction
from keyworks.store.statement import Statement, insert
from keyworks.x509.certificate import Certificate

_insert: Final = insert(chosen_name)
_CLAIM: Final = Statement(
    _insert.on_conflict_do_update(
        index_elements=[chosen_name.c.value, chosen_name.c.kind], set_={"owner": chosen_name.c.owner}
    ).returning(chosen_name.c.owner)
)
"""Claim a name; the row returned names whose it is, now or already."""

_PASS_ON: Final = Statement(
    _insert.on_conflict_do_update(
        index_elements=[chosen_name.c.value, chosen_name.c.kind], set_={"owner": _insert.excluded.owner}
    )
)
_HELD: Final = Statement(
    select(certificate.c.der).where(
        certificate.c.owner == bindparam("owner"),
        certificate.c.state != "revoked",
        certificate.c.not_after >= bindparam("at"),
    )
)

Name = tuple[str, str]
"""A kind of alternative name, or an attribute's object identifier, and the value as it compares."""

_NAMING: Final = (oids.COMMON_NAME, oids.SERIAL_NUMBER, oids.EMAIL_ADDRESS)
"""Attributes that tell one subject from another; many may share an organizational unit or a place."""


def chosen_names(rules: NameRules, facts: Facts, wanted: Wanted) -> tuple[Name, ...]:
    """Return the names in a certificate that nothing but the request ties to its owner.

    Args:
        rules: The profile's.
        facts: About the owner; what is registered for it is its own already.
        wanted: What will be certified.
    """
    found: dict[Name, None] = {}
    for rule in rules.subject_rules:
        if rule.is_free and rule.kind in _NAMING:
            found.update(dict.fromkeys(_folded(rule.kind, wanted.subject.values(rule.kind))))
    names = wanted.subject_alt_name
    if names is None:
        return tuple(found)
    own = {(kind, naming.folded(kind, one)) for kind, listed in facts.registered.items() for one in listed}
    for rule in rules.alternative_rules:
        asked = getattr(names, rule.kind) if rule.is_free else ()
        found.update((name, None) for name in _folded(rule.kind, rule.yields(facts, asked)) if rule.is_free)
        own.update(_folded(rule.kind, rule.yields(facts, ())))
    return tuple(name for name in found if name not in own)


def _folded(kind: str, names: tuple[str, ...]) -> Iterator[Name]:
    return ((kind, naming.folded(kind, one)) for one in names)


def claim_names(tx: Transaction, order: Order, at: int) -> NotAuthorized | None:
    """Claim the chosen names of an order for its owner; return why it may not have one of them.

    Args:
        tx: The transaction that will hold the certificate.
        order: What is to be issued.
        at: Now: what has ended by then stands in nobody's way.
    """
    for kind, value in order.chosen:
        claim = {"kind": kind, "value": value, "owner": order.owner}
        [(owner,)] = tx.execute(_CLAIM, claim)
        if owner == order.owner:
            continue
        if (kind, value) in held_names(tx, owner, at):
            return NotAuthorized(
                f"{naming.spoken(kind)} '{value}' is certified for another device or account; ask for another, "
                "or let an operator register it for you or revoke what has it."
            )
        tx.execute(_PASS_ON, claim)
    return None


def held_names(tx: Transaction, owner: str, at: int = 0) -> frozenset[Name]:
    """Return every name in an owner's certificates that are not revoked and had not ended before an instant."""
    return frozenset().union(*_held(tx, owner, at))


def count_holding(tx: Transaction, owner: str, names: Collection[Name], at: int) -> int:
    """Return how many of an owner's certificates that are valid at an instant have one of some names."""
    folded = {(kind, naming.folded(kind, value)) for kind, value in names}
    return sum(not folded.isdisjoint(held) for held in _held(tx, owner, at)) if folded else 0


def _held(tx: Transaction, owner: str, at: int) -> Iterator[frozenset[Name]]:
    for (der,) in tx.execute(_HELD, {"owner": owner, "at": at}):
        yield frozenset(_names_in(Certificate.parse(der)))


def _names_in(held: Certificate) -> Iterator[Name]:
    for kind in _NAMING:
        yield from _folded(kind, held.subject.values(kind))
    if held.subject_alt_name is not None:
        yield from naming.listed(held.subject_alt_name)
