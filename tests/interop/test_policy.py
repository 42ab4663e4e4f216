"""A policy that is applied while servers run is in force on every connection with its next request."""

import http.client
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from keyworks.service.installation import Installation
from keyworks.service.policy.apply import apply, propose
from keyworks.service.policy.history import export_policy, present_policy
from keyworks.settings.factory import Draft, read_factory
from keyworks.settings.toml import Source
from tests.interop.est_plant import Site, create, serving

ADDED = """
[authority.line]
profile = "issuing"
parent = "root"

[profile.pump]
based_on = "ldevid"
lifetime = "90d"

[channel.pumps]
authority = "line"
profile = "pump"
"""
CONNECTIONS = 16
"""Of which each of two workers has some, but once in 32,768 times."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An operator's installation that two workers serve."""
    with serving(create(tmp_path_factory.mktemp("policy"), "operator", workers=2)) as site:
        yield site


def _statuses(connections: list[http.client.HTTPSConnection], label: str) -> set[int]:
    """Ask for a channel's CA certificates on every connection."""
    found = set()
    for one in connections:
        one.request("GET", f"/.well-known/est/{label}/cacerts")
        with one.getresponse() as response:
            response.read()
            found.add(response.status)
    return found


async def _apply(installation: Installation, draft: Draft) -> None:
    await apply(installation, await propose(installation, draft), "apply factory.toml")


def test_open_connections_to_every_worker_follow_with_their_next_request(site: Site) -> None:
    before = Draft(site.act(present_policy))
    address = urlsplit(site.server.enrollment)
    context = ssl.create_default_context(cafile=str(site.trust))
    assert len(site.workers) == 2
    with ExitStack() as stack:
        connections = [
            stack.enter_context(
                closing(
                    http.client.HTTPSConnection(
                        address.hostname or "", address.port, context=context, timeout=30
                    )
                )
            )
            for _ in range(CONNECTIONS)
        ]
        assert _statuses(connections, "pumps") == {404}
        assert _statuses(connections, "ldevid") == {200}
        text = site.act(export_policy) + ADDED
        wanted = read_factory(Source("factory.toml", text), Path())
        site.act(lambda installation: _apply(installation, wanted))
        assert _statuses(connections, "pumps") == {200}
        site.act(lambda installation: _apply(installation, before))
        assert _statuses(connections, "pumps") == {404}
        assert _statuses(connections, "ldevid") == {200}
