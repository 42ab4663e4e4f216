"""What documents show of a terminal, typed into a real one.

In a block fenced as ``console``, a line that starts with ``$`` and a space is a command, one that starts with
``>`` and a space goes on with it, and the lines below are what it prints: all of it, and nothing else. ``…``
stands for what varies: within a line for some characters, alone on a line for any number of lines. A command
that is shown to print ``Error:`` ends with status 1; every other one with status 0.
"""

import os
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_BLOCK: Final = re.compile(r"^```console\n(?P<lines>.*?)^```$", re.DOTALL | re.MULTILINE)
_VARIES: Final = "…"
_NOT_IN_RANGE_OF_CLIENTS: Final = range(20_000, 32_000)


@dataclass(frozen=True, slots=True)
class Typed:
    """A command in a document.

    Args:
        command: As somebody types it.
        shown: What it prints, as the document has it.
    """

    command: str
    shown: str

    @property
    def status(self) -> int:
        """Return the exit status that the document leads to expect."""
        return 1 if self.shown.startswith("Error: ") else 0

    def is_what_was_printed(self, printed: str) -> bool:
        """Return whether the document shows what was printed."""
        pattern = "".join(_pattern(line) for line in self.shown.splitlines())
        return re.fullmatch(pattern, _without_trailing_space(printed)) is not None


def _pattern(line: str) -> str:
    if line == _VARIES:
        return r"(?:.*\n)*?"
    return re.escape(line.rstrip()).replace(re.escape(_VARIES), ".+?") + r"\n"


def _without_trailing_space(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


@dataclass(frozen=True, slots=True)
class Done:
    """A command that was typed.

    Args:
        typed: The command.
        status: Its exit status.
        printed: To standard output and standard error.
    """

    typed: Typed
    status: int
    printed: str


def typed_in(document: Path, replaced: Mapping[str, str] | None = None) -> Iterator[Typed]:
    """Yield the commands of a document's console blocks.

    Args:
        document: Markdown.
        replaced: Words of the document (ports, say) and what takes their place in this run.
    """
    text = document.read_text(encoding="utf-8")
    for word, instead in (replaced or {}).items():
        text = re.sub(rf"\b{re.escape(word)}\b", instead, text)
    for block in _BLOCK.finditer(text):
        for one in re.split(r"^\$ ", block["lines"], flags=re.MULTILINE)[1:]:
            command, *shown = one.splitlines()
            while shown and shown[0].startswith("> "):
                command += "\n" + shown.pop(0).removeprefix("> ")
            yield Typed(command, "".join(f"{line}\n" for line in shown))


def free_ports(ports: Sequence[str]) -> dict[str, str]:
    """Return a free port for each of a document's, none that a client's socket could take meanwhile."""
    found: dict[str, str] = {}
    candidates = iter(random.sample(_NOT_IN_RANGE_OF_CLIENTS, 500))
    for port in ports:
        found[port] = next(str(candidate) for candidate in candidates if _is_free(candidate))
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def environment(home: Path) -> dict[str, str]:
    """Return the environment of somebody who has just logged in, and has this Python's commands at hand."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    return {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8", "TERM": "dumb"}


def typing(commands: Sequence[Typed], start: Path, home: Path, seconds: float) -> list[Done]:
    """Type commands into one shell, up to the first that does not end, or not as its document says.

    What is still running afterwards is stopped.

    Args:
        commands: In order; they share variables, jobs and the working directory.
        start: Where the shell starts.
        home: The home folder; an empty one.
        seconds: How long all of it may take.
    """
    places = [home.with_name(f"{home.name}-{number}") for number in range(len(commands))]
    script = home.with_name(f"{home.name}-typed")
    script.write_text("".join(map(_script, commands, places)), encoding="utf-8")
    shell = ["bash", "--noprofile", "--norc", str(script)]
    with subprocess.Popen(
        shell, cwd=start, env=environment(home), stdin=subprocess.DEVNULL, start_new_session=True
    ) as process:
        with suppress(subprocess.TimeoutExpired):  # the command that did not end is missing in the answer
            process.wait(seconds)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
    return [
        Done(typed, int(status.read_text()), place.read_text(encoding="utf-8"))
        for typed, place in zip(commands, places, strict=True)
        if (status := place.with_suffix(".status")).exists()
    ]


def differences(commands: Sequence[Typed], done: Sequence[Done]) -> list[str]:
    """Return where commands did not do what their document says: the first status, every wrong text."""
    wrong = [
        f"$ {one.typed.command}\n{one.printed}(exit status {one.status})"
        for one in done
        if one.status != one.typed.status or not one.typed.is_what_was_printed(one.printed)
    ]
    stopped = [f"$ {one.command}\ndid not end" for one in commands[len(done) :][:1]]
    return wrong or stopped


def _script(typed: Typed, place: Path) -> str:
    printed, status = shlex.quote(str(place)), shlex.quote(str(place.with_suffix(".status")))
    return (
        f"{{ {typed.command}\n}} > {printed} 2>&1\n"
        f"status=$?; echo $status > {status}; [ $status = {typed.status} ] || exit 1\n"
    )


def left_in(folder: Path) -> list[str]:
    """Return the command lines of the processes that work in a folder or name it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is somebody else's
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            inside = str(folder) in words or (process / "cwd").readlink().is_relative_to(folder)
            if words and inside:  # without words it is about to end
                found.append(words)
    return found
