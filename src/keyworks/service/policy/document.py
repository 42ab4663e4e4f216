"""The policy as one document: composed from the tables, and brought into a form in which equal means equal.

A document is *resolved* when everything it leaves to another section is filled in: two resolved documents are
equal where they mean the same. What is written for people is *abbreviated* again.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

import msgspec

from keyworks.access import records as access_records
from keyworks.access.principal import Kind
from keyworks.access.records import Account
from keyworks.authority import records as authority_records
from keyworks.authority.channel import Channel
from keyworks.authority.library import PROFILES
from keyworks.authority.naming import organization_of
from keyworks.authority.own_profile import own_profile
from keyworks.authority.profile import Profile
from keyworks.authority.register import Register
from keyworks.errors import KeyworksError, OperatorError, RejectedName
from keyworks.service.policy import records
from keyworks.settings.factory import (
    AccountSection,
    AnchorSection,
    AuthoritySection,
    ChannelSection,
    FactoryDocument,
    FactorySection,
    ProfileSection,
    SiteSection,
    span_of,
    span_text,
)
from keyworks.settings.toml import Section, render
from keyworks.store.engine import Transaction
from keyworks.x509.certificate import Certificate, ders_of, pem_of
from keyworks.x509.general_name import certifiable

NAMES: Final = ("dns", "ip", "uri", "email", "upn")
"""Kinds of alternative names that an account can have."""

ACCOUNT_KINDS: Final = (Kind.STATION, Kind.SERVICE, Kind.PERSON)
"""Kinds of principals that are accounts; each is a section of the document."""

_PROFILE: Final = msgspec.json.Decoder(ProfileSection)
_Section = TypeVar("_Section")


def compose(tx: Transaction, register: Register) -> FactoryDocument:
    """Return the policy in force, resolved.

    Args:
        tx: Reads what only the document knows.
        register: As of this transaction.
    """
    profiles = {row[0]: row for row in tx.execute(authority_records.SELECT_PROFILES)}
    accounts = {kind: _by_name(register.accounts.values(), kind) for kind in ACCOUNT_KINDS}
    names = {one.id: one.name for one in register.authorities.values()}
    return FactoryDocument(
        factory=_factory(tx, register),
        site={row[0]: SiteSection(description=row[1], zone=row[2]) for row in _sites(tx)},
        authority={
            name: one for name, one in certified_sections(register).items() if name in register.authorities
        },
        profile={name: _PROFILE.decode(row[2]) for name, row in profiles.items() if row[3] is None},
        channel={label: _channel(one, names[one.authority_id]) for label, one in register.channels.items()},
        anchor={
            one.name: AnchorSection(
                vouches_for=one.vouches_for.value,
                manufacturer=one.manufacturer,
                certificate=pem_of(one.certificate.der),
            )
            for one in register.anchors
        },
        station=accounts[Kind.STATION],
        service=accounts[Kind.SERVICE],
        person=accounts[Kind.PERSON],
    )


def _sites(tx: Transaction) -> list[tuple[str, str, str]]:
    return tx.execute(access_records.SELECT_SITES)


def _factory(tx: Transaction, register: Register) -> FactorySection:
    for organization, publication_url in tx.execute(records.SELECT_FACTORY):
        return FactorySection(organization=organization, publication_url=publication_url)
    for first in register.generations.values():  # made by a release that did not write it down
        return FactorySection(
            organization=organization_of(first.issuer.name), publication_url=first.authority.publication_url
        )
    return FactorySection(organization="", publication_url="")


def certified_sections(register: Register) -> dict[str, AuthoritySection]:
    """Return each authority that was ever certified, as its newest generation is; retired ones too."""
    names = {one.authority.id: one.authority.name for one in register.newest.values()}
    return {
        newest.authority.name: AuthoritySection(
            profile=newest.authority.profile.name,
            parent=names[newest.authority.parent_id] if newest.authority.parent_id else None,
            organization=organization_of(newest.issuer.name),
            publication_url=newest.authority.publication_url,
            key=newest.authority.key_type or newest.certificate.public_key.key_type,
            enabled=newest.authority.enabled,
        )
        for newest in register.newest.values()
    }


def _channel(channel: Channel, authority: str) -> ChannelSection:
    policy = channel.policy
    return ChannelSection(
        authority=authority,
        profile=channel.profile.name,
        accepts=tuple(sorted(kind.value for kind in channel.accepts)),
        enabled=channel.enabled,
        default=channel.is_default,
        approvals=policy.approvals,
        channel_binding=policy.channel_binding.value,
        encoding=policy.encoding.value,
        csrattrs=policy.csrattrs.value,
        server_keys=policy.server_keys,
        change_names=policy.change_names,
    )


def _by_name(accounts: Iterable[Account], kind: Kind) -> dict[str, AccountSection]:
    return {one.name: account_section(one) for one in accounts if one.kind is kind}


def account_section(account: Account) -> AccountSection:
    """Return an account as the document has it."""
    names = {kind: tuple(account.names.get(kind, ())) for kind in NAMES}
    return AccountSection(
        channels=tuple(sorted(account.channels)), site=account.site, enabled=account.active, **names
    )


def profiles_of(document: FactoryDocument) -> dict[str, Profile]:
    """Return the profiles that a document may use: the library's, and those of its own that can be."""
    found = dict(PROFILES)
    for name, section in document.profile.items():
        try:
            found[name] = own_profile(name, 1, section)
        except OperatorError:
            continue  # that is complained about where the profile is, not where it is used
    return found


