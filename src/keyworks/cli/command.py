"""What commands share: examples in every help, ``--home`` and ``--json`` wherever they are typed."""

import re
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from keyworks.errors import OperatorError

if TYPE_CHECKING:
    from keyworks.service.installation import Installation
    from keyworks.store.clock import Clock

_T = TypeVar("_T")
_ISSUE_WIDTH: Final = 100
CONTEXT: Final = {"help_option_names": ["-h", "--help"], "max_content_width": _ISSUE_WIDTH}


@dataclass(frozen=True, slots=True)
class Session:
    """What one run of the command works with.

    Args:
        home: The installation's folder.
        json: Whether scripts read the output.
        clock: The machine's, if there is none.
    """

    home: Path
    json: bool = False
    clock: "Clock | None" = None

    @property
    def typed(self) -> str:
        """Return how commands at this installation begin, for sentences that say what to type."""
        return "keyworks" if self.home == Path() else f"keyworks --home {shlex.quote(str(self.home))}"

    def run(self, work: "Callable[[Installation], Awaitable[_T]]") -> _T:
        """Open the installation, do the work in it, close it, and return what the work returned."""
        import asyncio

        from keyworks.service.installation import open_installation

        async def opened() -> _T:
            async with open_installation(self.home, self.clock) as installation:
                return await work(installation)

        return asyncio.run(opened())


class _WithExamples(click.Command):
    """A command whose help ends in examples, each on a line of its own that can be copied."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **given: Any) -> None:
        given.setdefault("context_settings", dict(CONTEXT))
        super().__init__(*args, **given)
        self.examples = tuple(examples)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line; what may be a value rather than an option gets a hint."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.possibilities or not any(isinstance(one, click.Argument) for one in self.params):
                raise
            hint = (
                f"A value that begins with a dash goes to the end, behind --, as in: {ctx.command_path} -- -1"
            )
            raise click.UsageError(f"{error.message} {hint}", ctx) from error

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then whatever else there is."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")
        super().format_epilog(ctx, formatter)


def one_home(homes: Sequence[Path]) -> Path | None:
    """Return the folder that ``--home`` names, wherever and however often it is typed.

    Raises:
        UsageError: Two different ones: whichever won, somebody would work on the wrong installation.
    """
    if len(set(homes)) > 1:
        raise click.UsageError(f"--home names several folders: {', '.join(map(str, homes))}. Name one.")
    return homes[0] if homes else None


def _set_home(ctx: click.Context, _: click.Parameter, homes: tuple[Path, ...]) -> None:
    home = one_home((*ctx.find_root().params.get("home", ()), *homes))
    if home is not None:
        ctx.obj = replace(ctx.obj, home=home)


def _set_json(ctx: click.Context, _: click.Parameter, as_json: bool) -> None:
    if as_json:
        ctx.obj = replace(ctx.obj, json=True)


class Command(_WithExamples):
    """A command of ours.

    Args:
        examples: Command lines.
        home: Whether it takes ``--home``.
        json: Whether it takes ``--json``.
    """

    def __init__(self, *args: Any, home: bool = True, json: bool = True, **given: Any) -> None:
        super().__init__(*args, **given)
        if json:
            self.params.append(_json_option())
        if home:
            self.params.append(_home_option())


def _home_option() -> click.Option:
    return click.Option(
        ["--home"],
        type=click.Path(path_type=Path),
        metavar="DIR",
        multiple=True,
        expose_value=False,
        callback=_set_home,
        help="The installation's folder; also $KEYWORKS_HOME.  [default: .]",
    )


def _json_option() -> click.Option:
    return click.Option(
        ["--json"], is_flag=True, expose_value=False, callback=_set_json, help="Print JSON for scripts."
    )


class Group(_WithExamples, click.Group):
    """A group of commands of ours."""

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of their declaration: the order in which they are needed."""
        del ctx
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is typed, or say which one may have been meant."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            near = " or ".join(f"'{one}'" for one in get_close_matches(name, self.list_commands(ctx)))
            raise click.UsageError(
                f"There is no command '{name}'." + (f" Did you mean {near}?" if near else ""), ctx
            )
        return super().resolve_command(ctx, args)


def confirmed(question: str, otherwise: str) -> None:
    """Ask before something that cannot be undone.

    Args:
        question: What is about to happen.
        otherwise: The sentence for everything but a yes, an interrupt and an empty input included.

    Raises:
        OperatorError: The answer is not yes.
    """
    try:
        yes = click.confirm(question, err=True)
    except click.Abort:
        click.echo(err=True)
        yes = False
    if not yes:
        raise OperatorError(otherwise)


_DURATION: Final = re.compile(r"(?P<count>[0-9]{1,6})(?P<unit>[hdw])")
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class Duration(click.ParamType[timedelta]):
    """A time span such as 12h, 30d or 8w."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the time span, or refuse what is none."""
        match = _DURATION.fullmatch(value)
        if match is None:
            self.fail(f"'{value}' is no time span; write 12h, 30d or 8w.", param, ctx)
        return int(match["count"]) * _UNITS[match["unit"]]


class Address(click.ParamType[str]):
    """Where to listen, as HOST:PORT."""

    name = "host:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address, or refuse what is none."""
        host, _, port = str(value).rpartition(":")
        if not host or not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
            self.fail(f"'{value}' is no address; write HOST:PORT, such as 127.0.0.1:8443.", param, ctx)
        return str(value)
