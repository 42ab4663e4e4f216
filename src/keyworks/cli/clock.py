"""``keyworks clock``."""

from typing import TYPE_CHECKING, Any

import click

from keyworks.cli.command import Group, Session, confirmed
from keyworks.cli.table import print_one, report

if TYPE_CHECKING:
    from keyworks.service.clock import ClockState
    from keyworks.service.installation import Installation


@click.group("clock", cls=Group, examples=("keyworks clock show", "keyworks clock correct"))
def clock() -> None:
    """The machine's clock against the time of the last record: show, correct.

    Where the clock is behind the last record, nothing is recorded any more: times would lie. Usually the clock
    has to be corrected. If it was ahead when the last record was made, the record's time has to be.
    """


@clock.command("show", examples=("keyworks clock show", "keyworks clock show --json"))
@click.pass_obj
def show(session: Session) -> None:
    """Show the present time, the last record's, and whether anything can be recorded."""
    from keyworks.service.clock import clock_state

    print_one(session, _document(session.run(clock_state)))


@clock.command("correct", examples=("keyworks clock correct", "keyworks clock correct --yes --json"))
@click.option("--yes", is_flag=True, help="Do not ask whether the present time is right.")
@click.pass_obj
def correct(session: Session, yes: bool) -> None:
    """Record again from the present time on, though the last record has a later one.

    Do it only once the machine's clock is right. The ledger keeps both times; nothing recorded is changed.
    Nothing happens where the clock is not behind.
    """
    from keyworks.service.clock import clock_state, correct_clock_mark

    async def work(installation: "Installation") -> "tuple[ClockState, bool]":
        seen = await clock_state(installation)
        if seen.behind_seconds and not yes:
            _ask(seen)
        return seen, await correct_clock_mark(installation, seen)

    seen, changed = session.run(work)
    document = {**_document(seen), "corrected": changed}
    if not changed:
        report(session, document, "The clock is not behind the last record; nothing was changed.")
        return
    report(
        session,
        document,
        f"Corrected: records go on from {document['now']}, though the last one was made at "
        f"{document['last_record']}.",
    )


def _ask(seen: "ClockState") -> None:
    document = _document(seen)
    click.echo(f"The last record was made at {document['last_record']}.", err=True)
    click.echo(f"The machine's clock says     {document['now']}.", err=True)
    confirmed("Is the clock right now, and was it ahead then?", "Nothing was corrected.")


def _document(seen: "ClockState") -> dict[str, Any]:
    from keyworks.x509.certificate import time_text

    return {
        "now": time_text(seen.now),
        "last_record": time_text(seen.mark),
        "behind_seconds": seen.behind_seconds,
        "records": seen.records,
    }
