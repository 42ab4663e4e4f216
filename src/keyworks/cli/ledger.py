"""``keyworks ledger``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from keyworks.cli.command import Group, Session
from keyworks.cli.files import read_file, write_out
from keyworks.cli.table import print_list, print_one, report
from keyworks.cli.words import counted, shown, visible
from keyworks.errors import OperatorError

if TYPE_CHECKING:
    from keyworks.ledger.checkpoint import NoteKey
    from keyworks.ledger.export import Verified
    from keyworks.ledger.proof_file import Proof
    from keyworks.ledger.records import StoredEntry
    from keyworks.service.installation import Installation
    from keyworks.service.ledger import LedgerIdentity

_MAX_NOTE_OCTETS: Final = 64 * 1024
_MAX_PROOF_OCTETS: Final = 2 * 1024 * 1024
_COLUMNS: Final = {
    "PLACE": "index",
    "AT": "at",
    "ACTION": "action",
    "BY": "actor",
    "RESULT": "result",
    "OBJECT": "object",
}


@click.group(
    "ledger",
    cls=Group,
    examples=(
        "keyworks ledger show --action certificate.",
        "keyworks ledger verify audit-2027 --key ledger.key",
    ),
)
def ledger() -> None:
    """The ledger: show it, export it, prove an entry, verify either.

    Everything that happens is an entry in one Merkle tree with signed checkpoints. Whoever keeps the ledger's
    key or a checkpoint of it elsewhere notices any change of what was recorded before.
    """


@ledger.command(
    "show",
    examples=(
        "keyworks ledger show",
        "keyworks ledger show --action certificate.revoked --last 5",
        "keyworks ledger show --json",
    ),
)
@click.option("--action", default="", metavar="PREFIX", help="Only actions that start so.")
@click.option("--last", default=20, show_default=True, type=click.IntRange(0, 100_000), help="Newest entries.")
@click.pass_obj
def show(session: Session, action: str, last: int) -> None:
    """Show the ledger's key, size, root and checkpoint, and its newest entries.

    The key is what others verify with: keep it outside this machine.
    """
    from keyworks.service.ledger import ledger_identity, newest

    async def work(installation: "Installation") -> "tuple[LedgerIdentity, list[StoredEntry]]":
        return await ledger_identity(installation), await newest(installation, action, last)

    identity, found = session.run(work)
    document = {
        "origin": identity.key.name,
        "key": identity.key.text,
        "size": identity.size,
        "root_hash": identity.root.hex(),
        "waiting": identity.waiting,
    }
    entries = [_entry(one.index, one.body.decode("utf-8", "replace")) for one in found]
    if session.json:
        print_one(session, {**document, "checkpoint": identity.checkpoint, "entries": entries})
        return
    print_one(session, document)
    if last:
        click.echo()
        print_list(session, _COLUMNS, entries)


@ledger.command("export", examples=("keyworks ledger export audit-2027",))
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.pass_obj
def export(session: Session, folder: Path) -> None:
    """Write the whole ledger into the new folder DIR: all of it, or nothing.

    The files are what `keyworks ledger verify` needs, on any machine: entries, tiles and the checkpoint in the
    layout of C2SP tlog-tiles, and the key's string. Waiting entries get their place first. The export holds
    everything that happened, names included: hand it to those who may see that.
    """
    from keyworks.service.ledger import export_ledger

    verified = session.run(lambda installation: export_ledger(installation, folder))
    stated = verified.checkpoint
    document = {
        "folder": str(folder),
        "origin": stated.origin,
        "size": stated.size,
        "root_hash": stated.root.hex(),
    }
    report(
        session,
        document,
        f"Exported {counted(stated.size, 'entry')} of {stated.origin} to {folder}.",
        f"Root hash {stated.root.hex()}",
        f"  keyworks ledger verify {folder} --key KEY",
    )


@ledger.command(
    "prove",
    json=False,
    examples=(
        "keyworks ledger prove 1207 --output proof.json",
        "keyworks ledger prove --certificate 4F2A77 --output proof.json",
        "keyworks ledger prove 1207 --since customers-checkpoint",
    ),
)
@click.argument("name", metavar="[ENTRY]", required=False)
@click.option("--certificate", metavar="NAME", help="The issuance of this certificate, instead of an entry.")
@click.option("--since", metavar="FILE", help="An older checkpoint that the proof continues.")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Instead of standard output.")
@click.pass_obj
def prove(
    session: Session, name: str | None, certificate: str | None, since: str | None, output: Path | None
) -> None:
    """Prove one entry, named by its place or its id, without showing the others.

    The proof is one JSON file that `keyworks ledger verify` takes, on any machine.
    """
    if (name is None) == (certificate is None):
        raise click.UsageError("Name an entry, or a certificate with --certificate.")
    note = _note(since)

    async def work(installation: "Installation") -> "Proof":
        from keyworks.service.ledger import prove_entry

        wanted = name if name is not None else await _issuance(installation, certificate or "")
        return await prove_entry(installation, wanted, note)

    write_out(session.run(work).encode().decode(), output)


async def _issuance(installation: "Installation", name: str) -> str:
    from keyworks.service.certificates import certificate
    from keyworks.service.ledger import issuance_of

    entry = await issuance_of(installation, await certificate(installation, name))
    if entry is None:
        raise OperatorError(f"The ledger has no entry of the issuance of certificate '{name}'.")
    return entry.id


@ledger.command(
    "verify",
    home=False,
    examples=(
        "keyworks ledger verify audit-2027 --key ledger.key",
        "keyworks ledger verify audit-2027 --checkpoint audit-2026/checkpoint",
        "keyworks ledger verify proof.json --key ledger.key --json",
    ),
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--key", metavar="STRING|FILE", help="The ledger's key, from elsewhere than PATH.")
@click.option("--checkpoint", metavar="FILE", help="An older checkpoint, from elsewhere than PATH.")
@click.pass_obj
def verify(session: Session, path: Path, key: str | None, checkpoint: str | None) -> None:
    """Verify an export or a proof in PATH, on any machine: no installation is needed.

    Every entry, every hash and the checkpoint are recomputed. What PATH holds is authenticated by what you
    bring along: the ledger's key, or an older checkpoint that it has to continue. With neither, PATH can only
    agree with itself: it is then "consistent, not authenticated", which is exit status 0 too. Any damage is
    exit status 1, and a sentence says where it is.
    """
    from keyworks.ledger.export import Trust, verify_export
    from keyworks.ledger.proof_file import verify_proof

    trust = Trust(_key(key) if key else None, _note(checkpoint))
    if path.is_dir():
        verified = verify_export(path, trust)
        report(session, _outcome(verified), *_verdict(verified, counted(verified.checkpoint.size, "entry")))
        return
    proven = verify_proof(read_file(str(path), _MAX_PROOF_OCTETS), trust)
    document = {**_outcome(proven.verified), "entry": _entry(proven.index, proven.body)}
    what = f"entry {proven.index} among the {proven.verified.checkpoint.size}"
    report(session, document, *_verdict(proven.verified, what), "", *_lines(document["entry"]))


def _key(text: str) -> "NoteKey":
    from keyworks.ledger.checkpoint import NoteKey

    if Path(text).is_file():
        text = read_file(text, _MAX_NOTE_OCTETS).decode("utf-8", "replace")
    elif "+" not in text:
        raise OperatorError(f"There is no file {text}, and it is no ledger key (NAME+12345678+Base64) either.")
    return NoteKey.parse(text)


def _note(name: str | None) -> str | None:
    if name is None:
        return None
    return read_file(name, _MAX_NOTE_OCTETS).decode("utf-8", "replace")


def _outcome(verified: "Verified") -> dict[str, Any]:
    stated = verified.checkpoint
    return {
        "origin": stated.origin,
        "size": stated.size,
        "root_hash": stated.root.hex(),
        "authenticated": verified.signed or verified.continues == stated.size,
        "signed_by_key_given": verified.signed,
        "continues_size": verified.continues,
        "withheld": verified.withheld,
    }


def _verdict(verified: "Verified", what: str) -> list[str]:
    stated = verified.checkpoint
    if verified.signed:
        said = [f"Verified: {what} of {stated.origin}, signed by the key given."]
    elif verified.continues == stated.size:
        said = [f"Verified: {what} of {stated.origin}, by the checkpoint given."]
    else:
        said = [
            f"Consistent, not authenticated: {what} of {stated.origin}.",
            "Everything fits together, but anyone could have made it so: bring the ledger's --key.",
        ]
    if verified.continues is not None:
        covered = counted(verified.continues, "entry")
        said.append(f"It continues the checkpoint given: the first {covered} are the same.")
    if verified.withheld:
        said.append(f"Of {counted(verified.withheld, 'entry')} only the place is proven; the body is withheld.")
    return [*said, f"Root hash {stated.root.hex()}"]


def _entry(index: int | None, text: str) -> dict[str, Any]:
    """Return an entry as it is shown; it may be damaged, or a stranger may have written anything into it."""
    from keyworks.x509.certificate import time_text

    try:
        body = json.loads(text)
        return {**body, "at": time_text(body["at"]), "index": index}
    except (ValueError, TypeError, KeyError, OverflowError, OSError, RecursionError):
        return {"index": index, "body": text}


def _lines(entry: dict[str, Any]) -> list[str]:
    detail = entry.get("detail")
    flat = {**entry, **detail} if isinstance(detail, dict) else entry
    width = max(len(name) for name in flat)
    return [f"{visible(name):<{width}}  {shown(value)}" for name, value in flat.items() if name != "detail"]
