"""What an operator did, as a ledger entry."""

from keyworks.ledger.entry import SealedEntry
from keyworks.service.installation import Installation


def event(
    installation: Installation, action: str, what: str, detail: tuple[tuple[str, str], ...] = ()
) -> SealedEntry:
    """Return the entry of an operator's action, to be written in the action's own transaction.

    Args:
        installation: Where.
        action: Such as ``device.registered``.
        what: What it was done to, such as ``device:ID``.
        detail: Further (name, value) pairs.
    """
    return installation.operator.entry(installation.clock.now(), what, action, detail)
