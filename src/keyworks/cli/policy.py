"""``keyworks plan``, ``keyworks apply``, ``keyworks policy``: the factory as code."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from keyworks.cli.command import Command, Group, Session, confirmed
from keyworks.cli.files import STANDARD_INPUT, read_file, write_out
from keyworks.cli.table import print_list, report
from keyworks.cli.words import as_json, counted, visible

if TYPE_CHECKING:
    from keyworks.service.installation import Installation
    from keyworks.service.policy.apply import Proposal
    from keyworks.service.policy.plan import Change
    from keyworks.settings.toml import Source

DIFFERENT: Final = 4
"""Exit status of ``plan --exit-code`` where there is something to apply."""

_COLUMNS: Final = {
    "VERSION": "version",
    "AT": "at",
    "WHO": "actor",
    "WHAT": "what",
    "SHA256": "sha256",
}
_EQUAL: Final = "The policy in force says the same; there is nothing to apply."


def read_source(name: str) -> "Source":
    """Read a policy from a file that somebody names."""
    from keyworks.settings.toml import MAX_FILE_OCTETS, Source

    return Source.parse(_spoken(name), read_file(name, MAX_FILE_OCTETS + 1))


def _spoken(name: str) -> str:
    return "standard input" if name == STANDARD_INPUT else name


def folder_of(name: str) -> Path:
    """Return the folder that the files a policy names are relative to."""
    return Path() if name == STANDARD_INPUT else Path(name).parent


async def _proposed(installation: "Installation", file: str) -> "Proposal":
    from keyworks.service.policy.apply import propose
    from keyworks.settings.factory import read_factory

    return await propose(installation, read_factory(read_source(file), folder_of(file)))


@click.command(
    "plan",
    cls=Command,
    examples=("keyworks plan factory.toml", "keyworks plan factory.toml --exit-code --json"),
)
@click.argument("file")
@click.option(
    "--exit-code", is_flag=True, help=f"End with status {DIFFERENT} where there is something to apply."
)
@click.pass_obj
def plan(session: Session, file: str, *, exit_code: bool) -> None:
    """Show what applying FILE would change, and what that means for live certificates.

    FILE is a factory.toml; - is standard input. Nothing is changed.
    What cannot be is told with its line, all of it at once.
    """
    proposal = session.run(lambda installation: _proposed(installation, file))
    report(session, _document(proposal), *_told(proposal))
    if exit_code and proposal.steps:
        raise click.exceptions.Exit(DIFFERENT)


@click.command(
    "apply",
    cls=Command,
    examples=("keyworks apply factory.toml", "keyworks apply factory.toml --expect 12 --yes --json"),
)
@click.argument("file")
@click.option("--expect", type=click.IntRange(0), metavar="VERSION", help="Only if this version is in force.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def apply(session: Session, file: str, *, expect: int | None, yes: bool) -> None:
    """Let the policy in FILE come into force: all of it, or nothing.

    FILE is a factory.toml; - is standard input. Shows the plan and asks. New authorities get their keys;
    whatever issued something and is no longer in FILE is retired, not deleted. Running servers follow with
    their next request.
    """
    from keyworks.errors import OperatorError
    from keyworks.service.policy.apply import apply as apply_policy

    proposal = session.run(lambda installation: _proposed(installation, file))
    if expect is not None and proposal.number != expect:
        raise OperatorError(f"Version {proposal.number} is in force, not {expect}; plan again.")
    if not proposal.steps:
        report(session, _document(proposal), _EQUAL)
        return
    if not yes:
        click.echo("\n".join(_told(proposal)), err=True)
        confirmed(f"Apply {counted(len(proposal.steps), 'change')}?", "Nothing was applied.")
    what = f"apply {_spoken(Path(file).name)}"
    number = session.run(lambda installation: apply_policy(installation, proposal, what))
    document = {**_document(proposal), "version": number}
    told = f"Version {number} is in force: {counted(len(proposal.steps), 'change')}."
    report(session, document, told, *_next(session, proposal))


def _told(proposal: "Proposal") -> list[str]:
    from keyworks.service.policy.plan import as_text

    return [visible(line) for line in as_text(proposal.steps)] or [_EQUAL]


def _next(session: Session, proposal: "Proposal") -> list[str]:
    """Return what is left to do: new accounts have no secret yet."""
    from keyworks.service.policy.plan import ACCOUNTS

    new = [
        step.change for step in proposal.steps if step.change.section in ACCOUNTS and step.change.before is None
    ]
    if not new:
        return []
    commands = [f"  {session.typed} {one.section} secret {one.name}" for one in new]
    return ["Their first certificates need one-time secrets:", *commands]


def _document(proposal: "Proposal") -> dict[str, Any]:
    return {
        "version": proposal.number,
        "changes": [{**_change(step.change), "meaning": list(step.meaning)} for step in proposal.steps],
    }


def _change(change: "Change") -> dict[str, Any]:
    return {
        "section": change.section,
        "name": change.name,
        "change": change.verb,
        "settings": {name: {"before": _plain(old), "after": _plain(new)} for name, old, new in change.rows},
    }


def _plain(value: Any) -> Any:
    import msgspec

    return None if value is msgspec.NODEFAULT else msgspec.to_builtins(value)


@click.group(
    "policy", cls=Group, examples=("keyworks policy history", "keyworks policy export -o factory.toml")
)
def policy() -> None:
    """The factory as code: what is in force, and every version that ever was."""


@policy.command("history", examples=("keyworks policy history", "keyworks policy history --json"))
@click.pass_obj
def history(session: Session) -> None:
    """List every version: who applied what, and when."""
    from keyworks.service.policy.history import versions
    from keyworks.x509.certificate import time_text

    documents = [
        {
            "version": one.number,
            "at": time_text(one.at),
            "actor": one.actor,
            "what": one.what,
            "sha256": one.sha256,
        }
        for one in session.run(versions)
    ]
    print_list(session, _COLUMNS, documents)


@policy.command("show", examples=("keyworks policy show", "keyworks policy show 3"))
@click.argument("version", type=click.IntRange(1), required=False)
@click.pass_obj
def show(session: Session, version: int | None) -> None:
    """Print the document of a version, or of the policy in force."""
    from keyworks.service.policy.history import export_policy, version_text

    text = session.run(
        export_policy if version is None else lambda installation: version_text(installation, version)
    )
    click.echo(as_json({"document": text}) if session.json else text, nl=session.json)


@policy.command(
    "export", json=False, examples=("keyworks policy export", "keyworks policy export --output factory.toml")
)
@click.option("--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="Write it there.")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@click.pass_obj
def export(session: Session, output: Path | None, *, force: bool) -> None:
    """Write the policy in force as a factory.toml; applying it again changes nothing.

    Comments of a file that is there are not in the policy: it is replaced with --force alone.
    """
    from keyworks.service.policy.history import export_policy

    write_out(session.run(export_policy), output, replaces=force)


@policy.command("diff", examples=("keyworks policy diff 1 2",))
@click.argument("first", type=click.IntRange(1))
@click.argument("second", type=click.IntRange(1))
@click.pass_obj
def diff(session: Session, first: int, second: int) -> None:
    """Show what differs between two versions."""
    from keyworks.service.policy.history import difference

    changes = session.run(lambda installation: difference(installation, first, second))
    report(session, {"changes": [_change(one) for one in changes]}, *_lines(changes))


def _lines(changes: "Sequence[Change]") -> list[str]:
    from keyworks.service.policy.plan import Step, as_text

    return [visible(line) for line in as_text([Step(one, ()) for one in changes])] or ["Both say the same."]
