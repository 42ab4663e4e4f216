"""``keyworks authority``."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from keyworks.cli.command import Group, Session, confirmed
from keyworks.cli.files import write_out
from keyworks.cli.table import print_list, print_one, report

if TYPE_CHECKING:
    from keyworks.authority.generation import Generation
    from keyworks.service.authorities import Succession
    from keyworks.service.installation import Installation

_COLUMNS: Final = {
    "NAME": "name",
    "GEN": "generation",
    "ISSUES": "issues",
    "PROFILE": "profile",
    "PARENT": "parent",
    "ISSUES UNTIL": "issues_until",
    "ENDS": "not_after",
    "SUBJECT": "subject",
}
_GENERATION_COLUMNS: Final = {
    "GEN": "generation",
    "ISSUES": "issues",
    "ISSUES UNTIL": "issues_until",
    "ENDS": "not_after",
    "FINGERPRINT": "fingerprint",
}


@click.group(
    "authority", cls=Group, examples=("keyworks authority list", "keyworks authority show issuing --json")
)
def authority() -> None:
    """Certification authorities: create, renew their keys, list, show, export."""


@authority.command(
    "create",
    examples=(
        "keyworks authority create plant-2 --profile issuing --parent root",
        "keyworks authority create root-2030 --profile root --key-type P-384",
    ),
)
@click.argument("name")
@click.option(
    "--profile",
    required=True,
    metavar="NAME",
    help="What its certificate looks like: root, issuing, idevid-root, idevid-issuing, or one of your own.",
)
@click.option("--parent", metavar="NAME", help="The authority that certifies it; none for a root.")
@click.option("--organization", help="The O of its subject.  [default: the factory's]")
@click.option(
    "--publication-url", metavar="URL", help="Written into what it issues, for ever.  [default: the factory's]"
)
@click.option("--key-type", default="P-256", show_default=True, help="Such as P-384, rsa-4096 or ML-DSA-65.")
@click.pass_obj
def create(session: Session, /, name: str, profile: str, **given: str | None) -> None:
    """Create an authority; it issues from now on.

    A root certifies itself; issuing authorities are certified by their --parent.
    """
    from keyworks.service.authority_policy import NewAuthority, create_authority

    new = NewAuthority(
        name=name,
        profile=profile,
        parent=given["parent"],
        organization=given["organization"],
        publication_url=given["publication_url"],
        key_type=given["key_type"] or "",
    )

    async def work(installation: "Installation") -> dict[str, Any]:
        created = await create_authority(installation, new)
        return (await _known(installation)).document(created)

    document = session.run(work)
    report(session, document, f"Created authority {name}: {document['subject']}.")


@authority.command(
    "next",
    examples=(
        "keyworks authority next issuing",
        "keyworks authority next root --key-type P-384",
        "keyworks authority next root --yes --json",
    ),
)
@click.argument("name")
@click.option("--key-type", help="Such as P-384, rsa-4096 or ML-DSA-65.  [default: as the policy says]")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def next_(session: Session, name: str, *, key_type: str | None, yes: bool) -> None:
    """Start an authority's next generation: a new key, which issues from now on.

    The former generation issues nothing more, and nothing else changes for it: what it issued stays valid, and
    `cacerts` of a channel has both. An issuing authority's next generation is certified by its parent's current
    one; a root's is a new root. Whoever has to trust a new root needs its certificate, so this asks first.
    """
    from keyworks.service.authorities import plan_next_generation, root_of, start_next_generation
    from keyworks.service.authority_policy import set_key_type

    planned = session.run(lambda installation: plan_next_generation(installation, name))
    if planned.brings_a_root and not yes:
        click.echo("\n".join(_before_a_root(planned)), err=True)
        confirmed(f"Start generation {planned.number} of {name}?", "No generation was started.")

    async def work(installation: "Installation") -> dict[str, Any]:
        if key_type is not None:
            await set_key_type(installation, name, key_type)
        started = await start_next_generation(installation, planned)
        known = await _known(installation)
        return {**known.document(started), "root": f"sha256:{root_of(started).fingerprint.hex()}"}

    document = session.run(work)
    report(session, document, *_after_start(session, planned, document))


def _before_a_root(planned: "Succession") -> tuple[str, ...]:
    """Return what an operator has to know before what is issued stands below a root that nobody trusts yet."""
    name = planned.former.authority.name
    new = f"Generation {planned.number} of {name}"
    what = (
        f"{new} is a new root; the present one, of generation {planned.former.number}, stays as it is."
        if planned.parent is None
        else f"{new} stands below generation {planned.parent.number} of {planned.parent.authority.name}, "
        f"generation {planned.former.number} stands below an older root."
    )
    return (
        what,
        "Everybody who trusts the older root has to get the new one too: devices, stations, customers.",
        "Until then they do not accept what is issued below the new one. Certificates that lead from one root",
        "to the other (RFC 7030 §4.1.3, RFC 9810 §4.4) are not made yet.",
    )


def _after_start(session: Session, planned: "Succession", document: dict[str, Any]) -> tuple[str, ...]:
    name, former = planned.former.authority.name, planned.former.number
    lines = [
        f"Started generation {planned.number} of {name}: {document['subject']}.",
        f"It issues from now on; what generation {former} issued stays valid.",
    ]
    if planned.brings_a_root:
        parent = planned.parent
        above, number = (parent.authority.name, parent.number) if parent else (name, planned.number)
        lines += [
            "It is a new root, with fingerprint"
            if above == name
            else f"Its root is now generation {number} of {above}, with fingerprint",
            f"  {document['root']}",
            "Hand it out to everybody who trusts the older one:",
            f"  {session.typed} authority export {above} --output {above}-{number}.pem",
        ]
    if planned.parent is None:
        lines.append(
            f"Authorities below {name} stay below generation {former} until their own next one starts."
        )
    return tuple(lines)


@authority.command("list", examples=("keyworks authority list", "keyworks authority list --json"))
@click.pass_obj
def list_(session: Session) -> None:
    """List every generation of every authority: whether it issues, until when it may, and when it ends."""
    known = session.run(_known)
    print_list(session, _COLUMNS, [known.document(one) for one in known.generations])


@authority.command("show", examples=("keyworks authority show idevid-root",))
@click.argument("name")
@click.pass_obj
def show(session: Session, name: str) -> None:
    """Show an authority: its current generation, which issues, and in short all of them if there are several.

    The fingerprint is what others compare before they trust it, and what `keyworks enroll --trust` takes.
    """
    from keyworks.service.authorities import find_generation

    async def work(installation: "Installation") -> tuple[dict[str, Any], list[dict[str, Any]]]:
        known, current = await _known(installation), await find_generation(installation, name)
        listed = [known.document(one) for one in known.generations if one.authority.id == current.authority.id]
        return known.document(current), [
            {column: one[column] for column in _GENERATION_COLUMNS.values()} for one in listed
        ]

    current, listed = session.run(work)
    if session.json:
        print_one(session, {**current, "generations": listed})
        return
    print_one(session, current)
    if len(listed) > 1:
        click.echo()
        print_list(session, _GENERATION_COLUMNS, listed)


@authority.command(
    "export",
    json=False,
    examples=(
        "keyworks authority export idevid-root --output supplier-root.pem",
        "keyworks authority export issuing --chain",
        "keyworks authority export root --generation 1 --output former-root.pem",
    ),
)
@click.argument("name")
@click.option(
    "--generation",
    "number",
    type=click.IntRange(min=1),
    metavar="N",
    help="Another generation's.  [default: the current one's]",
)
@click.option("--chain", is_flag=True, help="With the authorities above it, up to the root.")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Instead of standard output.")
@click.pass_obj
def export(session: Session, name: str, *, number: int | None, chain: bool, output: Path | None) -> None:
    """Export an authority's certificate as PEM: that of its current generation, which issues.

    A root's certificate is what others add as their trust anchor. As long as certificates below an older
    generation are in use, they need that one too.
    """
    from keyworks.service.authorities import find_generation
    from keyworks.x509.certificate import pem_of

    generation = session.run(lambda installation: find_generation(installation, name, number))
    ders = generation.issuer.chain if chain else generation.issuer.chain[:1]
    write_out("".join(pem_of(der) for der in ders), output)


@dataclass(frozen=True, slots=True)
class _Known:
    """All generations at one moment.

    Args:
        generations: Authority by authority, oldest first.
        at: When.
    """

    generations: "tuple[Generation, ...]"
    at: int

    def issues(self, one: "Generation") -> bool:
        """Return whether a generation issues: of each authority in force and enabled only the newest does."""
        newest = max(other.number for other in self.generations if other.authority.id == one.authority.id)
        return one.authority.enabled and one.number == newest and one.is_in_use(self.at)

    def document(self, one: "Generation") -> dict[str, Any]:
        """Return what there is to say of a generation."""
        from keyworks.x509.certificate import time_text

        known, own = one.authority, one.certificate
        names = {other.authority.id: other.authority.name for other in self.generations}
        return {
            "name": known.name,
            "generation": one.number,
            "issues": self.issues(one),
            "profile": known.profile.name,
            "parent": names.get(known.parent_id or ""),
            "subject": own.subject.text,
            "key_type": own.public_key.key_type,
            "serial_number": f"{own.serial_number:x}",
            "not_before": time_text(own.not_before),
            "not_after": time_text(own.not_after),
            "issues_until": time_text(one.issues_until),
            "publication_url": known.publication_url,
            "fingerprint": f"sha256:{own.fingerprint.hex()}",
        }


async def _known(installation: "Installation") -> _Known:
    from keyworks.service.authorities import list_generations

    return _Known(tuple(await list_generations(installation)), installation.clock.now())
