"""Live certificates that a change of the policy would leave without anybody who could renew them."""

from collections.abc import Iterator, Mapping

from keyworks.access.principal import Kind
from keyworks.authority.profile import Holder, Profile
from keyworks.lint.profiles import NEEDED
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
        former, section = present.channel[label], wanted.channel.get(label)
        lost = _renewers(former, before)
        if not live.count or not lost:
            continue
        if section is None:
            yield _missing("channel", label, live)
        elif section.profile in after:
            reason = _reason(lost - _renewers(section, after), before[former.profile], after[section.profile])
            if reason:
                yield _about_channel(label, live, reason)
    for (kind, name), live in facts.accounts.items():
        if live.count and name not in getattr(wanted, kind):
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


def _reason(lost: frozenset[str], before: Profile, after: Profile) -> str:
    """Return why nobody could renew what a channel has issued, or nothing."""
    if not after.renewable:
        return f"{after.name} is not renewable"
    if lost:
        return f"{' or '.join(f'a {kind}' for kind in sorted(lost))} could not ask here"
    for group in NEEDED.get(after.base, ()):
        if not any(set(had) <= set(group) for had in before.names.needs):
            return f"a renewal keeps its names, and {after.name} needs one of kind {' or '.join(group)}"
    return ""


def _about_channel(label: str, live: Live, reason: str) -> Complaint:
    return about(
        f"{live.text} could not be renewed any more, as {reason}; the last ends {live.end}. Make another "
        "channel for what is new, or revoke them.",
        *("channel", label, "profile"),
    )


def _missing(section: str, name: str, live: Live) -> Complaint:
    return about(
        f"it is missing, and {live.text} of it could not be renewed any more; the last ends {live.end}. Keep "
        "its section with `enabled = false`, or revoke them.",
        *(section, name),
    )
