"""How a policy comes into force: proposed, checked and planned; applied as a whole, or not at all."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from keyworks.access.records import advance_trust
from keyworks.authority import naming
from keyworks.authority.chosen_names import count_holding
from keyworks.authority.own_profile import own_profile
from keyworks.authority.profile import Profile
from keyworks.authority.register import Register, read_register
from keyworks.errors import InternalError, Overtaken
from keyworks.ledger.entry import SealedEntry
from keyworks.ledger.records import insert_entries
from keyworks.service.authorities import prepare_authority
from keyworks.service.event import event
from keyworks.service.installation import Installation
from keyworks.service.policy import records
from keyworks.service.policy.check import Standing, complaints
from keyworks.service.policy.document import NAMES, certified_sections, compose, digest_of, resolve, written
from keyworks.service.policy.orphans import about_orphans
from keyworks.service.policy.plan import (
    ACCOUNTS,
    Change,
    Facts,
    Live,
    Step,
    concerned_channels,
    differences,
    plan,
    shown,
)
from keyworks.service.policy.writing import prepare_profile, profile_version, write_changes
from keyworks.service.shared_names import about_device_names
from keyworks.settings.complaint import Complaint
from keyworks.settings.factory import Draft, FactoryDocument
from keyworks.store.engine import Transaction

_TRIES: Final = 20
_NOTHING: Final = Live(0, 0)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A policy that can be applied.

    Args:
        number: The version in force, which it was compared with; 0 before the first.
        present: The document of that version, resolved.
        wanted: The document, resolved.
        steps: What it changes, and what that means.
    """

    number: int
    present: FactoryDocument
    wanted: FactoryDocument
    steps: tuple[Step, ...]


async def propose(installation: Installation, draft: Draft) -> Proposal:
    """Return what applying a draft would do.

    Raises:
        OperatorError: It cannot be the policy; the error has every reason.
    """
    return await _propose(installation, lambda _: draft)


async def _propose(installation: Installation, change: Callable[[FactoryDocument], Draft]) -> Proposal:
    at = installation.clock.now()

    def read(tx: Transaction) -> tuple[int, Standing, Draft, tuple[Change, ...], list[Complaint]]:
        register, [(number,)] = read_register(tx), tx.execute(records.SELECT_NUMBER)
        present = compose(tx, register)
        draft = change(present)
        wanted = resolve(draft.document)
        changes = differences(present, wanted)
        ends = {one.authority.name: one.certificate.not_after for one in register.newest.values()}
        facts = _facts(tx, register, present, changes, at)
        standing = Standing(at, present, certified_sections(register), ends, facts)
        resolved = replace(draft, document=wanted)
        return number, standing, resolved, changes, list(about_device_names(tx, changes))

    number, standing, draft, changes, shared = await installation.store.read(read)
    wanted, found = draft.document, list(draft.complaints)
    if changes:
        found += [*complaints(wanted, standing, draft.faulty), *shared]
    if found:
        raise draft.refusal(found)
    present = standing.document
    return Proposal(number, present, wanted, plan(present, wanted, changes, standing.facts))


def _facts(
    tx: Transaction, register: Register, present: FactoryDocument, changes: Sequence[Change], at: int
) -> Facts:
    labels = concerned_channels(changes, present)
    rows = tx.execute(records.SELECT_LIVE_BY_CHANNEL, {"at": at}) if labels else []
    live = {register.labels[row[0]]: Live(row[1], row[2]) for row in rows if row[0] in register.labels}
    newest = register.newest.values()
    return Facts(
        channels={label: live.get(label, _NOTHING) for label in labels},
        accounts={
            account: _live_of(tx, ":".join(account), lost, register, at)
            for account, lost in _losing(changes).items()
        },
        names={
            account: count_holding(tx, ":".join(account), names, at)
            for account, names in _losing_names(changes).items()
        },
        keys={
            one.authority.name: one.certificate.public_key.key_type for one in newest if one.authority.retired
        },
    )


def _losing(changes: Sequence[Change]) -> dict[tuple[str, str], frozenset[str]]:
    """Return the accounts that lose channels, by kind and name, with the labels; one that goes loses all."""
    accounts = [one for one in changes if one.section in ACCOUNTS]
    lost = {
        (one.section, one.name): frozenset(getattr(one.before, "channels", ()))
        - frozenset(getattr(one.after, "channels", ()))
        for one in accounts
    }
    return {account: labels for account, labels in lost.items() if labels}


def _losing_names(changes: Sequence[Change]) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """Return the accounts that stay and lose names, by kind and name, with these."""
    lost = {
        (one.section, one.name): _names_of(one.before) - _names_of(one.after)
        for one in changes
        if one.section in ACCOUNTS and one.after is not None
    }
    return {account: names for account, names in lost.items() if names}


def _names_of(account: object) -> set[tuple[str, str]]:
    return {(kind, naming.folded(kind, name)) for kind in NAMES for name in getattr(account, kind, ())}


def _live_of(tx: Transaction, owner: str, labels: frozenset[str], register: Register, at: int) -> Live:
    """Return what an account could renew on some channels."""
    renewable = {one.id for one in register.channels.values() if one.profile.renewable and one.label in labels}
    rows = tx.execute(records.SELECT_LIVE_OF_OWNER, {"owner": owner, "at": at})
    found = [row for row in rows if row[0] in renewable]
    return Live(sum(row[1] for row in found), max((row[2] for row in found), default=0))


