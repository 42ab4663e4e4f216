"""The whole examination of a node: it changes nothing, and whatever is broken is a finding, not a failure."""

import asyncio
from pathlib import Path

from keyworks.errors import KeyworksError
from keyworks.service.doctor import machine
from keyworks.service.doctor.finding import Finding, Level, error, ok
from keyworks.service.doctor.inside import examine_inside
from keyworks.service.doctor.network import examine_listeners, examine_publication
from keyworks.service.installation import open_installation, settings_of
from keyworks.service.server_certificate import server_root
from keyworks.settings.node import NodeSettings
from keyworks.store.clock import Clock
from keyworks.x509.certificate import Certificate


async def examine(home: Path, clock: Clock | None = None) -> list[Finding]:
    """Return what is found in the installation in ``home`` and on its machine."""
    try:
        settings = settings_of(home)
    except KeyworksError as refused:
        return [
            error("settings", refused.detail, "Nothing works before that; name another folder with --home.")
        ]
    found = [
        ok("settings", "keyworks.toml can be read."),
        *machine.examine_files(home, settings),
        *machine.examine_passphrase(home, settings),
        *machine.examine_database(home, settings),
        *machine.examine_disk(home, settings),
        *machine.examine_workers(settings),
        *machine.examine_limits(settings),
    ]
    if any(one.level is Level.ERROR and one.check in ("passphrase", "database") for one in found):
        return found
    try:
        return [*found, *await _examine_open(home, settings, clock)]
    except KeyworksError as refused:
        return [*found, error("installation", refused.detail, "It does not open; the server does not start.")]


async def _examine_open(home: Path, settings: NodeSettings, clock: Clock | None) -> list[Finding]:
    async with open_installation(home, clock) as installation:
        found = [finding async for finding in examine_inside(installation)]
        register, _ = await installation.registers.current()
        published = {one.authority.publication_url: one.issuer.file_name for one in register.newest.values()}
        root = await server_root(installation)
    return [*found, *await asyncio.to_thread(_examine_network, settings, root, published)]


def _examine_network(
    settings: NodeSettings, root: Certificate | None, published: dict[str, str]
) -> list[Finding]:
    found = [*examine_listeners(settings, root)]
    for url, file_name in published.items():
        found += examine_publication(url, file_name)
    return found
