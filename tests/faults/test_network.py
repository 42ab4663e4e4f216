"""The network between a node and its database is cut: told within seconds, and over when it is mended."""

import asyncio
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from keyworks.service.setup import create_installation
from keyworks.settings.node import Database
from keyworks.testing import small_installation
from keyworks.testing.postgresql import SETTINGS, Cluster, running_cluster
from tests.faults.line import check
from tests.interop.est_plant import Answer, Site, serving
from tests.network import Host, host, link

NODE, DATABASE = "10.9.8.1", "10.9.8.2"
ANSWERED_SECONDS: Final = 20
"""A client waits no longer for the word that nothing can be done now."""

MENDED_SECONDS: Final = 30


@pytest.fixture
def node() -> Iterator[Host]:
    """The node's machine."""
    with host() as node:
        yield node


@pytest.fixture
def database(node: Host) -> Iterator[Cluster]:
    """A database server on another machine, with one cable in between."""
    with ExitStack() as stack:
        far = stack.enter_context(host(node))
        link(node, f"{NODE}/24", far, f"{DATABASE}/24")
        listening = {**SETTINGS, "listen_addresses": DATABASE}
        cluster = stack.enter_context(running_cluster(listening, far.command([])))
        cluster.execute("CREATE DATABASE {}", "keyworks")
        with (cluster.folder / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {NODE}/32 trust\n")
        cluster.execute("SELECT pg_reload_conf()")
        yield cluster


@pytest.fixture
def site(node: Host, database: Cluster, tmp_path: Path) -> Iterator[Site]:
    """An installation that the node serves; operators see its database from here."""
    home, seen, url = tmp_path / "node", tmp_path / "seen", database.url("keyworks")
    new = replace(small_installation(seen, "supplier"), database=Database(url=url))
    asyncio.run(create_installation(new))
    shutil.copytree(seen, home)
    settings = home / "keyworks.toml"
    settings.write_text(settings.read_text().replace(url, f"postgresql://postgres@{DATABASE}/keyworks"))
    within = tuple(node.command([]))
    program = (*within, sys.executable, "-m", "keyworks")
    with serving(home, program=program, within=within, seen=seen) as site:
        yield site


def test_a_node_without_its_database_says_so_in_time_and_goes_on_by_itself(
    site: Site, node: Host, tmp_path: Path
) -> None:
    names = [f"SN-{number}" for number in range(12)]
    site.register(*names)
    station = site.station("line-1", "idevid")
    wishes = [site.wish(f"/serialNumber={name}") for name in names]

    def ask(place: int) -> Answer:
        return site.enroll("idevid", wishes[place], *station.options)

    held = [ask(place).certificates[0] for place in range(4)]
    node.run("ip", "link", "set", "cable", "down")
    begun = time.monotonic()
    for place in range(4, 8):
        answer = ask(place)
        assert (answer.status, "retry-after" in answer.headers) == (503, True)
        assert answer.sentence == "The database cannot be reached; ask again.\n"
    assert site.curl("/readyz").status == 503
    assert time.monotonic() - begun < 5 * ANSWERED_SECONDS
    node.run("ip", "link", "set", "cable", "up")
    mended = time.monotonic()
    while site.curl("/readyz").status != 200:
        assert time.monotonic() - mended < MENDED_SECONDS
    for place in range(4, len(names)):
        while (answer := ask(place)).status == 503:  # the other worker may not have noticed yet
            assert time.monotonic() - mended < MENDED_SECONDS
        held += answer.certificates
    asyncio.run(check(site.home, held, tmp_path / "ledger"))
