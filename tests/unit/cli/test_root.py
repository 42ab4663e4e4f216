"""The command as a whole: every help has examples, every failure a sentence and an exit code."""

import errno
import os
import re
import shlex
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from keyworks import __version__
from keyworks.access.principal import Kind
from keyworks.authority.revoke import REASONS
from keyworks.cli import account, anchor, certificate, device, installation
from keyworks.cli.command import Session
from keyworks.cli.reference import context_of, walk
from keyworks.cli.root import COMMANDS, Root, root
from keyworks.devices.device import DeviceState
from keyworks.errors import (
    IntegrityFailure,
    InternalError,
    KeyworksError,
    NotAuthorized,
    OperatorError,
    Unavailable,
)
from keyworks.service.policy.document import NAMES
from keyworks.service.policy.preset import PRESETS
from keyworks.settings.node import Listen, Node

EVERY = {context.command_path: command for command, context in walk(root, context_of(root, "keyworks"))}


def help_of(path: str) -> str:
    command = EVERY[path]
    return command.get_help(context_of(command, path))


def examples_of(path: str) -> list[str]:
    section = help_of(path).partition("Examples:\n")[2].partition("\n\n")[0]
    lines = [line.strip() for line in section.replace("\\\n", " ").splitlines()]
    return [line for line in lines if not line.startswith("#")]


def parse(command: click.Command, words: list[str], parent: click.Context) -> None:
    """Let click read a command line down to its last command, without running it."""
    if not isinstance(command, click.Group):
        return
    name, below, rest = command.resolve_command(parent, words)
    assert below is not None
    with below.make_context(name, rest, parent=parent) as context:
        parse(below, [*context._protected_args, *context.args], context)


def test_every_command_of_the_first_release_is_there() -> None:
    assert set(EVERY) >= {
        *("keyworks init", "keyworks serve", "keyworks enroll", "keyworks upgrade"),
        *(f"keyworks authority {verb}" for verb in ("create", "list", "show", "export")),
        *(f"keyworks channel {verb}" for verb in ("create", "list", "enable", "disable")),
        *(f"keyworks anchor {verb}" for verb in ("add", "list", "remove")),
        *(f"keyworks device {verb}" for verb in ("add", "list", "show", "ship", "retire")),
        *(f"keyworks station {verb}" for verb in ("add", "list", "enable", "disable")),
        *(f"keyworks certificate {verb}" for verb in ("list", "show", "export", "revoke")),
        *(f"keyworks ledger {verb}" for verb in ("show", "export", "prove", "verify")),
    }


@pytest.mark.parametrize("path", EVERY)
def test_every_help_has_examples_that_click_accepts(path: str) -> None:
    examples = examples_of(path)
    assert examples
    for example in examples:
        words = shlex.split(example)
        assert words[0] == "keyworks"
        with root.make_context("keyworks", words[1:], obj=Session(Path())) as context:
            parse(root, [*context._protected_args, *context.args], context)


@pytest.mark.parametrize("path", EVERY)
def test_every_help_is_readable_at_a_hundred_columns(path: str) -> None:
    assert [line for line in help_of(path).splitlines() if len(line) > 100] == []


@pytest.mark.parametrize("path", EVERY)
def test_every_option_is_explained(path: str) -> None:
    options = [one for one in EVERY[path].params if isinstance(one, click.Option)]
    assert [one.name for one in options if not one.help] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_that_is_shown_without_importing_is_the_commands_own(name: str) -> None:
    command = root.get_command(context_of(root, "keyworks"), name)
    assert command is not None
    assert (command.help or "").splitlines()[0] == COMMANDS[name][1]


def test_what_the_help_offers_is_what_there_is() -> None:
    assert account.NAMES == NAMES
    assert certificate.REASONS == REASONS
    assert tuple(DeviceState) == device.STATES
    assert tuple(Kind) == anchor.KINDS
    assert tuple(PRESETS) == installation.PRESETS
    assert Node(name="n").names == installation.NAMES
    assert {name: getattr(Listen(), name) for name in Listen.__struct_fields__} == installation.LISTEN


def test_it_says_its_version() -> None:
    assert CliRunner().invoke(root, ["--version"]).output == f"keyworks {__version__}\n"


