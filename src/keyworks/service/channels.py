"""Channels: how one kind of subject gets one kind of certificate."""

from collections.abc import Sequence
from dataclasses import dataclass

from keyworks.access.records import advance_trust
from keyworks.authority import records
from keyworks.authority.authorize import ACCEPTABLE
from keyworks.authority.channel import Channel, check_label
from keyworks.authority.profile import PROFILES
from keyworks.errors import OperatorError
from keyworks.ledger.entry import SealedEntry
from keyworks.ledger.records import insert_entries
from keyworks.service.event import event
from keyworks.service.installation import Installation
from keyworks.store.engine import Transaction
from keyworks.store.ids import new_id


@dataclass(frozen=True, slots=True)
class NewChannel:
    """A channel as an operator asks for it.

    Args:
        label: As in its path.
        authority: Name of the authority that issues.
        profile: Name of the profile; it decides who may ask.
    """

    label: str
    authority: str
    profile: str


async def create_channel(installation: Installation, new: NewChannel) -> Channel:
    """Create a channel; it serves from now on.

    Raises:
        OperatorError: The label is taken or cannot be one, or authority and profile do not fit.
    """
    register, _ = await installation.registers.current()
    authority = register.authority(new.authority)
    if new.profile not in ACCEPTABLE:
        raise OperatorError(
            f"'{new.profile}' is no profile of a channel; choose one of {', '.join(ACCEPTABLE)}."
        )
    profile = PROFILES[new.profile]
    if authority.profile.path_length != 0:
        raise OperatorError(f"Authority {new.authority} certifies authorities only; name an issuing one.")
    if (new.profile == "idevid") != (authority.profile.name == "idevid-issuing"):
        raise OperatorError(
            "IDevIDs, and only they, come from an idevid-issuing authority: who trusts it trusts devices."
        )
    accepts = ACCEPTABLE[new.profile]
    channel = Channel(new_id(), check_label(new.label), authority.id, profile, accepts)
    detail = (("authority", authority.name), ("profile", f"{profile.name}/{profile.version}"))
    entry = event(installation, "channel.created", f"channel:{channel.label}", detail)
    await installation.store.write(_insert, (channel, installation.clock.now(), entry))
    return channel


def _insert(tx: Transaction, items: Sequence[tuple[Channel, int, SealedEntry]]) -> list[None]:
    for channel, at, entry in items:
        row = {
            "id": channel.id,
            "label": channel.label,
            "authority_id": channel.authority_id,
            "profile": channel.profile.name,
            "accepts": ",".join(sorted(kind.value for kind in channel.accepts)),
            "enabled": 1,
            "is_default": 0,
            "created_at": at,
        }
        if not tx.execute(records.INSERT_CHANNEL, row):
            raise OperatorError(f"There is a channel '{channel.label}' already; choose another label.")
        insert_entries(tx, [entry])
        advance_trust(tx)
    return [None] * len(items)


async def enable_channel(installation: Installation, label: str, *, enabled: bool) -> None:
    """Let a channel serve, or stop it; what it has issued stays valid.

    Raises:
        OperatorError: There is no such channel.
    """
    action = "channel.enabled" if enabled else "channel.disabled"
    entry = event(installation, action, f"channel:{label}")
    await installation.store.write(_enable, (label, enabled, entry))


def _enable(tx: Transaction, items: Sequence[tuple[str, bool, SealedEntry]]) -> list[None]:
    for label, enabled, entry in items:
        if not tx.execute(records.ENABLE_CHANNEL, {"wanted_label": label, "wanted": int(enabled)}):
            raise OperatorError(f"There is no channel '{label}'; see `keyworks channel list`.")
        insert_entries(tx, [entry])
        advance_trust(tx)
    return [None] * len(items)


async def set_default_channel(installation: Installation, label: str | None) -> None:
    """Let requests that name no channel go to one, or with ``None`` to none.

    Raises:
        OperatorError: There is no such channel, or it serves nobody but this node.
    """
    register, _ = await installation.registers.current()
    known = register.channels.get(label) if label is not None else None
    if known is not None and not known.accepts:
        raise OperatorError(f"Channel '{label}' is for this server's own certificate; nobody can ask there.")
    entry = event(installation, "channel.made_default", f"channel:{label or '(none)'}")
    await installation.store.write(_set_default, (label, entry))


def _set_default(tx: Transaction, items: Sequence[tuple[str | None, SealedEntry]]) -> list[None]:
    for label, entry in items:
        tx.execute(records.UNSET_DEFAULT)
        if label is not None and not tx.execute(records.SET_DEFAULT, {"wanted_label": label}):
            raise OperatorError(f"There is no channel '{label}'; see `keyworks channel list`.")
        insert_entries(tx, [entry])
        advance_trust(tx)
    return [None] * len(items)


@dataclass(frozen=True, slots=True)
class ListedChannel:
    """A channel together with its authority's name."""

    channel: Channel
    authority: str


async def list_channels(installation: Installation) -> list[ListedChannel]:
    """Return all channels by label."""
    register, _ = await installation.registers.current()
    names = {authority.id: authority.name for authority in register.authorities.values()}
    return [ListedChannel(one, names[one.authority_id]) for one in register.channels.values()]
