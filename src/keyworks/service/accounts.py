"""Accounts: the stations, services and people who may ask for certificates, and how they begin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from keyworks.access import records
from keyworks.access.principal import Kind
from keyworks.access.records import Account, list_accounts
from keyworks.access.secret import LIFETIME, new_secret
from keyworks.authority.profile import Holder
from keyworks.authority.register import Register
from keyworks.errors import OperatorError
from keyworks.ledger.entry import SealedEntry
from keyworks.ledger.records import insert_entries
from keyworks.service.event import event
from keyworks.service.installation import Installation
from keyworks.service.policy.apply import amend
from keyworks.service.policy.document import with_section
from keyworks.settings.factory import AccountSection, FactoryDocument
from keyworks.store.engine import Transaction
from keyworks.store.ids import new_id


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account as an operator asks for it.

    Args:
        kind: station, service or person.
        name: As in its certificate.
        channels: Labels of the channels it may use.
        names: Alternative names that may stand in its certificates, by kind.
    """

    kind: Kind
    name: str
    channels: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, repr=False)
class NewSecret:
    """A one-time secret just made.

    Args:
        account: Whose.
        enrolls_at: Label of the channel that it opens: where the account gets its own certificate.
        secret: Proves once who it is; shown now and never again.
        expires_at: The secret's last valid second.
    """

    account: Account
    enrolls_at: str
    secret: str
    expires_at: int

    @property
    def name(self) -> str:
        """Return the account's name."""
        return self.account.name

    @property
    def channels(self) -> tuple[str, ...]:
        """Return all channels the account may use, that of its own certificate first."""
        return (self.enrolls_at, *sorted(self.account.channels - {self.enrolls_at}))


async def add_account(installation: Installation, new: NewAccount) -> NewSecret:
    """Register an account, with a one-time secret for its first certificate.

    One that is registered already gets the channels and names in addition, and a new secret, which replaces
    every former one that it has not used up. Of several channels for a certificate of its own, the secret opens
    the first that is named.

    Raises:
        OperatorError: The name cannot be one, or is another kind's, or a channel does not serve the kind.
    """

    def change(document: FactoryDocument) -> FactoryDocument:
        known: AccountSection = getattr(document, new.kind.value).get(new.name, AccountSection())
        names = {kind: (*getattr(known, kind), *more) for kind, more in new.names.items()}
        section = msgspec.structs.replace(known, channels=(*known.channels, *new.channels), **names)
        return with_section(document, new.kind.value, new.name, section)

    await amend(installation, f"{new.kind.value} add {new.name}", change)
    register, _ = await installation.registers.current()
    own = _own_channels(register, _account(register, new.kind, new.name))
    label = next((one for one in new.channels if one in own), None)
    return await renew_secret(installation, new.kind, new.name, label)


async def renew_secret(
    installation: Installation, kind: Kind, name: str, label: str | None = None
) -> NewSecret:
    """Give an account a one-time secret for its first certificate, in the place of every one not used up.

    Args:
        installation: Where.
        kind: The account's.
        name: The account's.
        label: The channel that the secret opens, where several could give it a certificate of its own.

    Raises:
        OperatorError: There is no such account, or no such channel.
    """
    register, _ = await installation.registers.current()
    account = _account(register, kind, name)
    enrolls_at = _own_channel(register, account, label)
    at = installation.clock.now()
    new = NewSecret(account, enrolls_at, new_secret(), at + int(LIFETIME.total_seconds()))
    row = {
        "id": new_id(),
        "mac": installation.keystore.mac(new.secret.encode()),
        "principal_kind": kind.value,
        "principal_name": name,
        "channel_label": enrolls_at,
        "created_at": at,
        "expires_at": new.expires_at,
        "bound_key": None,
        "spent": 0,
    }
    entry = event(installation, "secret.made", f"{kind.value}:{name}", (("channel", enrolls_at),))
    await installation.store.write(_replace_secret, (row, entry))
    return new


def _replace_secret(tx: Transaction, items: Sequence[tuple[dict[str, Any], SealedEntry]]) -> list[None]:
    for row, entry in items:
        tx.execute(records.VOID_SECRETS, {"kind": row["principal_kind"], "name": row["principal_name"]})
        tx.execute(records.INSERT_SECRET, row)
        insert_entries(tx, [entry])
    return [None] * len(items)


def _account(register: Register, kind: Kind, name: str) -> Account:
    account = register.accounts.get(name)
    if account is None or account.kind is not kind:
        raise OperatorError(f"There is no {kind.value} '{name}'; see `keyworks {kind.value} list`.")
    return account


def _own_channels(register: Register, account: Account) -> list[str]:
    """Return the channels where an account gets a certificate of its own."""
    return [
        one.label
        for one in register.channels.values()
        if one.label in account.channels
        and one.profile.holder is Holder.PRINCIPAL
        and account.kind in one.accepts
    ]


def _own_channel(register: Register, account: Account, label: str | None) -> str:
    """Return the channel that a secret opens."""
    own = _own_channels(register, account)
    if not own:
        raise OperatorError(
            f"No channel of {account.kind.value} {account.name} gives it a certificate of its own, "
            "so a secret would be of no use; give it such a channel first."
        )
    if label is None and len(own) > 1:
        raise OperatorError(f"Name the channel that the secret opens: --channel {' or '.join(own)}.")
    if label is not None and label not in own:
        raise OperatorError(
            f"'{label}' is no channel where it gets its certificate; these are: {', '.join(own)}."
        )
    return own[0] if label is None else label


async def find_account(installation: Installation, kind: Kind, name: str) -> Account:
    """Return an account.

    Raises:
        OperatorError: There is no such account.
    """
    register, _ = await installation.registers.current()
    return _account(register, kind, name)


async def set_account_active(installation: Installation, kind: Kind, name: str, *, active: bool) -> None:
    """Let an account work, or stop it with its next request.

    Raises:
        OperatorError: There is no such account.
    """

    def change(document: FactoryDocument) -> FactoryDocument:
        known = getattr(document, kind.value).get(name)
        if known is None:
            raise OperatorError(f"There is no {kind.value} '{name}'; see `keyworks {kind.value} list`.")
        return with_section(document, kind.value, name, msgspec.structs.replace(known, enabled=active))

    await amend(installation, f"{kind.value} {'enable' if active else 'disable'} {name}", change)


async def accounts_of(installation: Installation, kind: Kind) -> list[Account]:
    """Return all accounts of a kind by name."""
    return [one for one in await installation.store.read(list_accounts) if one.kind is kind]
