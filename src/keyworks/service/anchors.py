"""Trust anchors: whose certificates count here, and for what. Each change is an amendment of the policy."""

from keyworks.access.anchor import Anchor
from keyworks.access.principal import Kind
from keyworks.access.records import list_anchors
from keyworks.errors import OperatorError
from keyworks.service.installation import Installation
from keyworks.service.policy.apply import amend
from keyworks.service.policy.document import with_section, without_section
from keyworks.settings.factory import AnchorSection, FactoryDocument


async def add_anchor(
    installation: Installation, name: str, pem: bytes, vouches_for: Kind, manufacturer: str | None
) -> Anchor:
    """Trust a CA certificate for one kind of principal.

    Args:
        installation: Where.
        name: As operators call it.
        pem: The CA's certificate, alone in its file.
        vouches_for: The kind of principal.
        manufacturer: Whose devices; needed, and only allowed, for devices.

    Raises:
        OperatorError: The file is no CA certificate, the name is taken or cannot be one, the manufacturer is
            missing, or another anchor says that the CA's devices are another one's.
    """
    section = AnchorSection(
        vouches_for=vouches_for.value, manufacturer=manufacturer, certificate=pem.decode("utf-8", "replace")
    )

    def change(document: FactoryDocument) -> FactoryDocument:
        if name in document.anchor:
            raise OperatorError(f"There is a trust anchor '{name}' already; remove it first.")
        return with_section(document, "anchor", name, section)

    await amend(installation, f"anchor add {name}", change)
    return next(one for one in await all_anchors(installation) if one.name == name)


async def drop_anchor(installation: Installation, name: str) -> None:
    """Stop trusting an anchor; open connections lose it with their next request.

    Raises:
        OperatorError: There is none of this name.
    """

    def change(document: FactoryDocument) -> FactoryDocument:
        if name not in document.anchor:
            raise OperatorError(f"There is no trust anchor '{name}'; see `keyworks anchor list`.")
        return without_section(document, "anchor", name)

    await amend(installation, f"anchor remove {name}", change)


async def all_anchors(installation: Installation) -> list[Anchor]:
    """Return all trust anchors by name."""
    return await installation.store.read(list_anchors)
