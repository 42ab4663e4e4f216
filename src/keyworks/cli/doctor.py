"""``keyworks doctor``."""

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import click

from keyworks.cli.command import Command, Session
from keyworks.cli.words import as_json, counted, visible

if TYPE_CHECKING:
    from keyworks.service.doctor.finding import Finding

_COLORS: Final = {"ok": "green", "info": "blue", "warning": "yellow", "error": "red"}


@click.command("doctor", cls=Command, examples=("keyworks doctor", "keyworks doctor --strict --json"))
@click.option("--strict", is_flag=True, help="End with status 1 where there is a warning, too.")
@click.pass_obj
def doctor(session: Session, *, strict: bool) -> None:
    """Examine this node: what is wrong, or will be, and what to do about it.

    Changes nothing, beside a running server too. Ends with status 1 where something does not work, so that a
    monitoring system can run it.
    """
    import asyncio

    from keyworks.service.doctor.examination import examine

    findings = asyncio.run(examine(session.home, session.clock))
    if session.json:
        click.echo(as_json([_document(one) for one in findings]))
    else:
        for one in findings:
            click.echo(f"{click.style(f'{one.level.value:<7}', fg=_COLORS[one.level.value])}  {_said(one)}")
        click.echo(_summary(findings))
    bad = ("error", "warning") if strict else ("error",)
    if any(one.level.value in bad for one in findings):
        raise click.exceptions.Exit(1)


def _said(one: "Finding") -> str:
    remedy = f"\n{' ' * 9}{visible(one.remedy)}" if one.remedy else ""
    return f"{one.check}: {visible(one.sentence)}{remedy}"


def _summary(findings: "list[Finding]") -> str:
    counts = Counter(one.level.value for one in findings)
    if not counts["error"] and not counts["warning"]:
        return "Nothing is wrong."
    return f"{counted(counts['error'], 'error')}, {counted(counts['warning'], 'warning')}."


def _document(one: "Finding") -> dict[str, Any]:
    return {"check": one.check, "level": one.level.value, "sentence": one.sentence, "remedy": one.remedy}
