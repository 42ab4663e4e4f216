"""Authorities and their generations: a key is made, its certificate issued, both recorded."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from keyworks import oids
from keyworks.access.records import advance_trust
from keyworks.authority import records
from keyworks.authority.generation import Authority, Generation, file_name
from keyworks.authority.naming import organization_of
from keyworks.authority.order import Order, Replacement
from keyworks.authority.profile import Issuer, Profile, Wanted
from keyworks.errors import OperatorError, Overtaken, RejectedName, Unavailable
from keyworks.keys.purpose import Purpose
from keyworks.keys.records import SealedKey
from keyworks.service.installation import Installation
from keyworks.service.keymaking import key_to_certify
from keyworks.service.rollover import make_rollover
from keyworks.settings.factory import AuthoritySection
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


async def prepare_authority(
    installation: Installation, name: str, section: AuthoritySection, profile: Profile
) -> None:
    """Make an authority's first key and certify it; it comes into force with the policy that has it.

    One that was prepared already stays as it is.

    Args:
        installation: Where.
        name: As it is called.
        section: What it is, resolved and checked.
        profile: The one that the section names.
    """
    register, _ = await installation.registers.current()
    known = {one.authority.name: one for one in register.newest.values()}
    if name in known:
        return
    parent = known[section.parent] if section.parent is not None else None
    _check_certifies(parent, installation.clock.now())
    authority = Authority(
        id=new_id(),
        name=name,
        profile=profile,
        parent_id=parent.authority.id if parent else None,
        publication_url=section.publication_url or "",
        key_type=section.key,
        retired=True,
    )
    subject = authority_subject(section.organization or "", name, 1)
    async with key_to_certify(installation, Purpose.CA, section.key, f"authority:{name}") as key:
        await _certify(installation, _Start(authority, 1, subject, key), parent)


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


async def start_next_generation(installation: Installation, planned: Succession) -> Generation:
    """Start an authority's next generation: a new key, which issues from now on in the former one's place.

    What the former one issued stays valid, and so does its own certificate. A root's is certified by the former
    one, and the other way round.

    Args:
        installation: Where.
        planned: What the operator has seen and wants.

    Raises:
        OperatorError: Somebody else has started one since it was planned.
    """
    now = await plan_next_generation(installation, planned.former.authority.name)
    former, authority = now.former, now.former.authority
    if not planned.is_still(now):
        raise _overtaken(authority, planned.number)
    subject = authority_subject(organization_of(former.issuer.name), authority.name, planned.number)
    key_type = authority.key_type or former.certificate.public_key.key_type
    async with key_to_certify(installation, Purpose.CA, key_type, f"authority:{authority.name}") as key:
        started = await _certify(installation, _Start(authority, planned.number, subject, key), planned.parent)
    await make_rollover(installation, authority.parent_id or authority.id)
    return started


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


def authority_subject(organization: str, name: str, number: int) -> Name:
    """Return the subject of an authority's generation.

    Raises:
        OperatorError: It cannot be named so.
    """
    common_name = f"{organization} {name} G{number}"
    try:
        return Name.of((oids.ORGANIZATION_NAME, organization), (oids.COMMON_NAME, common_name))
    except RejectedName as error:
        raise OperatorError(f"Authority {name!r} cannot be named so: {error.detail}") from error


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
    periods = [one for one in (authority.profile.issues_for, authority.profile.lifetime) if one is not None]
    issues_until = at + int(min(periods).total_seconds()) if periods else issuer.not_after
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
        "key_type": authority.key_type,
        "enabled": 1,
        "retired_at": at,
    }
    if not tx.execute(records.INSERT_AUTHORITY, row):
        raise Overtaken(f"Somebody else has made authority '{authority.name}' meanwhile; plan again.")


async def list_generations(installation: Installation) -> list[Generation]:
    """Return the authorities in the order of creation, each with its generations, oldest first."""
    register, _ = await installation.registers.current()
    return sorted(register.generations.values(), key=lambda known: (known.authority.id, known.number))


async def find_generation(installation: Installation, name: str, number: int | None = None) -> Generation:
    """Return a generation of the authority called ``name``, which may be retired: what it issued may be valid.

    Args:
        installation: Where.
        name: The authority's.
        number: Which generation; ``None`` for the newest.

    Raises:
        OperatorError: There is none.
    """
    found = [one for one in await list_generations(installation) if one.authority.name == name]
    if not found:
        raise OperatorError(f"There is no authority '{name}'; see `keyworks authority list`.")
    for known in found:
        if known.number == (found[-1].number if number is None else number):
            return known
    raise OperatorError(f"Authority '{name}' has no generation {number}; see `keyworks authority show {name}`.")


def root_of(generation: Generation) -> Certificate:
    """Return the root certificate above a generation (its own, if it is a root's)."""
    return Certificate.parse(generation.issuer.chain[-1])
