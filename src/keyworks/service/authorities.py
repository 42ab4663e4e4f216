"""Authorities and their generations: a key is made, its certificate issued, both recorded."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from keyworks import oids
from keyworks.access.records import advance_trust
from keyworks.authority import records
from keyworks.authority.channel import check_label
from keyworks.authority.generation import Authority, Generation, file_name
from keyworks.authority.naming import organization_of
from keyworks.authority.order import Order, Replacement
from keyworks.authority.profile import PROFILES, Issuer, Profile, Wanted
from keyworks.authority.register import Register
from keyworks.errors import OperatorError, RejectedName, Unavailable
from keyworks.keys.purpose import Purpose
from keyworks.keys.records import SealedKey
from keyworks.service.installation import Installation
from keyworks.service.keymaking import make_key
from keyworks.store.engine import Transaction
from keyworks.store.ids import new_id
from keyworks.x509.certificate import Certificate
from keyworks.x509.name import Name
from keyworks.x509.tbs import NO_EXPIRY

_HOST: Final = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_PUBLICATION_URL: Final = re.compile(
    rf"http://(?:{_HOST}|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?(?:/[A-Za-z0-9._~-]+)*/?"
)
_MAX_URL: Final = 200
CA_PROFILES: Final = tuple(name for name, profile in PROFILES.items() if profile.ca)


@dataclass(frozen=True, slots=True)
class NewAuthority:
    """An authority as an operator asks for it.

    Args:
        name: Unique; a word as it stands in publication addresses.
        profile: root, issuing, idevid-root or idevid-issuing.
        organization: The O of its subject.
        publication_url: Where its CRLs and its certificate are published, for ever.
        parent: Name of the authority that certifies it; ``None`` for a root.
        key_type: Such as ``P-384``.
    """

    name: str
    profile: str
    organization: str
    publication_url: str
    parent: str | None = None
    key_type: str = "P-256"


async def create_authority(installation: Installation, new: NewAuthority) -> Generation:
    """Create an authority with its first generation; it issues from now on.

    Raises:
        OperatorError: The name is taken or cannot be, the profile is not a CA's, or the parent does not fit.
    """
    register, _ = await installation.registers.current()
    subject = _subject(new.organization, new.name, number=1)
    profile = _ca_profile(new.profile)
    parent = _parent(register, new, profile)
    _check_certifies(parent, installation.clock.now())
    if new.name in register.authorities:
        raise OperatorError(f"There is an authority '{new.name}' already; choose another name.")
    authority = Authority(
        id=new_id(),
        name=check_label(new.name),
        profile=profile,
        parent_id=parent.authority.id if parent else None,
        publication_url=check_publication_url(new.publication_url),
    )
    key = await make_key(installation, Purpose.CA, new.key_type, f"authority:{new.name}")
    return await _certify(installation, _Start(authority, 1, subject, key), parent)


@dataclass(frozen=True, slots=True)
class Succession:
    """What starting an authority's next generation would do.

    Args:
        former: The generation that issues until then.
        parent: The generation that certifies the next one; ``None`` for a root.
    """

    former: Generation
    parent: Generation | None

    @property
    def number(self) -> int:
        """Return the next generation's number."""
        return self.former.number + 1

    @property
    def brings_a_root(self) -> bool:
        """Return whether the next generation stands below a root that the former one does not stand below."""
        return self.parent is None or root_of(self.parent) != root_of(self.former)

    @property
    def _key(self) -> tuple[str, str]:
        return self.former.issuer.generation_id, self.parent.issuer.generation_id if self.parent else ""

    def is_still(self, other: "Succession") -> bool:
        """Return whether both do the same."""
        return self._key == other._key


