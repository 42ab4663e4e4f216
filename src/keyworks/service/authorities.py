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
from keyworks.authority.order import Order, Replacement
from keyworks.authority.profile import PROFILES, Issuer, Profile, Wanted
from keyworks.authority.register import Register
from keyworks.errors import OperatorError, RejectedName
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
    subject = _subject(new)
    profile = _ca_profile(new.profile)
    parent = _parent(register, new, profile)
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
    await _certify(installation, subject, authority, key, parent)
    register, _ = await installation.registers.current()
    return register.current_generation(authority.id)


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


def _subject(new: NewAuthority) -> Name:
    common_name = f"{new.organization} {new.name} G1"
    try:
        return Name.of((oids.ORGANIZATION_NAME, new.organization), (oids.COMMON_NAME, common_name))
    except RejectedName as error:
        raise OperatorError(f"Authority {new.name!r} cannot be named so: {error.detail}") from error


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


async def _certify(
    installation: Installation,
    subject: Name,
    authority: Authority,
    key: SealedKey,
    parent: Generation | None,
) -> None:
    generation_id, number = new_id(), 1
    issuer = parent.issuer if parent else _own_issuer(generation_id, key, subject, authority, number)
    at = installation.clock.now()
    if parent:
        parent.check_issues(at)
    issues_for = authority.profile.issues_for
    issues_until = at + int(issues_for.total_seconds()) if issues_for else issuer.not_after
    row = {
        "id": generation_id,
        "authority_id": authority.id,
        "number": number,
        "key_id": key.id,
        "parent_id": parent.issuer.generation_id if parent else None,
        "issues_until": min(issues_until, issuer.not_after),
    }
    order = Order(
        issuer=issuer,
        profile=authority.profile,
        wanted=Wanted(subject),
        public_key=key.public_key,
        owner=f"authority:{authority.name}",
        replacement=Replacement.KEEP,
        requester=installation.operator,
        companion=_recording(authority, row, at),
    )
    await installation.path.issue(order)


def _own_issuer(generation_id: str, key: SealedKey, subject: Name, authority: Authority, number: int) -> Issuer:
    """Return the issuing side of a root, which signs its own certificate."""
    return Issuer(
        generation_id=generation_id,
        key_id=key.id,
        name=subject,
        key_identifier=key.public_key.key_identifier,
        signature=key.public_key.signature_algorithm,
        not_after=NO_EXPIRY,
        certificate=None,
        publication_url=authority.publication_url,
        file_name=file_name(authority.name, number),
        chain=(),
    )


def _recording(authority: Authority, row: dict[str, object], at: int) -> Callable[[Transaction, str], None]:
    """Return what writes the authority and its generation together with the certificate."""

    def write(tx: Transaction, certificate_id: str) -> None:
        created = tx.execute(
            records.INSERT_AUTHORITY,
            {
                "id": authority.id,
                "name": authority.name,
                "profile": authority.profile.name,
                "parent_id": authority.parent_id,
                "publication_url": authority.publication_url,
                "created_at": at,
            },
        )
        if not created:
            raise OperatorError(f"There is an authority '{authority.name}' already; choose another name.")
        [(der,)] = tx.execute(records.SELECT_DER, {"id": certificate_id})
        tx.execute(records.INSERT_GENERATION, {**row, "certificate_id": certificate_id, "der": der})
        advance_trust(tx)

    return write


async def list_generations(installation: Installation) -> list[Generation]:
    """Return every generation of every authority, in the order of creation."""
    register, _ = await installation.registers.current()
    return sorted(register.generations.values(), key=lambda known: known.issuer.generation_id)


async def find_generation(installation: Installation, name: str) -> Generation:
    """Return the newest generation of the authority called ``name``.

    Raises:
        OperatorError: There is none.
    """
    register, _ = await installation.registers.current()
    return register.current_generation(register.authority(name).id)


def root_of(generation: Generation) -> Certificate:
    """Return the root certificate above a generation (its own, if it is a root's)."""
    return Certificate.parse(generation.issuer.chain[-1])
