"""What the commands share that import a table."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from keyworks.cli.command import Session
from keyworks.cli.files import read_file, write_out
from keyworks.cli.table import report
from keyworks.cli.words import as_json, counted, visible
from keyworks.errors import MalformedRequest, OperatorError

if TYPE_CHECKING:
    from keyworks.service.importing import Import
    from keyworks.service.installation import Installation

MAX_SHOWN: Final = 100
"""Refused rows on the screen; a report has all of them."""

import_report = click.option(
    "--report",
    "report_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write every refused row to FILE, as JSON.",
)


def run_import(
    session: Session,
    file: str,
    report_file: Path | None,
    work: "Callable[[Installation, bytes], Awaitable[Import]]",
) -> None:
    """Import a table, and say what became of it.

    Raises:
        OperatorError: A row is refused; nothing was imported.
    """
    octets = read_file(file)
    try:
        done = session.run(lambda installation: work(installation, octets))
    except MalformedRequest as error:
        raise OperatorError(f"{file}: {error.detail} Nothing was imported.") from error
    refused = [{"line": one.line, "reason": one.reason} for one in done.refused]
    document: dict[str, Any] = {
        "added": done.added,
        "known": done.known,
        "orders": [one.number for one in done.orders],
        "refused": refused,
    }
    if report_file is not None:
        write_out(as_json(refused) + "\n", report_file)
    if done.refused:
        if session.json:
            click.echo(as_json(document))
        else:
            _tell(done, report_file)
        raise OperatorError(f"{file} is refused for {counted(len(refused), 'row')}; nothing was imported.")
    of = f" of {counted(len(done.orders), 'order')}" if done.orders else ""
    lines = [f"Registered {counted(done.added, 'device')}{of}."]
    if done.known:
        lines.append(f"Nothing changed for {counted(done.known, 'device')} registered before.")
    report(session, document, *lines)


def _tell(done: "Import", report_file: Path | None) -> None:
    refused = done.refused
    for one in refused[:MAX_SHOWN]:
        click.echo(f"{done.place} {one.line}: {visible(one.reason)}", err=True)
    if len(refused) > MAX_SHOWN:
        where = f"all are in {report_file}" if report_file else "--report FILE writes all of them"
        click.echo(f"... and {counted(len(refused) - MAX_SHOWN, 'row')} more; {where}.", err=True)
