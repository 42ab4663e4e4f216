"""What a change of the policy is, and what it means for live certificates: two documents, compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from keyworks.service.policy.document import ACCOUNT_KINDS, parse_anchor
from keyworks.settings.factory import AnchorSection, FactoryDocument
from keyworks.settings.toml import Section
from keyworks.x509.certificate import time_text

ACCOUNTS: Final = tuple(kind.value for kind in ACCOUNT_KINDS)
"""Sections of accounts."""

Row = tuple[str, Any, Any]
"""A setting, its value before, and its value after."""


@dataclass(frozen=True, slots=True)
class Change:
    """One section of the document that becomes another one.

    Args:
        section: Which kind, such as ``channel``.
        name: Its name; empty for ``factory``.
        before: As it is; ``None`` for one that is new.
        after: As it is to be; ``None`` for one that goes.
    """

    section: str
    name: str
    before: Section | None
    after: Section | None

    @property
    def sign(self) -> str:
        """Return ``+`` for what is new, ``-`` for what goes, ``~`` for what changes."""
        return "+" if self.before is None else "-" if self.after is None else "~"

    @property
    def verb(self) -> str:
        """Return the sign as a word: added, removed or changed."""
        return {"+": "added", "~": "changed", "-": "removed"}[self.sign]

    @property
    def title(self) -> str:
        """Return what it is, such as ``channel ldevid``."""
        return f"{self.section} {self.name}".rstrip()

    @property
    def rows(self) -> list[Row]:
        """Return the settings that differ; of what is new or goes, those that are not as by default."""
        shown = self.after or self.before
        if shown is None:
            return []
        fields = msgspec.structs.fields(shown)
        before = [getattr(self.before, one.name) if self.before else one.default for one in fields]
        after = [getattr(self.after, one.name) if self.after else one.default for one in fields]
        both = zip(fields, before, after, strict=True)
        return [(one.name, old, new) for one, old, new in both if old != new]

    def changes(self, name: str) -> bool:
        """Return whether a setting of something that stays differs."""
        return self.before is not None and self.after is not None and name in {row[0] for row in self.rows}


@dataclass(frozen=True, slots=True)
class Live:
    """Certificates that are valid and not revoked.

    Args:
        count: How many.
        until: When the last of them ends.
    """

    count: int
    until: int

    @property
    def text(self) -> str:
        """Return how many, such as ``1 live certificate``."""
        return f"{self.count} live certificate{'s' if self.count != 1 else ''}"

    @property
    def end(self) -> str:
        """Return the day on which the last of them ends."""
        return time_text(self.until)[:10]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a change has to respect, besides the document.

    Args:
        channels: What is live of the channels that a change concerns, by label.
        accounts: What is live of the accounts that lose channels or go, by kind and name: of those channels.
        names: How many live certificates the accounts that lose names have with one of these, by kind and name.
        keys: Authorities that are not in force and have a key already, with its type.
    """

    channels: Mapping[str, Live] = field(default_factory=dict)
    accounts: Mapping[tuple[str, str], Live] = field(default_factory=dict)
    names: Mapping[tuple[str, str], int] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """A change together with what it means."""

    change: Change
    meaning: tuple[str, ...]


def differences(present: FactoryDocument, wanted: FactoryDocument) -> tuple[Change, ...]:
    """Return what differs between two resolved documents, section by section, names in order."""
    return tuple(_differences(present, wanted))


def _differences(present: FactoryDocument, wanted: FactoryDocument) -> Iterator[Change]:
    if present.factory != wanted.factory:
        yield Change("factory", "", present.factory, wanted.factory)
    for section in FactoryDocument.__struct_fields__[1:]:
        before, after = getattr(present, section), getattr(wanted, section)
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                yield Change(section, name, before.get(name), after.get(name))


def concerned_channels(changes: Sequence[Change], present: FactoryDocument) -> frozenset[str]:
    """Return the channels whose live certificates a change means something for."""
    names = {
        section: {one.name for one in changes if one.section == section and one.before is not None}
        for section in ("authority", "profile", "channel")
    }
    return frozenset(
        label
        for label, channel in present.channel.items()
        if label in names["channel"]
        or channel.profile in names["profile"]
        or channel.authority in names["authority"]
    )


def plan(
    present: FactoryDocument, wanted: FactoryDocument, changes: Sequence[Change], facts: Facts
) -> tuple[Step, ...]:
    """Return the steps from one document to another, with what each means."""
    explain = _Explanation(present, wanted, facts)
    return tuple(Step(one, tuple(explain.of(one))) for one in changes)


