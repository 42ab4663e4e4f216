"""Trust anchors: whose certificates count here, and for what."""

import re
from collections.abc import Sequence
from typing import Final

from keyworks.access import records
from keyworks.access.anchor import Anchor
from keyworks.access.principal import Kind
from keyworks.access.records import advance_trust, list_anchors, remove_anchor
from keyworks.devices.device import check_identity
from keyworks.errors import MalformedRequest, OperatorError, RejectedName
from keyworks.ledger.entry import SealedEntry
from keyworks.ledger.records import insert_entries
from keyworks.service.event import event
from keyworks.service.installation import Installation
from keyworks.store.engine import Transaction
from keyworks.store.ids import new_id
from keyworks.x509.certificate import Certificate, ders_of

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")


async def add_anchor(
    installation: Installation, name: str, pem: bytes, vouches_for: Kind, manufacturer: str | None
) -> Anchor:
    """Trust a CA certificate for one kind of principal.

    Args:
        installation: Where.
        name: As operators call it.
        pem: The CA's certificate, alone in its file.
        vouches_for: The kind of principal.
        manufacturer: Whose devices; needed, and only allowed, for devices.

    Raises:
        OperatorError: The file is no CA certificate, the name is taken or cannot be one, the manufacturer is
            missing, or another anchor says that the CA's devices are another one's.
    """
    if not _NAME.fullmatch(name):
        raise OperatorError(f"{name!r} cannot be an anchor's name: use 1 to 64 letters, digits and inner . _ -")
    certificate = _ca_certificate(pem)
    if (vouches_for is Kind.DEVICE) != (manufacturer is not None):
        raise OperatorError("An anchor for devices, and only such a one, names their --manufacturer.")
    if manufacturer is not None:
        _check_manufacturer(manufacturer)
    anchor = Anchor(new_id(), name, certificate, vouches_for, manufacturer)
    detail = (
        ("fingerprint", certificate.fingerprint.hex()),
        ("subject", certificate.subject.text),
        ("vouches_for", vouches_for.value),
        ("manufacturer", manufacturer or ""),
    )
    entry = event(installation, "anchor.added", f"anchor:{name}", detail)
    await installation.store.write(_insert, (anchor, installation.clock.now(), entry))
    return anchor


def _check_manufacturer(manufacturer: str) -> None:
    """Refuse a manufacturer that no device of the inventory could have."""
    try:
        check_identity(manufacturer, "any", "0")
    except RejectedName as error:
        raise OperatorError(error.detail) from error


def _ca_certificate(pem: bytes) -> Certificate:
    try:
        ders = ders_of(pem)
        certificate = Certificate.parse(ders[0])
    except MalformedRequest as error:
        raise OperatorError(f"The trust anchor cannot be read: {error.detail}") from error
    if len(ders) > 1:
        raise OperatorError("The file holds several certificates; put the one CA certificate alone into it.")
    if not certificate.is_ca:
        raise OperatorError(f"'{certificate.subject.text}' is not the certificate of a CA.")
    return certificate


def _insert(tx: Transaction, items: Sequence[tuple[Anchor, int, SealedEntry]]) -> list[None]:
    for anchor, at, entry in items:
        row = {
            "id": anchor.id,
            "name": anchor.name,
            "der": anchor.certificate.der,
            "vouches_for": anchor.vouches_for.value,
            "manufacturer": anchor.manufacturer,
            "created_at": at,
        }
        if not tx.execute(records.INSERT_ANCHOR, row):
            raise OperatorError(f"There is a trust anchor '{anchor.name}' already; remove it first.")
        _check_agreement(tx, anchor)
        insert_entries(tx, [entry])
        advance_trust(tx)
    return [None] * len(items)


def _check_agreement(tx: Transaction, new: Anchor) -> None:
    """Refuse two manufacturers for the devices of one CA: all of these would be refused, as nobody's."""
    for known in list_anchors(tx):
        same_ca = known.certificate.public_key.fingerprint == new.certificate.public_key.fingerprint
        if same_ca and known.vouches_for is new.vouches_for and known.manufacturer != new.manufacturer:
            raise OperatorError(
                f"Trust anchor '{known.name}' has the same CA already, for devices of {known.manufacturer}; "
                "a CA's devices have one manufacturer. Remove that anchor first if it is wrong."
            )


async def drop_anchor(installation: Installation, name: str) -> None:
    """Stop trusting an anchor; open connections lose it with their next request.

    Raises:
        OperatorError: There is none of this name.
    """
    await installation.store.write(_remove, (name, event(installation, "anchor.removed", f"anchor:{name}")))


def _remove(tx: Transaction, items: Sequence[tuple[str, SealedEntry]]) -> list[None]:
    for name, entry in items:
        remove_anchor(tx, name)
        insert_entries(tx, [entry])
    return [None] * len(items)


async def all_anchors(installation: Installation) -> list[Anchor]:
    """Return all trust anchors by name."""
    return await installation.store.read(list_anchors)
