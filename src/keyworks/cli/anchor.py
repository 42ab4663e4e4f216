"""``keyworks anchor``."""

from typing import TYPE_CHECKING, Any, Final

import click

from keyworks.cli.command import Group, Session
from keyworks.cli.files import read_file
from keyworks.cli.table import print_list, report

if TYPE_CHECKING:
    from keyworks.access.anchor import Anchor

KINDS: Final = ("device", "station", "service", "person")
_MAX_PEM_OCTETS: Final = 1024 * 1024
_COLUMNS: Final = {
    "NAME": "name",
    "VOUCHES FOR": "vouches_for",
    "MANUFACTURER": "manufacturer",
    "ENDS": "not_after",
    "SUBJECT": "subject",
}


@click.group("anchor", cls=Group, examples=("keyworks anchor list", "keyworks anchor remove pumps"))
def anchor() -> None:
    """Trust anchors: whose certificates count here, and for what."""


@anchor.command(
    "add",
    examples=("keyworks anchor add pumps pumps-root.pem --vouches-for device --manufacturer 'Example Pumps'",),
)
@click.argument("name")
@click.argument("file")
@click.option("--vouches-for", required=True, type=click.Choice(KINDS), help="Whose certificates it issues.")
@click.option("--manufacturer", help="Whose devices; the inventory's word. Needed for devices, and only there.")
@click.pass_obj
def add(session: Session, name: str, file: str, vouches_for: str, manufacturer: str | None) -> None:
    """Trust the CA certificate in FILE (PEM, alone; - is standard input) for one kind of requester.

    Compare the fingerprint with what its owner published before anything relies on it.
    """
    from keyworks.access.principal import Kind
    from keyworks.service.anchors import add_anchor

    pem, kind = read_file(file, _MAX_PEM_OCTETS), Kind(vouches_for)
    added = session.run(lambda installation: add_anchor(installation, name, pem, kind, manufacturer))
    document = _document(added)
    whose = f"{vouches_for} of {manufacturer}" if manufacturer else vouches_for
    report(
        session,
        document,
        f"Added trust anchor {name} for every {whose}: {document['subject']}.",
        f"Compare its fingerprint: {document['fingerprint']}",
    )


@anchor.command("list", examples=("keyworks anchor list", "keyworks anchor list --json"))
@click.pass_obj
def list_(session: Session) -> None:
    """List all trust anchors."""
    from keyworks.service.anchors import all_anchors

    print_list(session, _COLUMNS, [_document(one) for one in session.run(all_anchors)])


@anchor.command("remove", examples=("keyworks anchor remove pumps",))
@click.argument("name")
@click.pass_obj
def remove(session: Session, name: str) -> None:
    """Stop trusting an anchor; open connections lose it with their next request."""
    from keyworks.service.anchors import drop_anchor

    session.run(lambda installation: drop_anchor(installation, name))
    report(session, {"name": name, "removed": True}, f"Removed trust anchor {name}.")


def _document(known: "Anchor") -> dict[str, Any]:
    from keyworks.x509.certificate import time_text

    return {
        "name": known.name,
        "vouches_for": known.vouches_for.value,
        "manufacturer": known.manufacturer,
        "subject": known.certificate.subject.text,
        "not_after": time_text(known.certificate.not_after),
        "fingerprint": f"sha256:{known.certificate.fingerprint.hex()}",
    }
