"""``keyworks certificate``."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from keyworks.cli.command import Duration, Group, Session, confirmed
from keyworks.cli.files import write_out
from keyworks.cli.paging import Pages, paged, print_pages
from keyworks.cli.table import Listing, print_one, report
from keyworks.cli.words import FOREVER, counted, visible

if TYPE_CHECKING:
    from keyworks.authority.status import CertificateRecord, Filter
    from keyworks.service.certificates import Revoked
    from keyworks.service.description import Description
    from keyworks.service.installation import Installation
    from keyworks.x509.general_name import SubjectAltName

STATES: Final = ("valid", "expired", "revoked", "held", "unconfirmed")
REASONS: Final = (
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "privilegeWithdrawn",
    "aACompromise",
)
_MAX_OTHERS: Final = 10
_COLUMNS: Final = {"ID": "id", "PROFILE": "profile", "STATE": "state", "ENDS": "ends", "SUBJECT": "subject"}


@click.group(
    "certificate",
    cls=Group,
    examples=("keyworks certificate list --ends-within 30d", "keyworks certificate show 4F2A77"),
)
def certificate() -> None:
    """Certificates: list, show, export, revoke.

    A certificate is named by its id, its serial number or its SHA-256 fingerprint, both in hexadecimal.
    """


@certificate.command(
    "list",
    examples=(
        "keyworks certificate list --ends-within 30d",
        "keyworks certificate list --device SN-0001",
        "keyworks certificate list --state revoked --profile ldevid --json",
    ),
)
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--profile", metavar="NAME", help="Only this kind; 'opcua*' for all that begin so.")
@click.option("--device", metavar="SERIAL", help="Only this device's.")
@click.option("--product", help="With --device, where several products share the serial number.")
@click.option("--manufacturer", help="With --device, where several manufacturers share it.")
@click.option("--ends-within", type=Duration(), help="Only valid ones that end soon: 12h, 30d, 8w.")
@paged
@click.pass_obj
def list_(session: Session, /, limit: int | None, after: str, **given: Any) -> None:
    """List certificates in the order of issue."""
    from keyworks.service.certificates import certificates

    if given["ends_within"] is not None and given["state"] is None:
        given["state"] = "valid"

    async def work(installation: "Installation") -> None:
        at, owner = installation.clock.now(), await _owner(installation, given)

        def document(one: "CertificateRecord") -> dict[str, Any] | None:
            return _row(one, at) if given["state"] in (None, one.state_at(at)) else None

        await print_pages(
            Listing(session, _COLUMNS),
            Pages(limit, after),
            lambda after, most: certificates(installation, _filter(given, owner, at, after, most)),
            document,
        )

    session.run(work)


async def _owner(installation: "Installation", given: dict[str, Any]) -> str:
    from keyworks.service.inventory import find_device

    if given["device"] is None:
        return ""
    found = await find_device(installation, given["device"], given["product"], given["manufacturer"])
    return f"device:{found.id}"


def _filter(given: dict[str, Any], owner: str, at: int, after: str, most: int) -> "Filter":
    from keyworks.authority.status import FOREVER, Filter

    state, span = given["state"] or "", given["ends_within"]
    ends_by = at - 1 if state == "expired" else FOREVER
    if isinstance(span, timedelta):
        ends_by = min(ends_by, at + int(span.total_seconds()))
    stored = "valid" if state == "expired" else state
    return Filter(stored, given["profile"] or "", owner, ends_by, after, most)


@certificate.command(
    "show", examples=("keyworks certificate show 4F2A77", "keyworks certificate show 4F2A77 --json")
)
@click.argument("name", metavar="CERTIFICATE")
@click.pass_obj
def show(session: Session, name: str) -> None:
    """Show a certificate: its names, validity and state, who issued it, and who asked for it."""
    from keyworks.service.certificates import certificate as find
    from keyworks.service.description import describe

    async def work(installation: "Installation") -> "Description":
        return await describe(installation, await find(installation, name))

    print_one(session, _document(session.run(work)))


@certificate.command(
    "export",
    json=False,
    examples=("keyworks certificate export 4F2A77", "keyworks certificate export 4F2A77 --output chain.pem"),
)
@click.argument("name", metavar="CERTIFICATE")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Instead of standard output.")
@click.pass_obj
def export(session: Session, name: str, output: Path | None) -> None:
    """Export a certificate with its issuers up to the root, as PEM."""
    from keyworks.service.certificates import certificate as find
    from keyworks.service.certificates import export_chain

    async def work(installation: "Installation") -> str:
        return await export_chain(installation, await find(installation, name))

    write_out(session.run(work), output)


@certificate.command(
    "revoke",
    examples=(
        "keyworks certificate revoke 4F2A77 --reason keyCompromise",
        "keyworks certificate revoke 4F2A77 --reason cessationOfOperation --yes",
    ),
)
@click.argument("name", metavar="CERTIFICATE")
@click.option(
    "--reason",
    required=True,
    type=click.Choice(REASONS),
    metavar="REASON",
    help=f"Why, in RFC 5280's words: {', '.join(REASONS)}.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def revoke(session: Session, name: str, reason: str, *, yes: bool) -> None:
    """Revoke a certificate for ever: from the next request on it authenticates nobody.

    To revoke it again changes nothing, and is no error; only that its key is compromised is recorded later too.
    Other certificates of the same device, station or service stay as they are; those that are still valid are
    listed.
    """
    from keyworks.service.certificates import certificate as find
    from keyworks.service.certificates import revoke_by_operator

    found = session.run(lambda installation: find(installation, name))
    asked = f"Revoke {found.profile} certificate {found.id} of '{found.subject}' for ever?"
    if not yes and found.state != "revoked":
        confirmed(asked, "Nothing was revoked.")

    async def work(installation: "Installation") -> "tuple[Revoked, CertificateRecord]":
        done = await revoke_by_operator(installation, found.id, reason)
        return done, await find(installation, found.id)

    done, after = session.run(work)
    document = {
        "id": after.id,
        "subject": after.subject,
        "revoked_now": done.now,
        **_revocation(after),
        "others": [_other(one) for one in done.others],
    }
    sentence = (
        f"Revoked {after.id} ({after.subject}) for {reason}; it authenticates nobody from now on."
        if done.now
        else f"{after.id} ({after.subject}) was revoked before, at {document['revoked_at']} for "
        f"{after.revocation_reason}; nothing was changed."
    )
    report(session, document, visible(sentence), *_still_valid(session, done.others, reason))


def _serial_number(record: "CertificateRecord") -> str:
    """Return the serial number as every command and the ledger write it, without leading zeros."""
    return f"{int.from_bytes(record.serial_number, 'big'):x}"


def _other(record: "CertificateRecord") -> dict[str, Any]:
    from keyworks.x509.certificate import time_text

    return {
        "id": record.id,
        "serial_number": _serial_number(record),
        "profile": record.profile,
        "not_after": time_text(record.not_after),
    }


def _still_valid(session: Session, others: "Sequence[CertificateRecord]", reason: str) -> tuple[str, ...]:
    """Return what to say of an owner's other certificates, and how each can be revoked."""
    if not others:
        return ()
    owner = others[0].owner.partition(":")[0]
    verb = "is" if len(others) == 1 else "are"
    lines = [f"{counted(len(others), 'other certificate')} of this {owner} {verb} still valid:"]
    for one in others[:_MAX_OTHERS]:
        ends = _other(one)["not_after"]
        lines.append(f"  {one.profile}, {'never ends' if ends == FOREVER else f'ends {ends}'}:")
        lines.append(f"    {session.typed} certificate revoke {one.id} --reason {reason}")
    if len(others) > _MAX_OTHERS:
        lines.append(f"  and {len(others) - _MAX_OTHERS} more; the same command with --json lists them all.")
    return tuple(lines)


