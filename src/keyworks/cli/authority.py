"""``keyworks authority``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from keyworks.cli.command import Group, Session
from keyworks.cli.files import write_out
from keyworks.cli.table import print_list, print_one, report

if TYPE_CHECKING:
    from keyworks.authority.generation import Generation
    from keyworks.service.installation import Installation

PROFILES: Final = ("root", "issuing", "idevid-root", "idevid-issuing")
_COLUMNS: Final = {
    "NAME": "name",
    "GEN": "generation",
    "PROFILE": "profile",
    "PARENT": "parent",
    "ISSUES UNTIL": "issues_until",
    "SUBJECT": "subject",
}


@click.group(
    "authority", cls=Group, examples=("keyworks authority list", "keyworks authority show issuing --json")
)
def authority() -> None:
    """Certification authorities: create, list, show, export."""


@authority.command(
    "create",
    examples=(
        "keyworks authority create plant-2 --profile issuing --parent root",
        "keyworks authority create root-2030 --profile root --key-type P-384",
    ),
)
@click.argument("name")
@click.option("--profile", required=True, type=click.Choice(PROFILES), help="What its certificate looks like.")
@click.option("--parent", metavar="NAME", help="The authority that certifies it; none for a root.")
@click.option("--organization", help="The O of its subject.  [default: as in keyworks.toml]")
@click.option(
    "--publication-url", metavar="URL", help="Written into what it issues, for ever.  [default: as root]"
)
@click.option("--key-type", default="P-256", show_default=True, help="Such as P-384, rsa-4096 or ML-DSA-65.")
@click.pass_obj
def create(session: Session, /, name: str, profile: str, **given: str | None) -> None:
    """Create an authority; it issues from now on.

    A root certifies itself; issuing authorities are certified by their --parent. The publication address is
    that of the parent (of the first root, for a root), unless another one is named.
    """
    from keyworks.service.authorities import NewAuthority, create_authority, list_generations

    async def work(installation: "Installation") -> "Generation":
        known = {one.authority.name: one.authority for one in await list_generations(installation)}
        above = known.get(given["parent"] or "") or next(iter(known.values()))
        new = NewAuthority(
            name=name,
            profile=profile,
            organization=given["organization"] or installation.settings.node.organization,
            publication_url=given["publication_url"] or above.publication_url,
            parent=given["parent"],
            key_type=given["key_type"] or "",
        )
        return await create_authority(installation, new)

    document = _document(session.run(work), {})
    report(session, document, f"Created authority {name}: {document['subject']}.")


@authority.command("list", examples=("keyworks authority list", "keyworks authority list --json"))
@click.pass_obj
def list_(session: Session) -> None:
    """List every generation of every authority."""
    from keyworks.service.authorities import list_generations

    generations = session.run(list_generations)
    names = {one.authority.id: one.authority.name for one in generations}
    print_list(session, _COLUMNS, [_document(one, names) for one in generations])


@authority.command("show", examples=("keyworks authority show idevid-root",))
@click.argument("name")
@click.pass_obj
def show(session: Session, name: str) -> None:
    """Show an authority's newest generation.

    The fingerprint is what others compare before they trust it, and what `keyworks enroll --trust` takes.
    """
    from keyworks.service.authorities import find_generation, list_generations

    async def work(installation: "Installation") -> dict[str, Any]:
        names = {one.authority.id: one.authority.name for one in await list_generations(installation)}
        return _document(await find_generation(installation, name), names)

    print_one(session, session.run(work))


@authority.command(
    "export",
    json=False,
    examples=(
        "keyworks authority export idevid-root --output supplier-root.pem",
        "keyworks authority export issuing --chain",
    ),
)
@click.argument("name")
@click.option("--chain", is_flag=True, help="With the authorities above it, up to the root.")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Instead of standard output.")
@click.pass_obj
def export(session: Session, name: str, *, chain: bool, output: Path | None) -> None:
    """Export an authority's certificate as PEM.

    A root's certificate is what others add as their trust anchor.
    """
    from keyworks.service.authorities import find_generation
    from keyworks.x509.certificate import pem_of

    generation = session.run(lambda installation: find_generation(installation, name))
    ders = generation.issuer.chain if chain else generation.issuer.chain[:1]
    write_out("".join(pem_of(der) for der in ders), output)


def _document(generation: "Generation", names: dict[str, str]) -> dict[str, Any]:
    from keyworks.x509.certificate import time_text

    known, own = generation.authority, generation.certificate
    return {
        "name": known.name,
        "generation": generation.number,
        "profile": known.profile.name,
        "parent": names.get(known.parent_id or ""),
        "subject": own.subject.text,
        "key_type": own.public_key.key_type,
        "serial_number": f"{own.serial_number:x}",
        "not_before": time_text(own.not_before),
        "not_after": time_text(own.not_after),
        "issues_until": time_text(generation.issues_until),
        "publication_url": known.publication_url,
        "fingerprint": f"sha256:{own.fingerprint.hex()}",
    }
