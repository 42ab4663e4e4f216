"""The whole examination of a node: it changes nothing, and whatever is broken is a finding, not a failure."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from pathlib import Path

from keyworks.errors import KeyworksError
from keyworks.service.doctor import database, files, machine
from keyworks.service.doctor.finding import Finding, Level, error
from keyworks.service.doctor.inside import examinations, published_by
from keyworks.service.doctor.listeners import examine_listeners
from keyworks.service.doctor.publication import Published, examine_publication
from keyworks.service.installation import Installation, open_installation, settings_of
from keyworks.service.server_certificate import server_root
from keyworks.settings.node import NodeSettings
from keyworks.store.clock import Clock, SystemClock
from keyworks.x509.certificate import Certificate


async def examine(home: Path, clock: Clock | None = None) -> list[Finding]:
    """Return what is found in the installation in ``home`` and on its machine."""
    clock = clock or SystemClock()
    found = _looked("settings", lambda: files.examine_settings(home))
    if found[-1].level is Level.ERROR:
        return [*found, *_looked("clock", lambda: machine.examine_clock(clock.now()))]
    settings = settings_of(home)
    found += [
        *_looked("files", lambda: files.examine_files(home, settings)),
        *_looked("passphrase", lambda: files.examine_passphrase(home, settings)),
        *_looked("database", lambda: database.examine_database(home, settings)),
        *(_on_disk(home, settings) if settings.database.url is None else []),
        *_looked("workers", lambda: machine.examine_workers(settings)),
        *_looked("open files", lambda: machine.examine_limits(settings)),
        *_looked("clock", lambda: machine.examine_clock(clock.now())),
    ]
    opens = not any(one.level is Level.ERROR and one.check in ("passphrase", "database") for one in found)
    contents, root, published = await _opened(home, clock) if opens else ([], None, [])
    reached = await asyncio.to_thread(_examine_network, settings, root, published)
    return [*found, *contents, *reached]


def _on_disk(home: Path, settings: NodeSettings) -> list[Finding]:
    return [
        *_looked("disk", lambda: machine.examine_disk(home, settings)),
        *_looked("file system", lambda: machine.examine_file_system(home, settings)),
    ]


async def _opened(home: Path, clock: Clock) -> tuple[list[Finding], Certificate | None, list[Published]]:
    """Return what is found inside, and what the network is then held against."""
    try:
        async with open_installation(home, clock, looks=True) as installation:
            found = [
                finding
                for check, examining in examinations(installation).items()
                for finding in await _looked_inside(check, examining())
            ]
            return (found, *await _expected(installation))
    except KeyworksError as refused:
        return [error("installation", refused.detail, "It does not open, nor does the server start.")], None, []


async def _expected(installation: Installation) -> tuple[Certificate | None, list[Published]]:
    try:
        return await server_root(installation), await published_by(installation)
    except Exception:  # noqa: BLE001 - what is wrong inside was found there
        return None, []


def _examine_network(
    settings: NodeSettings, root: Certificate | None, published: list[Published]
) -> list[Finding]:
    found = _looked("listen", lambda: examine_listeners(settings, root, published))
    for url in dict.fromkeys(one.url for one in published):
        there = [one for one in published if one.url == url]
        found += _looked(f"publication {url}", partial(examine_publication, url, there))
    return found


def _looked(check: str, examining: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """Return what a check finds; where it fails itself, that is what is found."""
    found: list[Finding] = []
    try:
        found.extend(examining())
    except Exception as failure:  # noqa: BLE001 - a check that fails must not keep the others from being made
        found.append(_failed(check, failure))
    return found


async def _looked_inside(check: str, examining: AsyncIterator[Finding]) -> list[Finding]:
    found: list[Finding] = []
    try:
        async for finding in examining:
            found.append(finding)  # noqa: PERF401 - what was found before a failure counts
    except Exception as failure:  # noqa: BLE001 - as above
        found.append(_failed(check, failure))
    return found


def _failed(check: str, failure: Exception) -> Finding:
    if isinstance(failure, KeyworksError):
        return error(check, failure.detail, "Where the database is damaged, restore it from a backup.")
    if isinstance(failure, OSError) and failure.strerror:
        where = f"{failure.filename}: " if failure.filename else ""
        return error(
            check, f"{where}{failure.strerror}.", "Let the account that serves see it, and run this as it."
        )
    return error(
        check,
        f"It cannot be examined ({type(failure).__name__}): what is recorded of it is damaged, or newer.",
        "Restore the database from a backup; if that does not help, report it.",
    )
