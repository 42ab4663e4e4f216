"""Public doubles and throwaway things: what tests of Keyworks, and of what is built on it, stand on.

Real components throughout: a throwaway store is a real database, an installation a whole one, only small and in
a folder of its own.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from cryptography.x509 import ObjectIdentifier
from sqlalchemy import select, text

from keyworks.access.credential import BasicCredentials, PresentedChain
from keyworks.algorithms.registry import SignatureAlgorithm
from keyworks.authority.authenticate import Authenticator
from keyworks.authority.authorize import Operation
from keyworks.authority.enrollment import Attempt, Enrollment
from keyworks.authority.generation import Generation
from keyworks.authority.issue import Issued, IssuingPath
from keyworks.authority.pending import Pending
from keyworks.authority.register import Registers
from keyworks.devices.lifecycle import STEPS
from keyworks.errors import Unavailable
from keyworks.keys.software import SoftwareSigner, make_private_key, signer_of
from keyworks.ledger.records import entry
from keyworks.ledger.refusals import RefusalCounter
from keyworks.service.authorities import plan_next_generation, start_next_generation
from keyworks.service.installation import Installation, open_installation
from keyworks.service.inventory import find_device
from keyworks.service.lifecycle import Move, plan_step, take_step
from keyworks.service.policy.preset import preset
from keyworks.service.setup import NewInstallation, create_installation
from keyworks.service.stations import add_station
from keyworks.settings.node import Database, Listen
from keyworks.store.clock import Clock
from keyworks.store.engine import Store, Transaction
from keyworks.store.location import Location, SQLiteFile
from keyworks.store.migrate import migrate
from keyworks.store.opening import open_store
from keyworks.store.sqlite import SQLiteTransaction
from keyworks.store.statement import Statement
from keyworks.x509.certificate import Certificate, time_text
from keyworks.x509.der import encode, sequence_of, wrap
from keyworks.x509.extensions import Extension
from keyworks.x509.name import EMPTY_NAME, Name
from keyworks.x509.request import encode_certification_request
from keyworks.x509.tbs import TBSCertificate
from keyworks.x509.template import parse_certification_request

NOON: Final = 1_790_000_000
"""2026-09-21T14:13:20Z: where a fixed clock stands at first."""

ANY_PORT: Final = Listen(enrollment="127.0.0.1:0", console="127.0.0.1:0", publication="127.0.0.1:0")
"""Loopback, on ports that the system chooses."""

SOURCE: Final = "192.0.2.7"
"""The address that attempts at an ``EnrollmentDesk`` come from (RFC 5737)."""

_BODIES: Final = Statement(select(entry.c.body).order_by(entry.c.id))


class FixedClock:
    """A clock that stands until it is moved.

    Args:
        at: Where it stands, in epoch seconds.
    """

    def __init__(self, at: int = NOON) -> None:
        self.at = at

    def now(self) -> int:
        """Return where it stands."""
        return self.at

    def advance(self, by: timedelta) -> None:
        """Move it forward (or back, where ``by`` is negative)."""
        self.at += int(by.total_seconds())


def software_signer(key_type: str = "P-256") -> SoftwareSigner:
    """Return a signer with a new key."""
    return signer_of(make_private_key(key_type))


class WrongSigner:
    """A signer that signs with another key than the one it shows, as a confused token would.

    Args:
        shown: Whose public key it shows.
    """

    def __init__(self, shown: SoftwareSigner) -> None:
        self.public_key = shown.public_key
        self._other = software_signer(shown.public_key.key_type)

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """Return the algorithm of the key it shows."""
        return self.public_key.signature_algorithm

    async def sign(self, message: bytes) -> bytes:
        """Return a signature that the shown key does not verify."""
        return await self._other.sign(message)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a key and a certificate over it.

    Args:
        signer: Holds the key.
        issued: The certificate, as it was released.
    """

    signer: SoftwareSigner
    issued: Issued

    @property
    def certificate(self) -> Certificate:
        """Return the certificate, read."""
        return Certificate.parse(self.issued.der)

    @property
    def presented(self) -> PresentedChain:
        """Return what a TLS client of this holder presents: all but the root."""
        return presented_chain(self.issued.der, *self.issued.chain[:-1])


