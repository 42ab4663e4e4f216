"""A factory of a thousand channels and a thousand authorities: planned, applied, served."""

import asyncio
import http.client
import ssl
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from keyworks.server.running import running_server
from keyworks.service.authorities import find_generation
from keyworks.service.installation import Installation, open_installation
from keyworks.service.policy.apply import Proposal, apply, propose
from keyworks.service.policy.document import with_section
from keyworks.service.policy.history import present_policy
from keyworks.service.setup import create_installation
from keyworks.settings.factory import AuthoritySection, ChannelSection, Draft, FactoryDocument, read_factory
from keyworks.settings.node import NodeSettings, read_node_settings, render_node_settings
from keyworks.settings.toml import Source, render
from keyworks.testing import small_installation
from keyworks.x509.certificate import pem_of
from tests.bench.figure import Figure, at_most

_MANY: Final = 1000
_CONNECTIONS: Final = 16
_WORKERS: Final = 2


def measure(folder: Path) -> list[Figure]:
    """Return the figures of the policy."""
    home = folder / "policy"
    planned, changed = asyncio.run(_prepare(home))
    file = home / "keyworks.toml"
    file.write_text(render_node_settings(_with_workers(read_node_settings(file))))
    begun = time.perf_counter()
    with running_server(home) as server:
        ready = time.perf_counter() - begun
        effective = _effective(home, server.enrollment)
    return [
        at_most("plan of a factory with 1,000 channels, of a file of its", planned, "s", 1.0),
        at_most("the same, where every channel changes", changed, "s", 1.0),
        at_most("server ready with 1,000 authorities and 1,000 channels", ready, "s", 3.0),
        at_most("apply begun, in force on 16 connections to two workers", effective, "s", 1.0),
    ]


def _with_workers(settings: NodeSettings) -> NodeSettings:
    return msgspec.structs.replace(settings, node=msgspec.structs.replace(settings.node, workers=_WORKERS))


async def _prepare(home: Path) -> tuple[float, float]:
    """Create the installation; return the seconds of a plan that finds nothing, and of one that changes all."""
    await create_installation(small_installation(home, "operator"))
    async with open_installation(home) as installation:
        (home / "root.pem").write_text(pem_of((await find_generation(installation, "root")).certificate.der))
        document = await present_policy(installation)
        for number in range(_MANY):
            authority = AuthoritySection(profile="issuing", parent="root")
            document = with_section(document, "authority", f"a{number}", authority)
            channel = ChannelSection(authority=f"a{number}", profile="ldevid")
            document = with_section(document, "channel", f"c{number}", channel)
        await apply(installation, await propose(installation, Draft(document)), "bench")
        others = {label: msgspec.structs.replace(one, approvals=1) for label, one in document.channel.items()}
        planned, proposal = await _timed(installation, document)
        assert proposal.steps == ()
        changed, proposal = await _timed(installation, msgspec.structs.replace(document, channel=others))
        assert len(proposal.steps) == len(others)
        return planned, changed


async def _timed(installation: Installation, document: FactoryDocument) -> tuple[float, Proposal]:
    text = render(document)
    begun = time.perf_counter()
    source = Source("factory.toml", text)
    proposal = await propose(installation, read_factory(source, Path()))
    return time.perf_counter() - begun, proposal


def _effective(home: Path, url: str) -> float:
    """Return the seconds from the beginning of an apply until every open connection knows its channel."""
    address, context = urlsplit(url), ssl.create_default_context(cafile=str(home / "root.pem"))
    connections = [
        http.client.HTTPSConnection(address.hostname or "", address.port, context=context, timeout=30)
        for _ in range(_CONNECTIONS)
    ]
    try:
        assert {_status(one) for one in connections} == {404}
        begun = time.perf_counter()
        asyncio.run(_add_channel(home))
        while any(_status(one) != 200 for one in connections):
            pass
        return time.perf_counter() - begun
    finally:
        for one in connections:
            one.close()


async def _add_channel(home: Path) -> None:
    async with open_installation(home) as installation:
        channel = ChannelSection(authority="a0", profile="ldevid")
        document = with_section(await present_policy(installation), "channel", "added", channel)
        await apply(installation, await propose(installation, Draft(document)), "bench")


def _status(connection: http.client.HTTPSConnection) -> int:
    connection.request("GET", "/.well-known/est/added/cacerts")
    with connection.getresponse() as response:
        response.read()
        return response.status
