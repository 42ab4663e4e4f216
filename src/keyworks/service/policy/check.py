"""Whether a document can be the policy: every reason why not, each with its place and its remedy."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
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
from keyworks.service.policy.orphans import about_orphans
from keyworks.service.policy.plan import Facts
from keyworks.service.policy.principals import about_accounts, about_anchors, about_sites, named
from keyworks.settings.complaint import Complaint, about
from keyworks.settings.factory import AuthoritySection, ChannelSection, FactoryDocument, ProfileSection
from keyworks.settings.toml import quoted

_BURNT_IN: Final = ("profile", "parent", "organization", "publication_url")
_INHERITED: Final = ("organization", "publication_url")
"""What an authority has of the factory where it does not say otherwise."""

_MAX_ORGANIZATION: Final = 64
"""RFC 5280 appendix A.1: ub-organization-name."""

_MAX_APPROVALS: Final = 9
_FIELD: Final = re.compile(r"(?P<field>[a-z_]+): (?P<rest>.+)", re.DOTALL)
_WORDS: Final[tuple[tuple[str, type[StrEnum]], ...]] = (
    ("channel_binding", Binding),
    ("encoding", Encoding),
    ("csrattrs", Attributes),
)
_KINDS: Final = tuple(kind.value for kind in Kind)


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


def complaints(
    wanted: FactoryDocument, standing: Standing, faulty: Collection[tuple[str, ...]] = ()
) -> list[Complaint]:
    """Return every reason why a resolved document cannot become the policy in force.

    Args:
        wanted: The document.
        standing: What it is checked against.
        faulty: Paths of settings that are not as they were meant, which was told: nothing more is said of them,
            nor of what a profile with such a setting would mean for others.
    """
    inherited = {
        ("authority", name, path[1]) for path in faulty if path[0] == "factory" for name in wanted.authority
    }
    doubtful = {path[1] for path in faulty if path[0] == "profile"}
    profiles = {name: one for name, one in profiles_of(wanted).items() if name not in doubtful}
    check = _Check(wanted, standing, profiles)
    found = [
        *_about_factory(wanted),
        *about_sites(wanted),
        *_about_profiles(wanted),
        *check.authorities(),
        *check.channels(),
        *about_anchors(wanted),
        *about_accounts(wanted),
        *about_orphans(standing.document, wanted, standing.facts),
    ]
    return [one for one in found if not any(_overlap(one.path, path) for path in (*faulty, *inherited))]


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Return whether two paths are the same, or one is of a section around the other."""
    return all(mine == theirs for mine, theirs in zip(one, other, strict=False))


def _about_factory(wanted: FactoryDocument) -> Iterator[Complaint]:
    name, url = wanted.factory.organization, wanted.factory.publication_url
    if not 0 < len(name) <= _MAX_ORGANIZATION or not name.isprintable() or name != name.strip():
        yield about("it has to be 1 to 64 printable characters, no blanks around.", "factory", "organization")
    yield from _told(("factory", "publication_url"), check_publication_url, url)


def _about_profiles(wanted: FactoryDocument) -> Iterator[Complaint]:
    for name, section in wanted.profile.items():
        try:
            own_profile(name, 1, section)
        except OperatorError as error:
            for reason in error.detail.split("\n"):
                found = _FIELD.fullmatch(reason)
                field = FIELDS.get(found["field"], found["field"]) if found else ""
                if found and field in ProfileSection.__struct_fields__:
                    yield about(found["rest"], "profile", name, field)
                else:
                    yield about(reason, "profile", name)


def _told(path: tuple[str, ...], check: Callable[..., object], *values: object) -> Iterator[Complaint]:
    """Yield what a rule that is written elsewhere has to say about a setting."""
    try:
        check(*values)
    except OperatorError as error:
        yield about(error.detail, *path)