async def plan_next_generation(installation: Installation, name: str) -> Succession:
    """Return what starting the next generation of the authority called ``name`` would do.

    Raises:
        OperatorError: There is no such authority, or its parent has ceased to issue.
    """
    register, _ = await installation.registers.current()
    authority = register.authority(name)
    parent = register.current_generation(authority.parent_id) if authority.parent_id else None
    _check_certifies(parent, installation.clock.now())
    return Succession(register.current_generation(authority.id), parent)


async def start_next_generation(
    installation: Installation, planned: Succession, key_type: str | None = None
) -> Generation:
    """Start an authority's next generation: a new key, which issues from now on in the former one's place.

    What the former one issued stays valid, and so does its own certificate.

    Args:
        installation: Where.
        planned: What the operator has seen and wants.
        key_type: Such as ``P-384``; ``None`` for the former generation's.

    Raises:
        OperatorError: Somebody else has started one since it was planned, or there is no such key type.
    """
    former, authority = planned.former, planned.former.authority
    if not planned.is_still(await plan_next_generation(installation, authority.name)):
        raise _overtaken(authority, planned.number)
    subject = _subject(organization_of(former.issuer.name), authority.name, planned.number)
    key_type = key_type or former.certificate.public_key.key_type
    key = await make_key(installation, Purpose.CA, key_type, f"authority:{authority.name}")
    return await _certify(installation, _Start(authority, planned.number, subject, key), planned.parent)


def _overtaken(authority: Authority, number: int) -> OperatorError:
    return OperatorError(
        f"Generation {number} of '{authority.name}' was not started: somebody else has started a generation "
        f"meanwhile. Look with `keyworks authority show {authority.name}` first."
    )


def check_publication_url(url: str) -> str:
    """Return a publication address without a trailing slash.

    Raises:
        OperatorError: It is none; it is burnt into certificates, so it has to be right from the start.
    """
    if url.lower().startswith("https:"):
        raise OperatorError(
            f"{url!r} cannot be a publication address, because it is https: whoever has to check that server's "
            "certificate would need what is published there first. Use http; what is published is signed."
        )
    if not _PUBLICATION_URL.fullmatch(url) or len(url) > _MAX_URL:
        raise OperatorError(
            f"{url!r} cannot be a publication address: it has to look like http://pki.example.com, "
            "reachable for as long as the certificates live."
        )
    return url.rstrip("/")


def _subject(organization: str, name: str, number: int) -> Name:
    common_name = f"{organization} {name} G{number}"
    try:
        return Name.of((oids.ORGANIZATION_NAME, organization), (oids.COMMON_NAME, common_name))
    except RejectedName as error:
        raise OperatorError(f"Authority {name!r} cannot be named so: {error.detail}") from error


def _ca_profile(name: str) -> Profile:
    if name not in CA_PROFILES:
        raise OperatorError(f"'{name}' is no profile of an authority; choose one of {', '.join(CA_PROFILES)}.")
    return PROFILES[name]


def _parent(register: Register, new: NewAuthority, profile: Profile) -> Generation | None:
    """Return the generation that certifies the new authority, or ``None`` for a root."""
    is_root = new.profile in ("root", "idevid-root")
    if is_root != (new.parent is None):
        raise OperatorError(
            "A root certifies itself and has no parent." if is_root else f"{new.profile} needs a --parent."
        )
    if new.parent is None:
        return None
    parent = register.current_generation(register.authority(new.parent).id)
    if not parent.authority.profile.path_length:
        raise OperatorError(f"Authority {new.parent} certifies no further authorities (its pathLen is 0).")
    if profile.lifetime is None and parent.certificate.not_after != NO_EXPIRY:
        raise OperatorError(f"{new.profile} never expires, so its parent must be an idevid-root.")
    return parent


def _check_certifies(parent: Generation | None, at: int) -> None:
    """Refuse a parent that has ceased to issue, before a key is made."""
    try:
        if parent is not None:
            parent.check_issues(at)
    except Unavailable as error:  # it will not help to come back later
        raise OperatorError(error.detail) from error


