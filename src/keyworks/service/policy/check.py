"""Whether a document can be the policy: every reason why not, each with its place and its remedy."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keyworks.access.principal import Kind
from keyworks.algorithms.registry import KEY_TYPES
from keyworks.authority.channel import Attributes, Binding, Encoding, check_label
from keyworks.authority.name_rules import nearest
from keyworks.authority.own_profile import FIELDS, own_profile
from keyworks.authority.profile import Profile
from keyworks.errors import OperatorError
from keyworks.service.authorities import authority_subject, check_publication_url
from keyworks.service.policy.document import profiles_of
from keyworks.service.policy.plan import Facts, concerned_channels, differences
from keyworks.service.policy.principals import about_accounts, about_anchors, about_sites, named
from keyworks.settings.complaint import Complaint
from keyworks.settings.factory import (
    AuthoritySection,
    ChannelSection,
    FactoryDocument,
    ProfileSection,
)

_BURNT_IN: Final = ("profile", "parent", "organization", "publication_url")
_MAX_ORGANIZATION: Final = 64
"""RFC 5280 appendix A.1: ub-organization-name."""

_MAX_APPROVALS: Final = 9
_FIELD: Final = re.compile(r"(?P<field>[a-z_]+): (?P<rest>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a document is checked against.

    Args:
        at: Now.
        document: The policy in force.
        certified: All authorities that ever were certified, as they were; those in force and the retired ones.
        ends: When the newest certificate of each of them ends.
        facts: What is live.
    """

    at: int
    document: FactoryDocument
    certified: Mapping[str, AuthoritySection]
    ends: Mapping[str, int]
    facts: Facts


def complaints(wanted: FactoryDocument, standing: Standing) -> list[Complaint]:
    """Return every reason why a resolved document cannot become the policy in force."""
    check = _Check(wanted, standing, profiles_of(wanted))
    return [
        *check.factory(),
        *about_sites(wanted),
        *check.profiles(),
        *check.authorities(),
        *check.channels(),
        *about_anchors(wanted),
        *about_accounts(wanted),
        *check.orphans(),
    ]


