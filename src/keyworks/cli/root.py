"""The command itself: finds its subcommands only when they are asked for, and fails in one way."""

import errno
import importlib
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import click

from keyworks import __version__
from keyworks.cli.command import CONTEXT, Group, Session, one_home
from keyworks.cli.interrupt import end_quietly, end_with_a_sentence
from keyworks.cli.words import visible
from keyworks.errors import DatabaseLost, KeyworksError, Unavailable

REFUSED: Final = 1
RETRY_LATER: Final = 3
INTERRUPTED: Final = 130

COMMANDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "init": ("installation", "Create an installation in HOME, or in --home."),
        "serve": ("installation", "Serve the installation until SIGTERM or Ctrl-C."),
        "plan": ("policy", "Show what applying FILE would change, and what that means for live certificates."),
        "apply": ("policy", "Let the policy in FILE come into force: all of it, or nothing."),
        "policy": ("policy", "The factory as code: what is in force, and every version that ever was."),
        "authority": ("authority", "Certification authorities: create, renew their keys, list, show, export."),
        "channel": ("channel", "Channels: how one kind of subject gets one kind of certificate."),
        "anchor": ("anchor", "Trust anchors: whose certificates count here, and for what."),
        "device": ("device", "The inventory: devices that may get an identity."),
        "order": ("order", "Production orders: which devices are made, and how many may get an identity."),
        "station": ("station", "Stations: what on a line may ask for certificates of devices."),
        "request": ("request", "Requests that wait for approval: list, show, approve, reject."),
        "service": ("account", "Services: what gets certificates of its own, such as a server or a signer."),
        "person": ("account", "People: who gets certificates of their own."),
        "certificate": ("certificate", "Certificates: list, show, export, revoke."),
        "enroll": (
            "enroll",
            "Get a certificate from the EST server at URL (https://HOST:PORT), and keep it valid.",
        ),
        "ledger": ("ledger", "The ledger: show it, export it, prove an entry, verify either."),
        "clock": ("clock", "The machine's clock against the time of the last record: show, correct."),
        "doctor": ("doctor", "Examine this node: what is wrong, or will be, and what to do about it."),
        "completion": ("completion", "Print what lets SHELL complete commands, options and their values."),
        "join": (
            "installation",
            "Let this machine be a further node of an installation, in HOME or in --home.",
        ),
        "store": ("store", "The database of the installation."),
        "upgrade": ("installation", "Bring the database to this release's version."),
    }
)
"""Module and summary of each command, so that neither is imported before it is needed."""

_HOME: Final = "KEYWORKS_HOME"
_INTERRUPTED: Final = (
    "Interrupted. What was begun may have been done all the same; look before you repeat it: "
    "`keyworks ledger show` lists what was recorded."
)

_EXAMPLES: Final = (
    """\
keyworks init plant --preset supplier --organization 'Example Pumps' \\
      --publication-url http://pki.pumps.example""",
    "keyworks --home plant serve",
    "keyworks --home plant device list",
    "keyworks certificate list --home plant --json",
)
_EPILOG: Final = """\b
Exit status:
  0    done
  1    refused or failed: the sentence on standard error says why
  2    the command line is wrong
  3    not now: the same command can work later
  4    plan --exit-code: there is something to apply
  130  interrupted: what was begun may have been done all the same
\b
Environment:
  KEYWORKS_HOME   the installation's folder, where --home does not say it
  KEYWORKS_DEBUG  1 shows where an error comes from"""


class Failure(click.ClickException):
    """What people see of an error: one sentence."""

    exit_code = REFUSED

    def __init__(self, sentence: str) -> None:
        super().__init__(visible(sentence))


class NotNow(Failure):
    """An error that may be gone the next time."""

    exit_code = RETRY_LATER


class Root(Group):
    """The command's root: the one place where errors become sentences and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"keyworks.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the command line, or show the help; whatever goes wrong becomes a sentence."""
        with _failing_in_one_way():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command line; whatever goes wrong becomes a sentence."""
        with _failing_in_one_way():
            result = super().invoke(ctx)
            sys.stdout.flush()  # now, because a disk that is full has to be said
            return result


@contextmanager
def _failing_in_one_way() -> Iterator[None]:
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except KeyboardInterrupt:
        click.echo(_INTERRUPTED, err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    except Exception as error:
        raise _failure(error) from error


def _failure(error: Exception) -> Exception:
    if isinstance(error, OSError) and error.errno == errno.EPIPE:
        return error  # whoever read our output has gone; click ends quietly
    debug = os.environ.get("KEYWORKS_DEBUG", "0") not in ("", "0")
    if debug:
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    if isinstance(error, DatabaseLost) and error.private:
        # What strangers are not told, whoever types commands has to know: which server, and what it says.
        return NotNow(f"The database cannot be reached or used: {' '.join(error.private.split())}")
    if isinstance(error, Unavailable):
        seconds = error.retry_after // timedelta(seconds=1)
        return NotNow(f"{error.detail} Try again in {seconds} s.")
    if isinstance(error, KeyworksError):
        return Failure(f"{error.detail} ({error.private})" if debug and error.private else error.detail)
    if isinstance(error, OSError) and error.strerror:
        return Failure(f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}.")
    hint = "" if debug else "; set KEYWORKS_DEBUG=1 to see where, and report it"
    return Failure(f"Something unforeseen went wrong in Keyworks ({type(error).__name__}){hint}.")


@click.group(cls=Root, examples=_EXAMPLES, epilog=_EPILOG, context_settings=dict(CONTEXT))
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="DIR",
    help="The installation's folder; also $KEYWORKS_HOME, and after a command.  [default: .]",
)
@click.version_option(__version__, prog_name="keyworks", message="%(prog)s %(version)s")
@click.pass_context
def root(ctx: click.Context, home: tuple[Path, ...]) -> None:
    """Key management for connected factories.

    An identity for every device, kept valid, and a record of everything that happened. Most commands work on an
    installation: the folder that `keyworks init` makes.
    """
    ctx.obj = Session(one_home(home) or Path(os.environ.get(_HOME, "")), clock=ctx.obj)


def run() -> None:
    """Run the command line of this process."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character is no reason to fail.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    end_with_a_sentence()
    try:
        root(prog_name="keyworks")
    finally:
        end_quietly()
        _leave_nothing_to_write()


def _leave_nothing_to_write() -> None:
    """Drop what standard output does not take: that was said, and Python would say it once more at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), sys.stdout.fileno())