@dataclass(frozen=True, slots=True)
class _Application:
    proposal: Proposal
    changes: tuple[Change, ...]
    at: int
    row: dict[str, object]
    entries: tuple[SealedEntry, ...]


async def apply(installation: Installation, proposal: Proposal, what: str) -> int:
    """Let a proposal come into force; every worker follows with its next request.

    New authorities are made first and stay out of force; then everything happens in one transaction.

    Args:
        installation: Where.
        proposal: What is to be; without a step, what is in force becomes a version of its own.
        what: What was done, for the history, such as ``apply factory.toml``.

    Returns:
        The number of the version now in force.

    Raises:
        Overtaken: Another version came into force since it was proposed; nothing was changed.
    """
    await installation.store.read(lambda tx: _check_number(tx, proposal.number))
    for name in _new_authorities(proposal):
        section = proposal.wanted.authority[name]
        await prepare_authority(
            installation, name, section, await _profile_of(installation, proposal.wanted, section.profile)
        )
    text, at = written(proposal.wanted), installation.clock.now()
    number, sha256 = proposal.number + 1, digest_of(text)
    row = {
        "number": number,
        "at": at,
        "actor": installation.operator.actor,
        "what": what,
        "sha256": sha256,
        "document": text,
    }
    changes = tuple(step.change for step in proposal.steps)
    entries = [_entry(installation, one) for one in changes]
    detail = (("sha256", sha256), ("what", what))
    entries.append(event(installation, "policy.applied", f"policy:{number}", detail))
    application = _Application(proposal, changes, at, row, tuple(entries))
    return await installation.store.write(_apply, application)


def _check_number(tx: Transaction, number: int) -> None:
    [(present,)] = tx.execute(records.SELECT_NUMBER)
    if present != number:
        raise Overtaken(f"Version {present} was applied meanwhile, so nothing was changed; plan again.")


def _new_authorities(proposal: Proposal) -> Iterator[str]:
    """Yield the authorities to be made in the order of the document, parents first."""
    changes = (step.change for step in proposal.steps)
    new = {one.name for one in changes if one.section == "authority" and one.before is None}
    for name in proposal.wanted.authority:
        chain = [name]
        while (parent := proposal.wanted.authority[chain[-1]].parent) in new:
            chain.append(str(parent))
        yield from (one for one in reversed(chain) if one in new)
        new -= set(chain)


async def _profile_of(installation: Installation, wanted: FactoryDocument, name: str) -> Profile:
    """Return the profile of a new authority; one that is new itself is written, not in force yet."""
    section = wanted.profile.get(name)
    if section is None:
        register, _ = await installation.registers.current()
        return register.profiles[name]

    def write(tx: Transaction, items: Sequence[int]) -> list[int]:
        for at in items:
            prepare_profile(tx, name, section, at)
        return [profile_version(tx, name, section) for _ in items]

    version = await installation.store.write(write, installation.clock.now())
    return own_profile(name, version, section)


def _entry(installation: Installation, change: Change) -> SealedEntry:
    verb = change.verb
    detail = tuple(
        (name, shown(name, new) if change.sign == "+" else f"{shown(name, old)} → {shown(name, new)}")
        for name, old, new in (change.rows if change.after is not None else ())
    )
    return event(installation, f"{change.section}.{verb}", change.title.replace(" ", ":"), detail)


def _apply(tx: Transaction, applications: Sequence[_Application]) -> list[int]:
    for one in applications:
        _check_number(tx, one.proposal.number)
        _check_orphans(tx, one)
        if shared := list(about_device_names(tx, one.changes)):  # a device may have got a name since
            raise Draft(one.proposal.wanted).refusal(shared)
        write_changes(tx, one.changes, one.at)
        if compose(tx, read_register(tx)) != one.proposal.wanted:
            raise InternalError("The policy would not become what was asked for; nothing was changed.")
        tx.execute(records.INSERT_VERSION, one.row)
        insert_entries(tx, one.entries)
        advance_trust(tx)
    return [one.proposal.number + 1 for one in applications]


def _check_orphans(tx: Transaction, one: _Application) -> None:
    """Refuse what would orphan certificates that were issued since it was proposed.

    They are counted only where one certificate would be too many: meanwhile nobody is issued any.
    """
    present, wanted, some = one.proposal.present, one.proposal.wanted, Live(1, one.at)
    labels, accounts = concerned_channels(one.changes, present), _losing(one.changes)
    supposed = Facts(channels=dict.fromkeys(labels, some), accounts=dict.fromkeys(accounts, some))
    if not any(about_orphans(present, wanted, supposed)):
        return
    facts = _facts(tx, read_register(tx), present, one.changes, one.at)
    found = list(about_orphans(present, wanted, facts))
    if found:
        raise Draft(wanted).refusal(found)


async def amend(
    installation: Installation, what: str, change: Callable[[FactoryDocument], FactoryDocument]
) -> bool:
    """Change the policy in force a little.

    Args:
        installation: Where.
        what: What was done, for the history, such as ``channel disable idevid``.
        change: Returns the document that is to be; called again where another change was faster.

    Returns:
        Whether anything changed.

    Raises:
        OperatorError: It cannot become so.
    """
    for tried in range(_TRIES):
        proposal = await _propose(installation, lambda present: Draft(change(present)))
        if not proposal.steps:
            return False
        try:
            await apply(installation, proposal, what)
        except Overtaken:
            if tried + 1 == _TRIES:
                raise
        else:
            return True
    return False
