"""What commands change of authorities: each is an amendment of the policy."""

from dataclasses import dataclass

import msgspec

from keyworks.authority.generation import Generation
from keyworks.errors import OperatorError
from keyworks.service.installation import Installation
from keyworks.service.policy.apply import amend
from keyworks.service.policy.document import with_section
from keyworks.settings.factory import AuthoritySection, FactoryDocument


@dataclass(frozen=True, slots=True)
class NewAuthority:
    """An authority as an operator asks for it.

    Args:
        name: Unique; a word as it stands in publication addresses.
        profile: root, issuing, idevid-root, idevid-issuing, or the factory's own that is based on one of these.
        parent: Name of the authority that certifies it; ``None`` for a root.
        organization: The O of its subject; the factory's, if none is said.
        publication_url: Where its CRLs and its certificate are published, for ever; or the factory's.
        key_type: Such as ``P-384``.
    """

    name: str
    profile: str
    parent: str | None = None
    organization: str | None = None
    publication_url: str | None = None
    key_type: str = "P-256"


async def create_authority(installation: Installation, new: NewAuthority) -> Generation:
    """Create an authority with its first generation; it issues from now on.

    Raises:
        OperatorError: The name is taken or cannot be, the profile is not a CA's, or the parent does not fit.
    """

    def change(document: FactoryDocument) -> FactoryDocument:
        if new.name in document.authority:
            raise OperatorError(f"There is an authority '{new.name}' already; choose another name.")
        section = AuthoritySection(
            profile=new.profile,
            parent=new.parent,
            organization=new.organization,
            publication_url=new.publication_url,
            key=new.key_type,
        )
        return with_section(document, "authority", new.name, section)

    await amend(installation, f"authority create {new.name}", change)
    register, _ = await installation.registers.current()
    return register.current_generation(register.authority(new.name).id)


async def set_key_type(installation: Installation, name: str, key_type: str) -> None:
    """Let an authority's next generation have a key of this type.

    Raises:
        OperatorError: There is no such authority, or it cannot have such a key.
    """

    def change(document: FactoryDocument) -> FactoryDocument:
        if name not in document.authority:
            raise OperatorError(f"There is no authority '{name}'; see `keyworks authority list`.")
        section = msgspec.structs.replace(document.authority[name], key=key_type)
        return with_section(document, "authority", name, section)

    await amend(installation, f"authority next {name} --key-type {key_type}", change)
