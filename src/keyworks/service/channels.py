"""Channels: how one kind of subject gets one kind of certificate. Each change is an amendment of the policy."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from keyworks.authority.channel import Channel
from keyworks.errors import OperatorError
from keyworks.service.installation import Installation
from keyworks.service.policy.apply import amend
from keyworks.service.policy.document import with_section
from keyworks.settings.factory import ChannelSection, FactoryDocument


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

    def change(document: FactoryDocument) -> FactoryDocument:
        if new.label in document.channel:
            raise OperatorError(f"There is a channel '{new.label}' already; choose another label.")
        section = ChannelSection(authority=new.authority, profile=new.profile)
        return with_section(document, "channel", new.label, section)

    await amend(installation, f"channel create {new.label}", change)
    register, _ = await installation.registers.current()
    return register.channels[new.label]


async def enable_channel(installation: Installation, label: str, *, enabled: bool) -> None:
    """Let a channel serve, or stop it; what it has issued stays valid.

    Raises:
        OperatorError: There is no such channel.
    """
    what = f"channel {'enable' if enabled else 'disable'} {label}"
    await amend(installation, what, _changing(label, lambda one: msgspec.structs.replace(one, enabled=enabled)))


def _changing(
    label: str, change: Callable[[ChannelSection], ChannelSection]
) -> Callable[[FactoryDocument], FactoryDocument]:
    def changed(document: FactoryDocument) -> FactoryDocument:
        if label not in document.channel:
            raise OperatorError(f"There is no channel '{label}'; see `keyworks channel list`.")
        return with_section(document, "channel", label, change(document.channel[label]))

    return changed


async def set_default_channel(installation: Installation, label: str | None) -> None:
    """Let requests that name no channel go to one, or with ``None`` to none.

    Raises:
        OperatorError: There is no such channel, or it serves nobody but this node.
    """

    def change(document: FactoryDocument) -> FactoryDocument:
        for known, one in document.channel.items():
            document = with_section(document, "channel", known, msgspec.structs.replace(one, default=False))
        if label is None:
            return document
        return _changing(label, lambda one: msgspec.structs.replace(one, default=True))(document)

    await amend(installation, f"channel default {label or '--none'}", change)


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