def resolve(document: FactoryDocument) -> FactoryDocument:
    """Return a document with everything filled in that it leaves to others; what cannot be is left as it is."""
    profiles = profiles_of(document)
    url = document.factory.publication_url.rstrip("/")
    factory = msgspec.structs.replace(document.factory, publication_url=url)
    return FactoryDocument(
        factory=factory,
        site=dict(document.site),
        authority=_each(document.authority, lambda one: _resolved_authority(one, factory)),
        profile=_each(document.profile, _resolved_profile),
        channel=_each(document.channel, lambda one: _resolved_channel(one, profiles)),
        anchor=_each(document.anchor, _resolved_anchor),
        station=_each(document.station, _resolved_account),
        service=_each(document.service, _resolved_account),
        person=_each(document.person, _resolved_account),
    )


def _each(sections: Mapping[str, _Section], change: Callable[[_Section], _Section]) -> dict[str, _Section]:
    return {name: change(one) for name, one in sections.items()}


def _resolved_authority(one: AuthoritySection, factory: FactorySection) -> AuthoritySection:
    url = factory.publication_url if one.publication_url is None else one.publication_url
    return msgspec.structs.replace(
        one,
        organization=factory.organization if one.organization is None else one.organization,
        publication_url=url.rstrip("/"),
    )


def _resolved_profile(one: ProfileSection) -> ProfileSection:
    span = span_of(one.lifetime) if one.lifetime is not None else None
    return one if span is None else msgspec.structs.replace(one, lifetime=span_text(span))


def _resolved_channel(one: ChannelSection, profiles: Mapping[str, Profile]) -> ChannelSection:
    accepts = one.accepts
    if accepts is None:
        profile = profiles.get(one.profile)
        accepts = tuple(kind.value for kind in profile.accepts_by_default) if profile is not None else ()
    return msgspec.structs.replace(one, accepts=tuple(sorted(set(accepts))))


def _resolved_anchor(one: AnchorSection) -> AnchorSection:
    try:
        ders = ders_of((one.certificate or "").encode())
        return msgspec.structs.replace(one, certificate="".join(map(pem_of, ders)))
    except KeyworksError:
        return one


def _resolved_account(one: AccountSection) -> AccountSection:
    names = {
        kind: tuple(dict.fromkeys(_certified(kind, name) for name in getattr(one, kind))) for kind in NAMES
    }
    return msgspec.structs.replace(one, channels=tuple(sorted(set(one.channels))), **names)


def _certified(kind: str, name: str) -> str:
    try:
        return certifiable(kind, name)
    except RejectedName:
        return name


def with_section(document: FactoryDocument, kind: str, name: str, section: Section) -> FactoryDocument:
    """Return a document with one section added, or in the place of the one it has."""
    return msgspec.structs.replace(document, **{kind: {**getattr(document, kind), name: section}})


def without_section(document: FactoryDocument, kind: str, name: str) -> FactoryDocument:
    """Return a document without a section."""
    kept = {one: section for one, section in getattr(document, kind).items() if one != name}
    return msgspec.structs.replace(document, **{kind: kept})


def written(document: FactoryDocument) -> str:
    """Return a resolved document as TOML, without what goes without saying."""
    factory, profiles = document.factory, profiles_of(document)
    return render(
        msgspec.structs.replace(
            document,
            authority=_each(document.authority, lambda one: _abbreviated_authority(one, factory)),
            channel=_each(document.channel, lambda one: _abbreviated_channel(one, profiles)),
        )
    )


def _abbreviated_authority(one: AuthoritySection, factory: FactorySection) -> AuthoritySection:
    return msgspec.structs.replace(
        one,
        organization=None if one.organization == factory.organization else one.organization,
        publication_url=None if one.publication_url == factory.publication_url else one.publication_url,
    )


def _abbreviated_channel(one: ChannelSection, profiles: Mapping[str, Profile]) -> ChannelSection:
    usual = _resolved_channel(msgspec.structs.replace(one, accepts=None), profiles)
    return msgspec.structs.replace(one, accepts=None if usual.accepts == one.accepts else one.accepts)


def digest_of(text: str) -> str:
    """Return what identifies a written document."""
    return hashlib.sha256(text.encode()).hexdigest()


def parse_anchor(section: AnchorSection) -> Certificate:
    """Return the certificate of an anchor that was checked."""
    return Certificate.parse(ders_of((section.certificate or "").encode())[0])