@dataclass(frozen=True, slots=True)
class HandmadeTBS:
    """A TBSCertificate written octet by octet, so that any part of it can be wrong.

    Args:
        version: DER, with its explicit tag.
        serial_number: The INTEGER's content octets.
        signature: DER AlgorithmIdentifier.
        issuer: DER Name.
        not_before: DER Time.
        not_after: DER Time.
        subject: DER Name.
        public_key: DER SubjectPublicKeyInfo.
        unique_ids: DER of what stands between the key and the extensions.
        extensions: In this order.
    """

    version: bytes
    serial_number: bytes
    signature: bytes
    issuer: bytes
    not_before: bytes
    not_after: bytes
    subject: bytes
    public_key: bytes
    unique_ids: bytes
    extensions: tuple[Extension, ...]

    @classmethod
    def of(cls, made: TBSCertificate) -> "HandmadeTBS":
        """Return the octets of a right one, to be spoilt with ``dataclasses.replace``."""
        return cls(
            version=b"\xa0\x03\x02\x01\x02",
            serial_number=made.serial_number.to_bytes(made.serial_number.bit_length() // 8 + 1, "big"),
            signature=made.signature.identifier,
            issuer=made.issuer.der,
            not_before=time_octets(made.not_before),
            not_after=time_octets(made.not_after),
            subject=made.subject.der,
            public_key=made.public_key.spki,
            unique_ids=b"",
            extensions=made.extensions,
        )

    def with_extension(self, one: Extension) -> "HandmadeTBS":
        """Return it with an extension put in the place of the one it has, or added."""
        kept = self.without(one.oid).extensions
        return replace(self, extensions=(*kept, one))

    def without(self, oid: str) -> "HandmadeTBS":
        """Return it without an extension."""
        return replace(self, extensions=tuple(one for one in self.extensions if one.oid != oid))

    def encode(self) -> bytes:
        """Return the DER."""
        listed = [
            sequence_of(
                [
                    encode(ObjectIdentifier(one.oid)),
                    *([b"\x01\x01\xff"] if one.critical else []),
                    encode(one.value),
                ]
            )
            for one in self.extensions
        ]
        parts = (
            self.version,
            wrap(0x02, self.serial_number),
            self.signature,
            self.issuer,
            sequence_of([self.not_before, self.not_after]),
            self.subject,
            self.public_key,
            self.unique_ids,
            wrap(0xA3, sequence_of(listed)) if listed else b"",
        )
        return sequence_of(parts)


def time_octets(at: int, *, generalized: bool | None = None) -> bytes:
    """Return a DER Time: GeneralizedTime from 2050 on, or as ``generalized`` says."""
    text = time_text(at).translate({ord(char): None for char in "-T:"})
    if generalized is None:
        generalized = text >= "2050"
    return wrap(0x18, text.encode()) if generalized else wrap(0x17, text[2:].encode())


def presented_chain(*chain: bytes) -> PresentedChain:
    """Return certificates as a TLS client presents them, possession of the first one's key proven."""
    return PresentedChain(chain, hashlib.sha256(b"".join(chain)).digest())


class EnrollmentDesk:
    """An installation's enrollment without a socket: as one worker has it, behind every protocol.

    Args:
        installation: Whose.
        store: A database connection of the worker's own, where it is not the installation's.
    """

    def __init__(self, installation: Installation, store: Store | None = None) -> None:
        self.installation = installation
        self.store = store or installation.store
        self.refusals = RefusalCounter()
        keystore, clock = installation.keystore, installation.clock
        self.registers = Registers(self.store)
        self.path = installation.path if store is None else IssuingPath(store, keystore.signer, clock)
        self.authenticator = Authenticator(self.store, keystore.mac, clock)
        self.enrollment = Enrollment(
            self.store, self.registers, self.authenticator, self.path, self.refusals, clock
        )

    async def enroll(
        self,
        label: str,
        subject: Name = EMPTY_NAME,
        *,
        by: Holder | PresentedChain | BasicCredentials | None = None,
        signer: SoftwareSigner | None = None,
        operation: Operation = Operation.ENROLL,
    ) -> Holder:
        """Ask for a certificate and return who holds it then.

        Args:
            label: The channel's.
            subject: As the request names it.
            by: Who asks, and how it proves that.
            signer: Holds the key to be certified; a new one, if none is given.
            operation: What is asked for.

        Raises:
            Unavailable: The request waits for approval.
        """
        signer = signer or software_signer()
        attempt = Attempt(
            label=label,
            operation=operation,
            presented=by.presented
            if isinstance(by, Holder)
            else by
            if isinstance(by, PresentedChain)
            else None,
            basic=by if isinstance(by, BasicCredentials) else None,
            request=await encode_certification_request(subject, signer),
            source=SOURCE,
        )
        outcome = await self.enrollment.enroll(attempt, parse_certification_request)
        if isinstance(outcome, Pending):
            raise Unavailable(outcome.sentence, retry_after=outcome.retry_after)
        return Holder(signer, outcome)

    async def station(self, name: str, *labels: str) -> Holder:
        """Register a station for channels and let it get its certificate."""
        new = await add_station(self.installation, name, labels)
        return await self.enroll(new.enrolls_at, by=BasicCredentials(name, new.secret))


async def next_generation(installation: Installation, *names: str) -> Generation:
    """Start the next generation of authorities, one after the other; return the last one's."""
    for name in names:
        started = await start_next_generation(installation, await plan_next_generation(installation, name))
    return started


async def ledger_entries(store: Store, action: str | None = None) -> list[dict[str, Any]]:
    """Return the bodies of all ledger entries (of one kind), oldest first."""
    rows = await store.read(lambda tx: tx.execute(_BODIES))
    bodies: list[dict[str, Any]] = [json.loads(body) for (body,) in rows]
    return [body for body in bodies if action in (None, body["action"])]


def sql(words: str) -> Statement:
    """Return a statement in plain SQL, for what no room does."""
    return Statement(text(words))


def refuse_inserts(tx: Transaction, tables: Sequence[str]) -> list[None]:
    """Let the database refuse what is new in a table, or in ``table:action`` some of it (a write function)."""
    for one in tables:
        table, _, action = one.partition(":")
        if isinstance(tx, SQLiteTransaction):
            which = f"WHEN NEW.action = '{action}'" if action else ""
            abort = "BEGIN SELECT RAISE(ABORT, 'not now'); END"
            tx.execute(sql(f"CREATE TRIGGER refuse BEFORE INSERT ON {table} {which} {abort}"))
        else:
            allowed = f"action != '{action}'" if action else "false"
            tx.execute(sql(f"ALTER TABLE {table} ADD CONSTRAINT refuse CHECK ({allowed}) NOT VALID"))
    return [None] * len(tables)


def allow_inserts(tx: Transaction, tables: Sequence[str]) -> list[None]:
    """Let rows be new again (a write function)."""
    for one in tables:
        is_file = isinstance(tx, SQLiteTransaction)
        tx.execute(sql("DROP TRIGGER refuse" if is_file else f"ALTER TABLE {one} DROP CONSTRAINT refuse"))
    return [None] * len(tables)


def explained(statement: Statement) -> Statement:
    """Return what says how SQLite executes a statement, a row for each step."""
    plan = Statement(text("SELECT 1"))
    plan.__dict__["sqlite"] = replace(statement.sqlite, text=f"EXPLAIN QUERY PLAN {statement.sqlite.text}")
    return plan


class Databases:
    """Where throwaway databases are: in files. A run of the tests may put them elsewhere."""

    def empty(self, folder: Path) -> Location:
        """Return a database with the present schema, always the same one for a folder."""
        file = folder / "throwaway.db"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_bytes(_empty_database())
        return SQLiteFile(file)

    def setting(self, _home: Path) -> Database:
        """Return what an installation in a folder has in its settings."""
        return Database()

    def copy(self, template: Path, home: Path) -> None:
        """Copy an installation that is not open, with its database."""
        shutil.copytree(template, home)

    def keep(self) -> None:
        """Keep what was made so far, as a template for others."""

    def forget(self) -> None:
        """Remove what was made since."""


@cache
def _empty_database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        migrate(SQLiteFile(file))
        return file.read_bytes()


class _Chosen:
    """Where the throwaway databases of this process are."""

    databases = Databases()


_chosen: Final = _Chosen()


def throwaway_databases() -> Databases:
    """Return where this process has its throwaway databases."""
    return _chosen.databases


def use_databases(databases: Databases) -> None:
    """Put the throwaway databases of this process somewhere else."""
    _chosen.databases = databases


@asynccontextmanager
async def throwaway_store(folder: Path, clock: Clock | None = None) -> AsyncIterator[Store]:
    """Open a new, empty database with the present schema that belongs to ``folder``."""
    store = open_store(throwaway_databases().empty(folder), clock or FixedClock())
    try:
        yield store
    finally:
        await store.close()


def small_installation(home: Path, kind: str) -> NewInstallation:
    """Return what to create a loopback installation from.

    Args:
        home: Its folder; does not exist yet.
        kind: ``supplier`` or ``operator``.
    """
    return NewInstallation(
        home=home,
        node=kind,
        factory=preset(kind, f"Example {kind.capitalize()}", f"http://pki.{kind}.example"),
        names=("localhost", "127.0.0.1"),
        listen=ANY_PORT,
        database=throwaway_databases().setting(home),
    )


@asynccontextmanager
async def throwaway_installation(
    home: Path, kind: str = "supplier", clock: Clock | None = None
) -> AsyncIterator[Installation]:
    """Create an installation in ``home`` and open it."""
    await create_installation(small_installation(home, kind), clock)
    async with open_installation(home, clock) as installation:
        yield installation


async def move(installation: Installation, serial_number: str, verb: str) -> list[Move]:
    """Take a step of a device's life, such as ``ship``."""
    device = await find_device(installation, serial_number)
    moves = await plan_step(installation, [device], STEPS[verb])
    return await take_step(installation, moves)