@dataclass(frozen=True, slots=True)
class _Check:
    """What depends on other sections, or on what is in force.

    Args:
        wanted: The document.
        standing: What it is checked against.
        profiles: That it may use.
    """

    wanted: FactoryDocument
    standing: Standing
    profiles: Mapping[str, Profile]

    def authorities(self) -> Iterator[Complaint]:
        """Yield what is wrong with authorities; what is certified cannot change any more."""
        for name, section in self.wanted.authority.items():
            former, path = self.standing.certified.get(name), ("authority", name)
            yield from self._key(name, section)
            if section.parent is not None and section.parent not in self.wanted.authority:
                yield named((*path, "parent"), section.parent, self.wanted.authority, "authority")
            if former is not None:
                yield from _burnt_in(name, section, former)
                continue
            url, organization = section.publication_url or "", section.organization or ""
            yield from _told(path, check_label, name)
            yield from _told((*path, "publication_url"), check_publication_url, url)
            yield from _told((*path, "organization"), authority_subject, organization, name, 1)
            yield from self._hierarchy(name, section)

    def _key(self, name: str, section: AuthoritySection) -> Iterator[Complaint]:
        path, profile = ("authority", name, "key"), self.profiles.get(section.profile)
        possible = [one for one in KEY_TYPES if profile is None or _certifies(profile, one)]
        if section.key not in possible:
            choice = f"{nearest(section.key, possible)}; choose one of {', '.join(possible)}."
            yield about(f"'{section.key}' is weak or unknown{choice}", *path)

    def _hierarchy(self, name: str, section: AuthoritySection) -> Iterator[Complaint]:
        """Yield what is wrong with the profile of a new authority, and with what is above it."""
        path, profile = ("authority", name), self.profiles.get(section.profile)
        if self._is_faulty(section.profile):
            return
        if profile is None or not profile.ca:
            cas = [one for one, known in self.profiles.items() if known.ca]
            yield named((*path, "profile"), section.profile, cas, "profile of an authority")
        elif profile.path_length and section.parent is not None:
            yield about(f"{section.profile} certifies itself; take its parent away.", *path, "parent")
        elif section.parent is not None:
            yield from self._parent(name, section.parent, profile)
        elif not profile.path_length:
            yield about(f"{section.profile} needs a parent.", *path)

    def _parent(self, name: str, parent: str, profile: Profile) -> Iterator[Complaint]:
        path, above = ("authority", name, "parent"), self.wanted.authority.get(parent)
        if above is None:
            return
        if self._stands_below_itself(name):
            yield about(f"{parent} stands below {name} itself; one of them has to be a root.", *path)
        elif (issuer := self.profiles.get(above.profile)) is not None and issuer.ca:
            if not issuer.path_length:
                yield about(f"{parent} certifies no authorities (its pathLen is 0); name a root.", *path)
            if not above.enabled:
                yield about(f"{parent} is disabled; enable it first.", *path)
            yield from self._outliving(profile, issuer, parent, "authority", name, "profile")

    def _stands_below_itself(self, name: str) -> bool:
        seen: set[str] = set()
        above = self.wanted.authority[name].parent
        while above is not None and above not in seen and above in self.wanted.authority:
            seen.add(above)
            above = self.wanted.authority[above].parent
        return name in seen

    def _outliving(self, profile: Profile, issuer: Profile, authority: str, *path: str) -> Iterator[Complaint]:
        """Yield if what is issued would be meant to end after its issuer."""
        if issuer.lifetime is None:
            return
        left = issuer.lifetime.days
        if authority in self.standing.ends:
            left = min(left, (self.standing.ends[authority] - self.standing.at) // 86_400 + 1)
        if profile.lifetime is None:
            yield about(
                f"{profile.name} never ends and would outlive its issuer {authority}; take an authority that "
                "never ends either, with profile idevid-root or idevid-issuing.",
                *path,
            )
        elif profile.lifetime.days > left:
            yield about(
                f"{profile.name} lives {profile.lifetime.days} days and would outlive its issuer {authority}, "
                f"which has {left} left; shorten it, or start the issuer's next generation "
                f"(`keyworks authority next {authority}`).",
                *path,
            )

    def channels(self) -> Iterator[Complaint]:
        """Yield what is wrong with channels."""
        defaults = [label for label, one in self.wanted.channel.items() if one.default]
        for label in defaults[1:]:
            yield about(
                f"{defaults[0]} is the default already; one channel can be.", "channel", label, "default"
            )
        for label, section in self.wanted.channel.items():
            yield from _told(("channel", label), check_label, label)
            yield from _words(label, section)
            yield from self._issuing(label, section)

    def _issuing(self, label: str, section: ChannelSection) -> Iterator[Complaint]:
        path = ("channel", label)
        profile, authority = self.profiles.get(section.profile), self.wanted.authority.get(section.authority)
        if self._is_faulty(section.profile):
            profile = None
        elif profile is None or profile.ca:
            leaves = [name for name, one in self.profiles.items() if not one.ca]
            yield named((*path, "profile"), section.profile, leaves, "profile of a channel")
            profile = None
        else:
            yield from _asking(label, section, profile)
        if authority is None:
            yield named((*path, "authority"), section.authority, self.wanted.authority, "authority")
            return
        issuer = self.profiles.get(authority.profile)
        if issuer is None or not issuer.ca:
            return  # that is said where the authority is
        if issuer.path_length != 0:
            yield about(
                f"{section.authority} certifies authorities only; name an issuing one.", *path, "authority"
            )
        elif profile is not None and (profile.base == "idevid") != (issuer.base == "idevid-issuing"):
            yield about(
                "IDevIDs, and only they, come from an idevid-issuing authority: who trusts it trusts devices.",
                *(*path, "authority"),
            )
        elif profile is not None and not self._is_in_force(label, section):
            yield from self._outliving(profile, issuer, section.authority, *path, "profile")

    def _is_faulty(self, profile: str) -> bool:
        """Return whether it is a profile of the document that cannot be, which is told where it stands."""
        return profile in self.wanted.profile and profile not in self.profiles

    def _is_in_force(self, label: str, section: ChannelSection) -> bool:
        """Return whether a channel issues the same already: that is not refused because time passes."""
        before = self.standing.document
        present, own = before.channel.get(label), self.wanted.profile.get(section.profile)
        return (
            present is not None
            and (present.authority, present.profile) == (section.authority, section.profile)
            and before.profile.get(section.profile) == own
        )


def _burnt_in(name: str, section: AuthoritySection, former: AuthoritySection) -> Iterator[Complaint]:
    for field in _BURNT_IN:
        old, new = getattr(former, field), getattr(section, field)
        if old != new:
            keep = f"say `{field} = {quoted(old)}` here, or " if field in _INHERITED else ""
            yield about(
                f"it is certified with {old or 'none'} and cannot become {new or 'none'}; {keep}start another "
                "authority, and let the channels use that.",
                *("authority", name, field),
            )


def _words(label: str, section: ChannelSection) -> Iterator[Complaint]:
    for field, kind in _WORDS:
        word, words = getattr(section, field), [one.value for one in kind]
        if word not in words:
            yield about(
                f"'{word}' is none of {', '.join(words)}{nearest(word, words)}.", "channel", label, field
            )
    if not 0 <= section.approvals <= _MAX_APPROVALS:
        yield about(f"0 to {_MAX_APPROVALS} operators can have to approve.", "channel", label, "approvals")


def _asking(label: str, section: ChannelSection, profile: Profile) -> Iterator[Complaint]:
    path = ("channel", label)
    allowed = sorted(kind.value for kind in profile.accepts)
    for kind in section.accepts or ():
        if kind not in _KINDS:
            yield named((*path, "accepts"), kind, _KINDS, "kind of who may ask")
        elif kind not in allowed:
            possible = f"possible are {', '.join(allowed) or 'none'}"
            yield about(f"profile {section.profile} is not for a {kind}; {possible}.", *path, "accepts")
    if not section.accepts and allowed:
        yield about(f"name who may ask: {', '.join(allowed)}.", *path, "accepts")
    if section.default and not allowed:
        yield about("it is for this server's own certificate; nobody can ask there.", *path, "default")
    keys = [one for one in KEY_TYPES if _certifies(profile, one)]
    if section.server_keys is not None and section.server_keys not in keys:
        choice = f"{nearest(section.server_keys, keys)}; choose one of {', '.join(keys)}."
        yield about(
            f"'{section.server_keys}' is no key that profile {section.profile} certifies{choice}",
            *(*path, "server_keys"),
        )


def _certifies(profile: Profile, key_type: str) -> bool:
    if key_type.startswith("rsa-"):
        bits = key_type.removeprefix("rsa-")
        return key_type in KEY_TYPES and 0 < profile.smallest_rsa_bits <= int(bits)
    return key_type in profile.keys
