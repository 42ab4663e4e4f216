"""``keyworks enroll --watch``: keeps identities valid until SIGTERM, and says what happens, a line each."""

import asyncio
import json
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from keyworks.cli.command import Session
from keyworks.cli.enroll_wish import Options, wish_of
from keyworks.cli.files import warn_if_exposed
from keyworks.cli.words import visible
from keyworks.enroll.hook import parse_hook
from keyworks.enroll.identity import IdentityFolder
from keyworks.enroll.watch import Event, Means, Watch, Watched
from keyworks.enroll.window import parse_windows
from keyworks.errors import OperatorError
from keyworks.store.clock import Clock
from keyworks.x509.certificate import time_text

_NOT_WITH_WATCH: Final = {
    "csr": "a key that is elsewhere cannot be renewed here",
    "force": "it would renew for ever",
}
_OF_THE_FIRST: Final = ("label", "subject", "key", "secret_file")
"""Options that say what one first certificate is to be."""


def run_watch(session: Session, options: Options, clock: Clock) -> None:
    """Watch until a signal ends it."""
    _check(options)
    hook = parse_hook(options.after) if options.after is not None else None
    timetable = parse_windows(options.window)
    identities = _watched(options)
    for one in identities:
        warn_if_exposed(one.folder.folder / "key.pem")
    log = _Log(clock, as_json=session.json)
    watch = Watch(timetable, hook, log.tell, Means(clock))
    log.say("started", f"Watching {', '.join(str(one.folder.folder) for one in identities)}.")
    ended_by = asyncio.run(_until_signal(watch, identities))
    log.say("stopped", f"Stopped by {ended_by}.")


def _check(options: Options) -> None:
    """Refuse what makes no sense with a watch."""
    for option, why in _NOT_WITH_WATCH.items():
        if getattr(options, option):
            raise click.UsageError(f"--{option} does not go with --watch: {why}. Leave one of them out.")
    if len(options.out) < 2:
        return
    if len({one.resolve() for one in options.out}) < len(options.out):
        raise click.UsageError("--out names the same folder twice.")
    for option in _OF_THE_FIRST:
        if getattr(options, option):
            word = f"--{option.replace('_', '-')}"
            raise click.UsageError(
                f"{word} does not go with several --out: they hold their identities already, and keep "
                f"their channels and names. Leave {word} out."
            )


def _watched(options: Options) -> list[Watched]:
    """Return the identities.

    Raises:
        OperatorError: One of several folders holds none, so its channel is not known.
    """
    if options.label is not None or not options.out:
        return [Watched(IdentityFolder(options.folder), wish_of(options))]
    found = []
    for place in options.out:
        folder = IdentityFolder(place)
        present = folder.current()
        if present is None:
            raise OperatorError(
                f"{place} holds no identity yet; get it first with `keyworks enroll --label LABEL --out "
                f"{place}`, or name its channel with --label and watch it alone."
            )
        found.append(Watched(folder, wish_of(replace(options, label=present.label, out=(place,)))))
    return found


async def _until_signal(watch: Watch, identities: Sequence[Watched]) -> str:
    """Watch until SIGTERM or SIGINT; return which one came."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(watch.keep(identities))
    came: list[signal.Signals] = []

    def end(one: signal.Signals) -> None:
        came.append(one)
        task.cancel()

    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, end, one)
    with suppress(asyncio.CancelledError):
        await task
    return came[0].name


class _Log:
    """One line per event on standard error: for people, or in JSON.

    Args:
        clock: Tells when.
        as_json: Whether scripts read it.
    """

    def __init__(self, clock: Clock, *, as_json: bool) -> None:
        self._clock = clock
        self._json = as_json

    def tell(self, event: Event) -> None:
        """Say what happened to an identity."""
        self.say(event.happened.value, event.sentence, folder=event.folder, details=event.details)

    def say(
        self,
        happened: str,
        sentence: str,
        *,
        folder: Path | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Say something; where nobody can hear it, work goes on."""
        at = time_text(self._clock.now())
        if self._json:
            where = {"folder": str(folder)} if folder is not None else {}
            line = json.dumps({"at": at, "event": happened, **where, **(details or {}), "sentence": sentence})
        else:
            place = f"{folder}: " if folder is not None else ""
            line = visible(f"{at} {place}{sentence}".replace("\n", " "))
        with suppress(OSError):
            click.echo(line, err=True)
