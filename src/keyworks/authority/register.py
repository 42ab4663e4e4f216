"""Authorities, channels, trust anchors and accounts as of one moment: what decides about a request.

Read once and kept until the trust epoch in the database moves, so each worker follows a change with its next
request.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import msgspec

from keyworks.access.anchor import Anchor
from keyworks.access.principal import Kind
from keyworks.access.records import Account, list_accounts, list_anchors, read_epoch
from keyworks.authority import records
from keyworks.authority.channel import DEFAULT_POLICY, Channel, ChannelPolicy
from keyworks.authority.generation import Authority, Generation, issuer_of
from keyworks.authority.library import PROFILES
from keyworks.authority.own_profile import stored_profile
from keyworks.authority.profile import Profile
from keyworks.errors import NotFound, OperatorError, Unavailable
from keyworks.store.engine import Store, Transaction
from keyworks.x509.certificate import Certificate

_POLICY: Final = msgspec.json.Decoder(ChannelPolicy)


@dataclass(frozen=True, slots=True)
class Rollover:
    """A certificate from one generation of a root to another.

    Args:
        generation_id: Whose key it certifies.
        issuer_generation_id: Whose key certifies it.
        der: The certificate.
    """

    generation_id: str
    issuer_generation_id: str
    der: bytes


@dataclass(frozen=True, slots=True)
class Register:
    """What is configured, as of one trust epoch.

    Args:
        profiles: By name, those of the library and the factory's own.
        authorities: By name; those in force.
        generations: By id, of retired authorities too; those of one authority in ascending order.
        newest: The newest generation of each authority, by the authority's id.
        channels: By label; those in force.
        labels: Of all channels that ever were, by id.
        anchors: All that are in force.
        accounts: By name.
        rollovers: Certificates from root to root, each with the ids of the generations it leads to and from.
    """

    profiles: Mapping[str, Profile]
    authorities: Mapping[str, Authority]
    generations: Mapping[str, Generation]
    newest: Mapping[str, Generation]
    channels: Mapping[str, Channel]
    labels: Mapping[str, str]
    anchors: tuple[Anchor, ...]
    accounts: Mapping[str, Account]
    rollovers: tuple[Rollover, ...] = ()

    def channel(self, label: str | None) -> Channel:
        """Return the channel called ``label``; without a label, the default one.

        Raises:
            NotFound: There is none, or it is disabled.
        """
        channel = self.channels.get(label) if label is not None else self._default_channel()
        if channel is None and label is None:
            raise NotFound("Name a channel here: no default one is set. The operator knows the label.")
        if channel is None:
            raise NotFound(f"There is no channel '{label}' here; ask the operator for the right label.")
        if not channel.enabled or not self.newest[channel.authority_id].authority.enabled:
            raise NotFound(f"Channel '{channel.label}' is disabled; ask the operator when it serves again.")
        return channel

    def _default_channel(self) -> Channel | None:
        return next((known for known in self.channels.values() if known.is_default), None)

    def authority(self, name: str) -> Authority:
        """Return the authority called ``name``.

        Raises:
            OperatorError: There is none.
        """
        if name not in self.authorities:
            raise OperatorError(f"There is no authority '{name}'; see `keyworks authority list`.")
        return self.authorities[name]

    def current_generation(self, authority_id: str) -> Generation:
        """Return the newest generation of an authority.

        Raises:
            Unavailable: It has none yet.
        """
        if authority_id not in self.newest:
            raise Unavailable("The authority has no key yet; an operator has to start its first generation.")
        return self.newest[authority_id]

    def ca_certificates(self, authority_id: str, at: int) -> tuple[bytes, ...]:
        """Return what the certificates of an authority are verified with, DER, each once.

        The current generation's chain comes first, then those of the former ones that are still valid, then
        what leads from root to root.

        Raises:
            Unavailable: It has no generation yet.

        Source: RFC 7030 §4.1.3 (the current root, and what else is needed to build a path).
        """
        current = self.current_generation(authority_id)
        former = sorted(
            (
                known
                for known in self.generations.values()
                if known.authority.id == authority_id
                and known.number < current.number
                and at <= known.certificate.not_after
            ),
            key=lambda known: -known.number,
        )
        chains = [der for known in (current, *former) for der in known.issuer.chain]
        return tuple(dict.fromkeys((*chains, *self._rollovers_between(set(chains), at))))

    def _rollovers_between(self, ders: set[bytes], at: int) -> Iterator[bytes]:
        """Yield what leads from or to the roots among some certificates, with the roots at its other ends.

        Of a root that nothing stands below yet, clients learn so before they need it.
        """
        for one in self.rollovers:
            ends = [
                self.generations[name].certificate for name in (one.generation_id, one.issuer_generation_id)
            ]
            if any(end.der in ders for end in ends) and all(at <= end.not_after for end in ends):
                yield from (one.der, *(end.der for end in ends))


class Registers:
    """The register in force, read anew whenever the trust epoch has moved."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._snapshot = -1
        self._current: tuple[Register, tuple[int, int]] | None = None

    async def current(self) -> tuple[Register, tuple[int, int]]:
        """Return the register and the (trust, revocation) epoch that caches are keyed by."""
        current, snapshot = self._current, self._store.snapshots
        if current is None or self._snapshot != snapshot:
            current = await self._store.read(self._read)
            if self._current is None or current[1] >= self._current[1]:  # another read may have overtaken this
                self._current, self._snapshot = current, snapshot
        return current

    def _read(self, tx: Transaction) -> tuple[Register, tuple[int, int]]:
        epoch = read_epoch(tx)
        if self._current is not None and epoch[0] == self._current[1][0]:
            return self._current[0], epoch
        return read_register(tx), epoch


