"""A database server that fails over, or can be read only: what was released is there, and the line goes on."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from keyworks.server.running import RunningServer, running_server
from keyworks.settings.node import Database
from keyworks.testing.postgresql import (
    SETTINGS,
    Cluster,
    as_its_account,
    programs,
    running_cluster,
    start,
    stop,
)
from tests.faults.line import (
    Line,
    Witness,
    certificates_of,
    check,
    prepare,
    refusal,
    wait_until_ready,
)

DEVICES: Final = 120


@contextmanager
def _standby(of: Cluster) -> Iterator[Cluster]:
    """Run a copy that follows a server until it is promoted."""
    folder = Path(tempfile.mkdtemp(prefix="keyworks-standby-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        source = f"host={of.folder} user=postgres"
        copy = as_its_account(programs() / "pg_basebackup", "-D", folder, "-d", source, "-R", "-c", "fast")
        subprocess.run(copy, check=True, capture_output=True, timeout=60)
        (folder / ".s.PGSQL.5432.lock").unlink()  # the socket lies in its folder, as the first one's does
        process = start(folder, SETTINGS)
        try:
            yield Cluster(folder, process)
        finally:
            stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_a_server_that_fails_over_to_its_standby_loses_nothing(tmp_path: Path) -> None:
    """The first one dies under load; the standby has every commit that was answered."""
    home, failed = tmp_path / "home", False
    with ExitStack() as stack:
        first = stack.enter_context(running_cluster())
        first.execute("CREATE DATABASE {}", "keyworks")
        second = stack.enter_context(_standby(first))
        first.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        first.execute("SELECT pg_reload_conf()")
        url = f"postgresql://postgres@/keyworks?host={first.folder},{second.folder}&target_session_attrs=read-write"
        prepared, witness = asyncio.run(prepare(home, Database(url=url))), Witness(home)
        server = stack.enter_context(running_server(home))

        def fail(done: int) -> None:
            nonlocal failed
            if done >= DEVICES // 3 and not failed:
                failed = True
                first.process.send_signal(signal.SIGKILL)
                second.execute("SELECT pg_promote(false)")

        async def run() -> None:
            line = Line([home], [server], prepared.trust, await prepared.station(server))
            names = await line.register(DEVICES)
            async with witness.looking():
                held = certificates_of(await line.enroll(names, fail))
            await check(home, held, tmp_path / "ledger", witness.notes)

        asyncio.run(run())
    assert failed
    assert witness.notes


def test_a_server_that_may_only_be_read_is_told_until_it_takes_records_again(
    cluster: Cluster, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    prepared = asyncio.run(prepare(home, Database(url=cluster.url("keyworks"))))

    def read_only(word: str) -> None:
        cluster.execute(f"ALTER SYSTEM SET default_transaction_read_only = {word}")
        cluster.execute("SELECT pg_reload_conf()")

    async def run(server: RunningServer) -> None:
        line = Line([home], [server], prepared.trust, await prepared.station(server))
        names = await line.register(20)
        held = certificates_of(await line.enroll(names[:10]))
        read_only("on")
        assert "cannot be written now: it is read-only" in await refusal(line, names[10])
        wait_until_ready(server, 503)
        read_only("off")
        wait_until_ready(server, 200)
        held += certificates_of(await line.enroll(names[10:]))
        await check(home, held, tmp_path / "ledger")

    with running_server(home) as server:
        asyncio.run(run(server))
