"""Live certificates that a change of the policy would leave without anybody who could renew them."""

from collections.abc import Iterator, Mapping

from keyworks.access.principal import Kind
from keyworks.authority.profile import Holder, Profile
from keyworks.service.policy.document import profiles_of
from keyworks.service.policy.plan import Facts, Live
from keyworks.settings.complaint import Complaint, about
from keyworks.settings.factory import ChannelSection, FactoryDocument


def about_orphans(present: FactoryDocument, wanted: FactoryDocument, facts: Facts) -> Iterator[Complaint]:
    """Yield where holders of live certificates could never renew them.

    Args:
        present: The policy in force, resolved.
        wanted: What it is to become, resolved.
        facts: What is live.
    """
    before, after = profiles_of(present), profiles_of(wanted)
    for label, live in facts.channels.items():
        lost = _renewers(present.channel[label], before)
        if not live.count or not lost:
            continue
        section = wanted.channel.get(label)
        if section is None:
            yield _missing("channel", label, live)
        elif section.profile in after:
            yield from _about_channel(label, live, lost - _renewers(section, after), after[section.profile])
    for (kind, name), live in facts.accounts.items():
        if live.count:
            yield _missing(kind, name, live)


def _renewers(section: ChannelSection, profiles: Mapping[str, Profile]) -> frozenset[str]:
    """Return who renews what a channel issues: of devices the device alone, whoever asked for it first."""
    profile = profiles[section.profile]
    if not profile.renewable:
        return frozenset()
    if profile.holder is Holder.NODE:
        return frozenset({"server"})
    asking = frozenset(section.accepts or ())
    return asking & {Kind.DEVICE.value} if profile.holder is Holder.DEVICE else asking


def _about_channel(label: str, live: Live, lost: frozenset[str], profile: Profile) -> Iterator[Complaint]:
    if lost and not profile.renewable:
        yield about(
            f"{live.text} could not be renewed any more, as {profile.name} is not renewable; the last ends "
            f"{live.end}. Make another channel for it, or revoke them.",
            *("channel", label, "profile"),
        )
    elif lost:
        whose = " or ".join(f"a {kind}" for kind in sorted(lost))
        yield about(
            f"{live.text} could not be renewed any more, as {whose} could not ask here; the last ends "
            f"{live.end}. Make another channel for who is to ask, or revoke them.",
            *("channel", label, "accepts"),
        )


def _missing(section: str, name: str, live: Live) -> Complaint:
    return about(
        f"it is missing, and {live.text} of it could not be renewed any more; the last ends {live.end}. Keep "
        "its section with `enabled = false`, or revoke them.",
        *(section, name),
    )