def _revocation(record: "CertificateRecord") -> dict[str, Any]:
    from keyworks.x509.certificate import time_text

    at = record.revoked_at
    return {"revoked_at": time_text(at) if at is not None else None, "reason": record.revocation_reason}


def _row(record: "CertificateRecord", at: int) -> dict[str, Any]:
    from keyworks.x509.certificate import time_text

    ends = time_text(record.not_after)
    return {
        "id": record.id,
        "serial_number": _serial_number(record),
        "profile": record.profile,
        "state": record.state_at(at),
        "subject": record.subject,
        "owner": record.owner,
        "not_before": time_text(record.not_before),
        "not_after": ends,
        "ends": ends if ends == FOREVER else ends[:10],
        "fingerprint": f"sha256:{record.fingerprint.hex()}",
    }


def _document(known: "Description") -> dict[str, Any]:
    from keyworks.x509.certificate import time_text

    record, names = known.record, known.certificate.subject_alt_name
    entry = json.loads(known.entry.body) if known.entry else {}
    return {
        "id": record.id,
        "serial_number": _serial_number(record),
        "fingerprint": f"sha256:{record.fingerprint.hex()}",
        "subject": record.subject,
        "subject_alt_names": _names(names) if names else [],
        "key_type": known.certificate.public_key.key_type,
        "profile": f"{record.profile}/{record.profile_version}",
        "issuer": known.certificate.issuer.text,
        "authority": known.generation.authority.name,
        "generation": known.generation.number,
        "channel": known.channel,
        "owner": record.owner,
        "not_before": time_text(record.not_before),
        "not_after": time_text(record.not_after),
        "issued_at": time_text(record.issued_at),
        "state": known.state,
        **_revocation(record),
        "requested_by": entry.get("actor"),
        "requested_from": entry.get("source"),
        "ledger_entry": known.entry.id if known.entry else None,
        "ledger_index": known.entry.index if known.entry else None,
    }


def _names(names: "SubjectAltName") -> list[str]:
    plain = [
        *(f"DNS:{one}" for one in names.dns),
        *(f"IP:{one}" for one in names.ip),
        *(f"URI:{one}" for one in names.uri),
        *(f"email:{one}" for one in names.email),
    ]
    modules = (f"{one.type_oid} {one.serial_number.hex()}" for one in names.hardware_modules)
    return [*plain, *(f"hardware module:{one}" for one in modules)]
