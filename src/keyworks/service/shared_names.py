"""A name is a device's or accounts': registered for both, it would say of neither who is meant.

Accounts may share one, such as two brokers behind one address; a device's is its own. Both sides look inside
the transaction that registers a name, so of two that come at once, one is refused.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from keyworks.access.records import list_accounts
from keyworks.devices.names import KINDS, Name, checked_name, owner_of
from keyworks.devices.records import folded, get_device
from keyworks.errors import RejectedName
from keyworks.service.policy.plan import ACCOUNTS, Change
from keyworks.settings.complaint import Complaint, about
from keyworks.store.engine import Transaction


def account_names(tx: Transaction) -> Mapping[Name, str]:
    """Return every name that is registered for an account, as it compares, with whose it is."""
    return {
        name: f"{one.kind.value} {one.name}"
        for one in list_accounts(tx)
        for kind, values in one.names.items()
        for name in _spelled(kind, values)
    }


def _spelled(kind: str, values: Sequence[str]) -> Iterator[Name]:
    """Yield an account's names as a device's compare; there are some that no device can have."""
    for value in values if kind in KINDS else ():
        try:
            yield compared(checked_name(kind, value))
        except RejectedName:
            continue


def compared(name: Name) -> Name:
    """Return a name as it compares."""
    return name[0], folded(name[1])


def claimed(name: Name, account: str) -> str:
    """Return what a device that wants an account's name is told."""
    kind, value = name
    return (
        f"The {kind} name '{value}' is registered for {account}; "
        "choose another, or take it from the account first."
    )


def check_no_account_s(tx: Transaction, names: Iterable[Name]) -> None:
    """Refuse to give a device what is registered for an account.

    Raises:
        RejectedName: It is; the sentence says for which.
    """
    taken = account_names(tx)
    for name in names:
        if (same := compared(name)) in taken:
            raise RejectedName(claimed(name, taken[same]))


def about_device_names(tx: Transaction, changes: Sequence[Change]) -> Iterator[Complaint]:
    """Yield where changes of the policy give accounts what is registered for a device.

    Names that accounts have already are left alone: another change would be refused for them.
    """
    for change in changes:
        if change.section not in ACCOUNTS or change.after is None:
            continue
        for kind in KINDS:
            new = set(getattr(change.after, kind, ())) - set(getattr(change.before, kind, ()))
            for name in _spelled(kind, sorted(new)):
                yield from _about(tx, (change.section, change.name, kind), name)


def _about(tx: Transaction, path: tuple[str, ...], name: Name) -> Iterator[Complaint]:
    device_id = owner_of(tx, name)
    device = get_device(tx, device_id) if device_id is not None else None
    if device is not None:
        kind, value = name
        holder = f"device {device.serial_number} ({device.manufacturer}, {device.product})"
        remove = f"keyworks device name remove {device.serial_number} --{kind} {value}"
        yield about(f"'{value}' is registered for {holder}; choose another, or `{remove}` first.", *path)
