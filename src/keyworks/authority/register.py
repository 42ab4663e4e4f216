"""Authorities, channels, trust anchors and stations as of one moment: what decides about a request.

Read once and kept until the trust epoch in the database moves, so each worker follows a change with its next
request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from keyworks.access.anchor import Anchor
from keyworks.access.principal import Kind
from keyworks.access.records import Station, list_anchors, list_stations, read_epoch
from keyworks.authority import records
from keyworks.authority.channel import Channel
from keyworks.authority.generation import Authority, Generation, issuer_of
from keyworks.authority.profile import PROFILES
from keyworks.errors import NotFound, OperatorError, Unavailable
from keyworks.store.engine import Store, Transaction
from keyworks.x509.certificate import Certificate


@dataclass(frozen=True, slots=True)
class Register:
    """What is configured, as of one trust epoch.

    Args:
        authorities: By name.
        generations: By id; those of one authority in ascending order.
        newest: The newest generation of each authority, by the authority's id.
        channels: By label.
        anchors: All that are in force.
        stations: By name.
    """

    authorities: Mapping[str, Authority]
    generations: Mapping[str, Generation]
    newest: Mapping[str, Generation]
    channels: Mapping[str, Channel]
    anchors: tuple[Anchor, ...]
    stations: Mapping[str, Station]

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
        if not channel.enabled:
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

        The current generation's chain comes first, then those of the former ones that are still valid.

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
        return tuple(dict.fromkeys(der for known in (current, *former) for der in known.issuer.chain))


class Registers:
    """The register in force, read anew whenever the trust epoch has moved."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._snapshot = -1
        self._current: tuple[Register, tuple[int, int]] | None = None

    async def current(self) -> tuple[Register, tuple[int, int]]:
        """Return the register and the (trust, revocation) epoch that caches are keyed by."""
        current = self._current
        if current is None or self._snapshot != self._store.snapshots:
            current = await self._store.read(self._read)
            self._current, self._snapshot = current, self._store.snapshots
        return current

    def _read(self, tx: Transaction) -> tuple[Register, tuple[int, int]]:
        epoch = read_epoch(tx)
        if self._current is not None and epoch[0] == self._current[1][0]:
            return self._current[0], epoch
        return read_register(tx), epoch


def read_register(tx: Transaction) -> Register:
    """Read everything that is configured."""
    authorities = {
        row[0]: Authority(row[0], row[1], PROFILES[row[2]], row[3], row[4])
        for row in tx.execute(records.SELECT_AUTHORITIES)
    }
    channels = (
        Channel(row[0], row[1], row[2], PROFILES[row[3]], _kinds(row[4]), bool(row[5]), bool(row[6]))
        for row in tx.execute(records.SELECT_CHANNELS)
    )
    generations = _read_generations(tx, authorities)
    return Register(
        authorities=MappingProxyType({authority.name: authority for authority in authorities.values()}),
        generations=MappingProxyType(generations),
        newest=MappingProxyType({known.authority.id: known for known in generations.values()}),
        channels=MappingProxyType({channel.label: channel for channel in channels}),
        anchors=tuple(list_anchors(tx)),
        stations=MappingProxyType({station.name: station for station in list_stations(tx)}),
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
