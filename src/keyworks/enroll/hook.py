"""What a plant wants done after a renewal: a command that lets a service use the new certificate.

A service that is not told goes on with the former certificate until that ends, so the command is run until it
has succeeded once for the certificate in use. What it has succeeded for is written down beside the certificate:
neither a power failure nor a restart loses it.
"""

import asyncio
import os
import shlex
import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

from keyworks.enroll.identity import LINKS, Identity, IdentityFolder
from keyworks.errors import OperatorError

LIMIT: Final = timedelta(minutes=5)
_GRACE: Final = timedelta(seconds=5)
_SECRETS: Final = ("KEYWORKS_SECRET", "KEYWORKS_PASSPHRASE")
_STANDARD_ERROR: Final = 2
VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {f"KEYWORKS_{Path(name).stem.upper()}": name for name in LINKS}
)
"""Names of environment variables that tell a command the files, and the files' names."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A command.

    Args:
        words: The program and its arguments; no shell sees them.
        limit: How long it may take.
    """

    words: tuple[str, ...]
    limit: timedelta = LIMIT

    @property
    def text(self) -> str:
        """Return it as it is typed."""
        return shlex.join(self.words)


def parse_hook(text: str) -> Hook:
    """Return the command in text, split into words as a shell does, quotes and all.

    Raises:
        OperatorError: There is none, or its program is not there.
    """
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise OperatorError(f"The command '{text}' cannot be read: {error}.") from error
    if not words:
        raise OperatorError("The command to run after a renewal is empty; leave it out, or name a program.")
    if "\0" in text or shutil.which(words[0]) is None:
        raise OperatorError(
            f"There is no program '{words[0]}' to run after a renewal; write its path. "
            "(A shell's own words need a shell: sh -c '...'.)"
        )
    return Hook(words)


async def announce(hook: Hook, folder: IdentityFolder, present: Identity) -> None:
    """Run the command for the certificate in use, and write down that it has succeeded.

    Its output goes to our standard error. Who cancels this ends the command.

    Raises:
        OperatorError: It failed, or took too long.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *hook.words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=_STANDARD_ERROR,
            env=_environment(folder.folder, present.label),
            start_new_session=True,
        )
    except OSError as error:
        raise OperatorError(f"`{hook.text}` cannot be run: {error.strerror or error}.") from error
    try:
        async with asyncio.timeout(hook.limit.total_seconds()):
            status = await process.wait()
    except TimeoutError as error:
        raise OperatorError(
            f"`{hook.text}` was ended because it took longer than {hook.limit.total_seconds():g} s."
        ) from error
    finally:
        if process.returncode is None:
            await _end(process)
    if status:
        how = f"ended with status {status}" if status > 0 else f"was ended by signal {-status}"
        raise OperatorError(f"`{hook.text}` {how}.")
    folder.note_announced(present)


def _environment(folder: Path, label: str) -> dict[str, str]:
    """Return our environment without secrets, with where everything is."""
    whole = folder.absolute()
    inherited = {name: value for name, value in os.environ.items() if name not in _SECRETS}
    files = {variable: str(whole / name) for variable, name in VARIABLES.items()}
    return {**inherited, **files, "KEYWORKS_FOLDER": str(whole), "KEYWORKS_LABEL": label}


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a command and what it has started: politely, then not."""
    _signal(process, signal.SIGTERM)
    with suppress(TimeoutError):
        async with asyncio.timeout(_GRACE.total_seconds()):
            await process.wait()
    # Also where the command has ended: what it has started may not have listened.
    _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process: asyncio.subprocess.Process, word: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, word)