@dataclass(frozen=True, slots=True)
class _Start:
    """A generation that starts.

    Args:
        authority: Whose.
        number: From 1; the first one comes with the authority.
        subject: Its name.
        key: Its key.
    """

    authority: Authority
    number: int
    subject: Name
    key: SealedKey


async def _certify(installation: Installation, start: _Start, parent: Generation | None) -> Generation:
    generation_id, authority = new_id(), start.authority
    issuer = parent.issuer if parent else _own_issuer(generation_id, start)
    at = installation.clock.now()
    issues_for = authority.profile.issues_for
    issues_until = at + int(issues_for.total_seconds()) if issues_for else issuer.not_after
    row = {
        "id": generation_id,
        "authority_id": authority.id,
        "number": start.number,
        "key_id": start.key.id,
        "parent_id": parent.issuer.generation_id if parent else None,
        "issues_until": min(issues_until, issuer.not_after),
    }
    order = Order(
        issuer=issuer,
        profile=authority.profile,
        wanted=Wanted(start.subject),
        public_key=start.key.public_key,
        owner=f"authority:{authority.name}",
        replacement=Replacement.KEEP,
        requester=installation.operator,
        companion=_recording(start, row, at),
    )
    await installation.path.issue(order)
    register, _ = await installation.registers.current()
    return register.generations[generation_id]


def _own_issuer(generation_id: str, start: _Start) -> Issuer:
    """Return the issuing side of a root, which signs its own certificate."""
    key = start.key
    return Issuer(
        generation_id=generation_id,
        key_id=key.id,
        name=start.subject,
        key_identifier=key.public_key.key_identifier,
        signature=key.public_key.signature_algorithm,
        not_after=NO_EXPIRY,
        certificate=None,
        publication_url=start.authority.publication_url,
        file_name=file_name(start.authority.name, start.number),
        chain=(),
    )


def _recording(start: _Start, row: dict[str, object], at: int) -> Callable[[Transaction, str], None]:
    """Return what writes the generation, and with a first one its authority, together with the certificate."""

    def write(tx: Transaction, certificate_id: str) -> None:
        if start.number == 1:
            _insert_authority(tx, start.authority, at)
        [(der,)] = tx.execute(records.SELECT_DER, {"id": certificate_id})
        if not tx.execute(records.INSERT_GENERATION, {**row, "certificate_id": certificate_id, "der": der}):
            raise _overtaken(start.authority, start.number)
        advance_trust(tx)

    return write


def _insert_authority(tx: Transaction, authority: Authority, at: int) -> None:
    row = {
        "id": authority.id,
        "name": authority.name,
        "profile": authority.profile.name,
        "parent_id": authority.parent_id,
        "publication_url": authority.publication_url,
        "created_at": at,
    }
    if not tx.execute(records.INSERT_AUTHORITY, row):
        raise OperatorError(f"There is an authority '{authority.name}' already; choose another name.")


async def list_generations(installation: Installation) -> list[Generation]:
    """Return the authorities in the order of creation, each with its generations, oldest first."""
    register, _ = await installation.registers.current()
    return sorted(register.generations.values(), key=lambda known: (known.authority.id, known.number))


async def find_generation(installation: Installation, name: str, number: int | None = None) -> Generation:
    """Return a generation of the authority called ``name``.

    Args:
        installation: Where.
        name: The authority's.
        number: Which generation; ``None`` for the current one, which is the newest.

    Raises:
        OperatorError: There is none.
    """
    register, _ = await installation.registers.current()
    authority = register.authority(name)
    if number is None:
        return register.current_generation(authority.id)
    for known in register.generations.values():
        if (known.authority.id, known.number) == (authority.id, number):
            return known
    raise OperatorError(f"Authority '{name}' has no generation {number}; see `keyworks authority show {name}`.")


def root_of(generation: Generation) -> Certificate:
    """Return the root certificate above a generation (its own, if it is a root's)."""
    return Certificate.parse(generation.issuer.chain[-1])