@pytest.mark.parametrize(
    "words",
    [["nonsense"], ["device", "show"], ["device", "list", "--state", "gone"], ["init", "--preset", "x"]],
)
def test_a_wrong_command_line_is_exit_status_2(words: list[str]) -> None:
    result = CliRunner().invoke(root, words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error: " in result.stderr


def failing(error: BaseException, debug: str = "0") -> Result:
    @click.group(cls=Root)
    def failing_root() -> None:
        raise error

    failing_root.list_commands = lambda ctx: [ctx.command_path]  # type: ignore[method-assign]
    failing_root.get_command = lambda *_: click.Command("it")  # type: ignore[method-assign]
    return CliRunner(env={"KEYWORKS_DEBUG": debug}).invoke(failing_root, ["it"])


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (OperatorError("There is none."), 1, "Error: There is none.\n"),
        (NotAuthorized("You may not."), 1, "Error: You may not.\n"),
        (IntegrityFailure("Entry 3 was changed."), 1, "Error: Entry 3 was changed.\n"),
        (InternalError("A write failed.", private="secret detail"), 1, "Error: A write failed.\n"),
        (OperatorError("Name \x1b[31mred"), 1, "Error: Name \\x1b[31mred\n"),
        (Unavailable("Busy.", retry_after=timedelta(seconds=9)), 3, "Error: Busy. Try again in 9 s.\n"),
        (PermissionError(errno.EACCES, "Permission denied", "x.db"), 1, "Error: x.db: Permission denied.\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "Error: No space left on device.\n"),
    ],
)
def test_a_failure_is_one_sentence_and_an_exit_code(error: BaseException, code: int, sentence: str) -> None:
    result = failing(error)
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", sentence)


def test_an_interrupt_says_that_something_may_have_been_done_and_how_to_look() -> None:
    result = failing(KeyboardInterrupt())
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.startswith("Interrupted. What was begun may have been done")
    assert "`keyworks ledger show`" in result.stderr


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 130])
def test_the_help_lists_every_exit_status(code: int) -> None:
    table = help_of("keyworks").partition("Exit status:")[2].partition("Environment:")[0]
    assert re.search(rf"^ +{code}  +\w", table, re.MULTILINE)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (["devices", "list"], "There is no command 'devices'. Did you mean 'device' or 'service'?"),
        (["device", "lsit"], "There is no command 'lsit'. Did you mean 'list'?"),
        (["nonsense"], "There is no command 'nonsense'."),
        (["device", "list", "--manufaturer", "X"], "'--manufacturer'?)"),
        (["device", "show", "-5"], "goes to the end, behind --, as in: keyworks device show -- -1"),
        (["device", "list", "-5"], "No such option '-5'."),
    ],
)
def test_a_typing_error_is_answered_with_what_may_have_been_meant(typed: list[str], answer: str) -> None:
    result = CliRunner().invoke(root, typed, prog_name="keyworks")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].endswith(answer)


def test_a_bug_is_a_sentence_and_with_debug_a_traceback() -> None:
    short, long = failing(ZeroDivisionError("gone")), failing(ZeroDivisionError("gone"), debug="1")
    assert short.exit_code == long.exit_code == 1
    assert short.stderr.startswith("Error: Something unforeseen went wrong in Keyworks (ZeroDivisionError);")
    assert "Traceback" not in short.stderr
    assert "Traceback" in long.stderr


def test_debug_shows_what_only_our_own_log_may_hold() -> None:
    error: KeyworksError = InternalError("A write failed.", private="page 7")
    assert failing(error, debug="1").stderr.endswith("Error: A write failed. (page 7)\n")


def python(*arguments: str, home: Path | None = None) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    if home is not None:
        environment["KEYWORKS_HOME"] = str(home)
    return subprocess.Popen(
        [sys.executable, *arguments], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys, atexit\n"
        "heavy = {'alembic', 'aiohttp', 'uvicorn', 'rich', 'sqlalchemy', 'cryptography', 'asyncio'}\n"
        "atexit.register(lambda: print(sorted(heavy & set(sys.modules)), file=sys.stderr))\n"
        "from keyworks.cli import main\n"
        "sys.argv = ['keyworks', '--help']\n"
        "main()\n"
    )
    out, err = python("-c", program).communicate(timeout=60)
    assert "Usage: keyworks" in out
    assert err == "[]\n"


def test_a_process_of_its_own_finds_the_home_in_the_environment(supplier_home: Path) -> None:
    with python("-m", "keyworks", "authority", "list", home=supplier_home) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    headings = ["NAME", "GEN", "ISSUES", "PROFILE", "PARENT", "ISSUES UNTIL", "ENDS", "SUBJECT"]
    assert " ".join(out.splitlines()[0].split()) == " ".join(headings)


@pytest.mark.parametrize("words", [["authority", "export", "root"], ["authority", "list"], ["--help"]])
def test_a_full_disk_behind_the_output_is_one_sentence(supplier_home: Path, words: list[str]) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "keyworks", "--home", str(supplier_home), *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "Error: No space left on device.\n")


def test_a_reader_that_goes_away_is_no_reason_for_a_traceback(supplier_home: Path) -> None:
    with python("-m", "keyworks", "authority", "list", home=supplier_home) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=60) == 1