@dataclass(frozen=True, slots=True)
class _Explanation:
    present: FactoryDocument
    wanted: FactoryDocument
    facts: Facts

    def of(self, change: Change) -> Iterator[str]:
        """Yield sentences about a change."""
        if change.section in ACCOUNTS:
            yield from self._account(change)
        elif change.section == "authority":
            yield from self._authority(change)
        elif change.section == "profile":
            yield from self._profile(change)
        elif change.section == "channel":
            yield from self._channel(change)
        elif change.section == "anchor" and change.before is not None:
            yield "Open connections of its holders are refused with their next request."

    def _authority(self, change: Change) -> Iterator[str]:
        has_key, wanted = self.facts.keys.get(change.name), getattr(change.after, "key", None)
        if change.before is None and has_key is None:
            yield "A key is made and certified; it issues from now on."
        elif change.before is None:
            yield f"It was made before and is as it was, with its {has_key} key; it issues from now on."
        elif change.after is None:
            yield "It issues nothing more; what it issued stays valid, and it signs status until then."
        if change.changes("key") or has_key not in (None, wanted):
            yield f"The new key comes with its next generation: `keyworks authority next {change.name}`."
        if change.changes("enabled"):
            for label, channel in self.present.channel.items():
                if channel.authority == change.name:
                    live = self.facts.channels[label]
                    yield f"Channel {label}: {_pausing(live, getattr(change.after, 'enabled', False))}"

    def _profile(self, change: Change) -> Iterator[str]:
        if change.before is None or change.after is None:
            return
        for label, channel in self.present.channel.items():
            if channel.profile == change.name and self.facts.channels[label].count:
                live = self.facts.channels[label].text
                yield f"Channel {label}: {live} will be renewed with its new version."

    def _channel(self, change: Change) -> Iterator[str]:
        if change.before is None:
            yield f"It serves under /.well-known/est/{change.name}/."
            return
        live = self.facts.channels[change.name]
        if change.after is None:
            yield "It is retired and refuses everybody; its label can come back."
            if live.count:
                yield f"The last of its {live.text} ends {live.end}."
            return
        after = self.wanted.channel[change.name]
        if live.count and change.changes("profile"):
            yield f"{live.text} will be renewed with profile {after.profile}."
        if live.count and change.changes("authority"):
            yield f"{live.text} will be renewed by authority {after.authority}."
        if change.changes("enabled"):
            yield _pausing(live, after.enabled).capitalize()

    def _account(self, change: Change) -> Iterator[str]:
        kind = change.section
        if change.before is None:
            yield f"It gets a one-time secret by `keyworks {kind} secret {change.name}`."
        elif change.after is None or (change.changes("enabled") and not getattr(change.after, "enabled", True)):
            yield "It is refused with its next request."
        live = self.facts.accounts.get((kind, change.name), Live(0, 0))
        if change.after is not None and live.count:
            yield f"{live.text} of it cannot be renewed any more; the last ends {live.end}."
        if change.after is not None and (kept := self.facts.names.get((kind, change.name))):
            yield f"What is taken away stays in {Live(kept, 0).text} of it, also when renewed, until revoked."


def _pausing(live: Live, enabled: bool) -> str:
    if enabled:
        return "it serves again."
    return "it refuses everybody" + (f"; {live.text} cannot be renewed meanwhile." if live.count else ".")


def as_text(steps: Sequence[Step]) -> list[str]:
    """Return steps as lines for people: ``+`` for what is new, ``~`` for what changes, ``-`` for what goes."""
    return [line for step in steps for line in _lines(step)]


def _lines(step: Step) -> Iterator[str]:
    change = step.change
    yield f"{change.sign} {change.title}"
    for name, old, new in change.rows if change.after is not None else ():
        before = "" if change.before is None else f"{shown(name, old)} → "
        yield f"    {name}: {before}{shown(name, new)}"
    for sentence in step.meaning:
        yield f"    {sentence}"


def shown(name: str, value: Any) -> str:
    """Return a value of a setting as people read it."""
    if value is None or value is msgspec.NODEFAULT or value == ():
        return "-"
    if name == "certificate":
        anchor = parse_anchor(AnchorSection(vouches_for="", certificate=value))
        return f"{anchor.subject.text} (sha256:{anchor.fingerprint.hex()})"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return ", ".join(f"{kind} {shown(name, one)}" for kind, one in value.items())
    return ", ".join(shown(name, one) for one in value) if isinstance(value, tuple) else str(value)