@dataclass(frozen=True, slots=True)
class _Check:
    wanted: FactoryDocument
    standing: Standing
    known: Mapping[str, Profile]

    def factory(self) -> Iterator[Complaint]:
        factory = self.wanted.factory
        if not _is_organization(factory.organization):
            yield Complaint(
                ("factory", "organization"),
                "factory.organization has to be 1 to 64 printable characters, no blanks around.",
            )
        yield from _told(("factory", "publication_url"), check_publication_url, factory.publication_url)

    def profiles(self) -> Iterator[Complaint]:
        for name, section in self.wanted.profile.items():
            try:
                own_profile(name, 1, section)
            except OperatorError as error:
                found = _FIELD.fullmatch(error.detail)
                field = FIELDS.get(found["field"], found["field"]) if found else ""
                known = field in ProfileSection.__struct_fields__
                path = ("profile", name, field) if known else ("profile", name)
                yield Complaint(path, f"{'.'.join(path)}: {found['rest'] if found and known else error.detail}")

    def authorities(self) -> Iterator[Complaint]:
        for name, section in self.wanted.authority.items():
            path = ("authority", name)
            yield from _told(path, check_label, name)
            yield from self._key(name, section)
            former = self.standing.certified.get(name)
            if former is not None:
                yield from _burnt_in(name, section, former)
                continue
            yield from _told((*path, "publication_url"), check_publication_url, section.publication_url or "")
            yield from _told((*path, "organization"), _check_subject, section.organization or "", name)
            yield from self._above(name, section)

    def _key(self, name: str, section: AuthoritySection) -> Iterator[Complaint]:
        path, profile = ("authority", name, "key"), self.known.get(section.profile)
        if section.key not in KEY_TYPES:
            yield Complaint(
                path,
                f"authority.{name}.key: '{section.key}' is weak or unknown{nearest(section.key, KEY_TYPES)}; "
                f"choose one of {', '.join(KEY_TYPES)}.",
            )
        elif profile is not None and not _is_certified(section.key, profile):
            yield Complaint(
                path,
                f"authority.{name}.key: profile {section.profile} does not certify {section.key}; "
                f"RSA keys have at least {profile.smallest_rsa_bits} bits there.",
            )

    def _above(self, name: str, section: AuthoritySection) -> Iterator[Complaint]:
        """Yield what is wrong with the profile of a new authority, and with what is above it."""
        path, profile = ("authority", name), self.known.get(section.profile)
        cas = [one for one, known in self.known.items() if known.ca]
        if profile is None or not profile.ca:
            yield named((*path, "profile"), section.profile, cas, "profile of an authority")
            return
        is_root = profile.path_length != 0
        if is_root != (section.parent is None):
            what = "certifies itself; take its parent away" if is_root else "needs a parent"
            yield Complaint((*path, "parent"), f"authority.{name}: {section.profile} {what}.")
        elif section.parent is not None:
            yield from self._parent(name, section.parent, profile)

    def _parent(self, name: str, parent: str, profile: Profile) -> Iterator[Complaint]:
        path = ("authority", name, "parent")
        above = self.wanted.authority.get(parent)
        if above is None:
            yield named(path, parent, self.wanted.authority, "authority")
            return
        if self._is_in_a_cycle(name):
            yield Complaint(
                path,
                f"authority.{name}.parent: {parent} stands below {name} itself; one of them has to be a root.",
            )
            return
        issuer = self.known.get(above.profile)
        if issuer is None or not issuer.ca:
            return  # that is said where the parent is
        if not issuer.path_length:
            yield Complaint(
                path, f"authority.{name}.parent: {parent} certifies no authorities (its pathLen is 0)."
            )
        if not above.enabled:
            yield Complaint(path, f"authority.{name}.parent: {parent} is disabled; enable it first.")
        yield from self._outliving(("authority", name, "profile"), profile, parent)

    def _is_in_a_cycle(self, name: str) -> bool:
        seen, above = {name}, self.wanted.authority[name].parent
        while above is not None and above not in seen and above in self.wanted.authority:
            seen.add(above)
            above = self.wanted.authority[above].parent
        return above == name

    def _outliving(self, path: tuple[str, ...], profile: Profile, authority: str) -> Iterator[Complaint]:
        """Yield if what is issued would be meant to end after its issuer."""
        issuer = self.known.get(self.wanted.authority[authority].profile)
        if issuer is None or not issuer.ca or issuer.lifetime is None:
            return
        left = issuer.lifetime.days
        if authority in self.standing.ends:
            left = min(left, (self.standing.ends[authority] - self.standing.at) // 86_400 + 1)
        if profile.lifetime is None or profile.lifetime.days > left:
            lives = "never ends" if profile.lifetime is None else f"lives {profile.lifetime.days} days"
            remedy = (
                f"start its next generation (`keyworks authority next {authority}`), or shorten the lifetime"
            )
            if profile.lifetime is None:
                remedy = "take an authority that never ends either, with profile idevid-issuing or idevid-root"
            yield Complaint(
                path,
                f"{'.'.join(path)}: {profile.name} {lives} and would outlive its issuer {authority}, "
                f"which has {left} days left; {remedy}.",
            )

    def channels(self) -> Iterator[Complaint]:
        defaults = [label for label, one in self.wanted.channel.items() if one.default]
        for label in defaults[1:]:
            yield Complaint(
                ("channel", label, "default"),
                f"channel.{label}.default: {defaults[0]} is the default channel already; there is one at most.",
            )
        for label, section in self.wanted.channel.items():
            yield from _told(("channel", label), check_label, label)
            yield from _words(label, section)
            yield from self._issuing(label, section)

    def _issuing(self, label: str, section: ChannelSection) -> Iterator[Complaint]:
        path = ("channel", label)
        profile, authority = self.known.get(section.profile), self.wanted.authority.get(section.authority)
        leaves = [name for name, one in self.known.items() if not one.ca]
        if profile is None or profile.ca:
            yield named((*path, "profile"), section.profile, leaves, "profile of a channel")
        else:
            yield from _asking(label, section, profile)
        if authority is None:
            yield named((*path, "authority"), section.authority, self.wanted.authority, "authority")
            return
        issuer = self.known.get(authority.profile)
        if issuer is None or not issuer.ca:
            return
        if issuer.path_length != 0:
            yield Complaint(
                (*path, "authority"),
                f"channel.{label}.authority: {section.authority} certifies authorities only; "
                "name an issuing one.",
            )
        elif profile is not None and not profile.ca:
            yield from self._fitting(label, section, profile, issuer)

    def _fitting(
        self, label: str, section: ChannelSection, profile: Profile, issuer: Profile
    ) -> Iterator[Complaint]:
        if (profile.base == "idevid") != (issuer.base == "idevid-issuing"):
            yield Complaint(
                ("channel", label, "authority"),
                f"channel.{label}.authority: IDevIDs, and only they, come from an idevid-issuing authority: "
                "who trusts it trusts devices.",
            )
            return
        # What is in force already is not to be refused because time passes.
        before, own = self.standing.document, self.wanted.profile.get(section.profile)
        present = before.channel.get(label)
        pair = (section.authority, section.profile)
        if (
            present is None
            or (present.authority, present.profile) != pair
            or before.profile.get(pair[1]) != own
        ):
            yield from self._outliving(("channel", label, "profile"), profile, section.authority)

    def orphans(self) -> Iterator[Complaint]:
        """Yield where holders of live certificates could never renew them."""
        present, facts = self.standing.document, self.standing.facts
        before = profiles_of(present)
        for label in sorted(concerned_channels(differences(present, self.wanted), present)):
            live, section = facts.channels[label], self.wanted.channel.get(label)
            if not live.count or not before[present.channel[label].profile].renewable:
                continue
            after = self.known.get(section.profile) if section is not None else None
            if section is None:
                yield Complaint(("channel",), _orphaned("channel", label, live.text, live.end))
            elif after is not None and not after.renewable:
                yield Complaint(
                    ("channel", label, "profile"),
                    f"channel.{label}.profile: {live.text} could not be renewed any more, as {section.profile} "
                    f"is not renewable; the last ends {live.end}. Make another channel for it, or revoke them.",
                )
        for (kind, name), live in facts.accounts.items():
            if live.count:
                yield Complaint((kind,), _orphaned(kind, name, live.text, live.end))


def _orphaned(section: str, name: str, live: str, end: str) -> str:
    return (
        f"{section}.{name} is missing, and {live} of it could not be renewed any more; the last ends {end}. "
        "Keep its section with `enabled = false`, or revoke them."
    )


def _told(path: tuple[str, ...], check: object, *values: str) -> Iterator[Complaint]:
    """Yield what a check of its own has to say about a setting."""
    try:
        check(*values)  # type: ignore[operator]
    except OperatorError as error:
        yield Complaint(path, f"{'.'.join(path)}: {error.detail}")


def _check_subject(organization: str, name: str) -> None:
    authority_subject(organization, name, 1)


def _is_organization(text: str) -> bool:
    return 0 < len(text) <= _MAX_ORGANIZATION and text.isprintable() and text == text.strip()


def _burnt_in(name: str, section: AuthoritySection, former: AuthoritySection) -> Iterator[Complaint]:
    for field in _BURNT_IN:
        old, new = getattr(former, field), getattr(section, field)
        if old != new:
            yield Complaint(
                ("authority", name, field),
                f"authority.{name}.{field}: it is certified with {old or 'none'} and cannot become "
                f"{new or 'none'}; start another authority, and let the channels use that.",
            )


def _words(label: str, section: ChannelSection) -> Iterator[Complaint]:
    choices: tuple[tuple[str, type[StrEnum]], ...] = (
        ("channel_binding", Binding),
        ("encoding", Encoding),
        ("csrattrs", Attributes),
    )
    for field, kind in choices:
        word, words = getattr(section, field), [one.value for one in kind]
        if word not in words:
            yield Complaint(
                ("channel", label, field),
                f"channel.{label}.{field}: '{word}' is none of {', '.join(words)}{nearest(word, words)}.",
            )
    if not 0 <= section.approvals <= _MAX_APPROVALS:
        yield Complaint(
            ("channel", label, "approvals"),
            f"channel.{label}.approvals: 0 to {_MAX_APPROVALS} operators can have to approve.",
        )


def _asking(label: str, section: ChannelSection, profile: Profile) -> Iterator[Complaint]:
    path = ("channel", label)
    allowed = sorted(kind.value for kind in profile.accepts)
    for kind in section.accepts or ():
        if kind not in [one.value for one in Kind]:
            yield named((*path, "accepts"), kind, [one.value for one in Kind], "kind of who may ask")
        elif kind not in allowed:
            yield Complaint(
                (*path, "accepts"),
                f"channel.{label}.accepts: profile {section.profile} is not for a {kind}; "
                f"possible are {', '.join(allowed) or 'none'}.",
            )
    if not section.accepts and allowed:
        yield Complaint((*path, "accepts"), f"channel.{label}.accepts: name who may ask: {', '.join(allowed)}.")
    if section.default and not allowed:
        yield Complaint(
            (*path, "default"),
            f"channel.{label}.default: it is for this server's own certificate; nobody can ask there.",
        )
    if section.server_keys is not None and not _is_certified(section.server_keys, profile):
        yield Complaint(
            (*path, "server_keys"),
            f"channel.{label}.server_keys: '{section.server_keys}' is no key that profile {section.profile} "
            f"certifies{nearest(section.server_keys, KEY_TYPES)}.",
        )


def _is_certified(key_type: str, profile: Profile) -> bool:
    if key_type not in KEY_TYPES:
        return False
    if key_type.startswith("rsa-"):
        return 0 < profile.smallest_rsa_bits <= int(key_type.removeprefix("rsa-"))
    return key_type in profile.keys