def read_register(tx: Transaction) -> Register:
    """Read everything that is configured."""
    profiles = {**PROFILES, **_own_profiles(tx)}
    authorities = {row[0]: _authority(row, profiles) for row in tx.execute(records.SELECT_AUTHORITIES)}
    channels = tx.execute(records.SELECT_CHANNELS)
    generations = _read_generations(tx, authorities)
    return Register(
        profiles=MappingProxyType(profiles),
        authorities=MappingProxyType({one.name: one for one in authorities.values() if not one.retired}),
        generations=MappingProxyType(generations),
        newest=MappingProxyType({known.authority.id: known for known in generations.values()}),
        channels=MappingProxyType({row[1]: _channel(row, profiles) for row in channels if row[9] is None}),
        labels=MappingProxyType({row[0]: row[1] for row in channels}),
        anchors=tuple(list_anchors(tx)),
        accounts=MappingProxyType({account.name: account for account in list_accounts(tx)}),
        rollovers=tuple(Rollover(row[1], row[2], row[3]) for row in tx.execute(records.SELECT_ROLLOVERS)),
    )


def _own_profiles(tx: Transaction) -> dict[str, Profile]:
    """Return the factory's own profiles: of each the version in force, of a retired one the newest."""
    newest = {row[0]: row for row in tx.execute(records.SELECT_PROFILES)}
    return {name: stored_profile(name, row[1], row[2]) for name, row in newest.items()}


def _authority(row: tuple[Any, ...], profiles: Mapping[str, Profile]) -> Authority:
    return Authority(
        id=row[0],
        name=row[1],
        profile=profiles[row[2]],
        parent_id=row[3],
        publication_url=row[4],
        key_type=row[6],
        enabled=bool(row[7]) and row[8] is None,
        retired=row[8] is not None,
    )


def _channel(row: tuple[Any, ...], profiles: Mapping[str, Profile]) -> Channel:
    return Channel(
        id=row[0],
        label=row[1],
        authority_id=row[2],
        profile=profiles[row[3]],
        accepts=_kinds(row[4]),
        enabled=bool(row[5]),
        is_default=bool(row[6]),
        policy=_POLICY.decode(row[8]) if row[8] is not None else DEFAULT_POLICY,
    )


def _kinds(text: str) -> frozenset[Kind]:
    return frozenset(Kind(word) for word in text.split(",") if word)


def _read_generations(tx: Transaction, authorities: Mapping[str, Authority]) -> dict[str, Generation]:
    rows = {row[0]: row for row in tx.execute(records.SELECT_GENERATIONS)}
    certificates = {row[0]: Certificate.parse(row[6]) for row in rows.values()}

    def chain(generation_id: str | None) -> tuple[Certificate, ...]:
        if generation_id is None:
            return ()
        return (certificates[generation_id], *chain(rows[generation_id][5]))

    return {
        row[0]: Generation(
            authority=authorities[row[1]],
            number=row[2],
            certificate=certificates[row[0]],
            issues_until=row[7],
            issuer=issuer_of(row[0], row[3], authorities[row[1]], row[2], chain(row[0])),
        )
        for row in rows.values()
    }
