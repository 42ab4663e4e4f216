"""The server's processes: killed, orphaned, stopped, misconfigured."""

import contextlib
import json
import os
import resource
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from keyworks.ledger.records import SELECT_WAITING, read_head
from keyworks.service.installation import Installation
from keyworks.store.engine import Transaction
from tests.interop.est_plant import PKCS10, Client, Site, create, serving

PATIENCE_SECONDS: Final = 30
ENROLL: Final = "/.well-known/est/idevid/simpleenroll"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A supplier's installation, never opened: copy it."""
    return create(tmp_path_factory.mktemp("template"), "supplier")


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "supplier"))


@pytest.fixture
def site(home: Path) -> Iterator[Site]:
    """An installation of the test's own, serving."""
    with serving(home) as site:
        yield site


def next_line(site: Site, event: str) -> dict[str, Any]:
    """Wait for an event in the server's log."""
    while True:
        line: dict[str, Any] = json.loads(site.server.log.get(timeout=PATIENCE_SECONDS))
        if line["event"] == event:
            return line


def end_of(process: int) -> int:
    """Return a descriptor that can be read when a process has ended."""
    return os.pidfd_open(process)


def wait_for(descriptor: int) -> None:
    try:
        assert select.select([descriptor], [], [], PATIENCE_SECONDS)[0]
    finally:
        os.close(descriptor)


def kill(process: int) -> None:
    """Kill a process, and wait until it is gone."""
    ended = end_of(process)
    os.kill(process, signal.SIGKILL)
    wait_for(ended)


def connect_tls(site: Site) -> ssl.SSLSocket:
    address = urlsplit(site.server.enrollment)
    raw = socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=PATIENCE_SECONDS)
    context = ssl.create_default_context(cafile=str(site.trust))
    return context.wrap_socket(raw, server_hostname="localhost")


def alive(site: Site) -> bool:
    return site.curl("/healthz").status == 200


def test_killed_workers_are_replaced_and_service_goes_on(site: Site) -> None:
    """Every worker is killed in its turn, so what answers in the end was started afterwards."""
    station = site.station("line-1", "idevid")
    before = site.workers
    assert len(before) == 2
    for number, worker in enumerate(before):
        kill(worker)
        line = next_line(site, "worker_died")
        assert (line["status"], line["level"]) == (-signal.SIGKILL, "error")
        site.register(f"SN-{number}")
        wish = site.wish(f"/serialNumber=SN-{number}")
        assert site.enroll("idevid", wish, *station.options).status == 200
    assert set(site.workers).isdisjoint(before)


def test_that_a_server_is_ready_is_said_once(home: Path) -> None:
    with serving(home) as site:
        for worker in site.workers:
            kill(worker)
            next_line(site, "worker_died")
            assert alive(site)
    events = [line["event"] for line in site.server.log_lines()]
    assert "ready" not in events
    assert events[-2:] == ["stopping", "stopped"]


def test_workers_stop_by_themselves_when_the_supervisor_is_gone(site: Site) -> None:
    workers = [end_of(worker) for worker in site.workers]
    assert len(workers) == 2
    site.server.process.kill()
    site.server.process.wait(PATIENCE_SECONDS)
    for worker in workers:
        wait_for(worker)
    address = urlsplit(site.server.enrollment)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=PATIENCE_SECONDS)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stopping_server_finishes_a_request_in_flight_and_places_every_entry(
    site: Site, stop: signal.Signals
) -> None:
    station = site.station("line-1", "idevid")
    site.register("SN-1")
    body = site.wish("/serialNumber=SN-1").body
    context = ssl.create_default_context(cafile=str(site.trust))
    context.load_cert_chain(station.chain, station.key)
    address = urlsplit(site.server.enrollment)
    raw = socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=PATIENCE_SECONDS)
    with context.wrap_socket(raw, server_hostname="localhost") as stream:
        head = f"POST {ENROLL} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        stream.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert stream.recv(1 << 16).startswith(b"HTTP/1.1 100 ")
        site.server.process.send_signal(stop)
        next_line(site, "stopping")
        stream.sendall(body)
        answer = b"".join(iter(lambda: stream.recv(1 << 16), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert site.server.process.wait(PATIENCE_SECONDS) == 0
    waiting, placed = site.act(entry_counts)
    assert waiting == 0
    assert placed > 0


def test_a_terminal_that_is_closed_stops_the_server_in_good_order(home: Path) -> None:
    """The signal reaches every process of the terminal, the workers too."""
    with serving(home) as site:
        for process in (*site.workers, site.server.process.pid):
            os.kill(process, signal.SIGHUP)
        assert site.server.process.wait(PATIENCE_SECONDS) == 0
        events = [line["event"] for line in site.server.log_lines()]
    assert events[-2:] == ["stopping", "stopped"]
    assert "worker_died" not in events


def test_a_server_started_with_nohup_outlives_its_terminal(home: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the server inherits that
    try:
        with serving(home) as site:
            site.server.process.send_signal(signal.SIGHUP)
            kill(site.workers[0])
            next_line(site, "worker_died")
            assert alive(site)
    finally:
        signal.signal(signal.SIGHUP, before)


async def entry_counts(installation: Installation) -> tuple[int, int]:
    """Return how many ledger entries wait for their place, and how many have one."""

    def read(tx: Transaction) -> tuple[int, int]:
        return len(tx.execute(SELECT_WAITING, {"most": 1000})), read_head(tx)[0].size

    return await installation.store.read(read)


def test_strangers_are_counted_and_summed_up_in_one_entry(home: Path) -> None:
    with serving(home) as site:
        for _ in range(3):
            assert site.curl(ENROLL, *PKCS10, data=b"AAAA").status == 401
        assert site.curl("/.well-known/est/nobody/simpleenroll", *PKCS10, data=b"AAAA").status == 404
        assert site.curl(ENROLL, *PKCS10, "-H", "Authorization: Bearer x", data=b"AAAA").status == 401
        with connect_tls(site) as stream:
            stream.sendall(b"garbage\r\n\r\n")
            stream.recv(1 << 16)
    summaries = site.entries("requests.refused")
    counted: dict[str, int] = {}
    for entry in summaries:
        for name, count in entry["detail"].items():  # type: ignore[attr-defined]
            counted[name] = counted.get(name, 0) + int(count)
    assert counted == {"127.0.0.1 AuthenticationFailed": 4, "127.0.0.1 NotFound": 1}
    assert 1 <= len(summaries) <= 2  # one per worker that counted
    told = [line for line in site.server.log_lines() if line["event"] == "counted"]
    assert {name: sum(line.get(name, 0) for line in told) for name in ("http_400", "refused_401")} == {
        "http_400": 1,
        "refused_401": 4,
    }


def run_serve(home: Path) -> tuple[int, list[dict[str, Any]], str]:
    """Run `keyworks serve` where it cannot serve; return its status, its log, and what it said last."""
    command = [sys.executable, "-m", "keyworks", "--home", str(home), "serve"]
    run = subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE_SECONDS, text=True)
    lines = run.stderr.splitlines()
    return run.returncode, [json.loads(line) for line in lines if line.startswith("{")], lines[-1]


def test_an_address_in_use_is_named(site: Site, home: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(home, tmp_path / "other"))
    settings = other / "keyworks.toml"
    address = urlsplit(site.server.console).netloc
    text = settings.read_text().replace('console = "127.0.0.1:0"', f'console = "{address}"')
    settings.write_text(text)
    status, log, said = run_serve(other)
    assert status != 0
    assert f"Cannot listen on {address} (listen.console in keyworks.toml): Address already in use." in said
    assert log == []


def test_a_wrong_passphrase_ends_the_server_with_a_clear_sentence(home: Path) -> None:
    (home / "passphrase").write_text("wrong\n")
    status, log, said = run_serve(home)
    assert status != 0
    assert "No worker could start; the log says why." in said
    failed = [line for line in log if line["event"] == "worker_failed"]
    assert failed
    assert all("passphrase" in line["reason"] for line in failed)
    assert "ready" not in [line["event"] for line in log]


def test_a_worker_that_cannot_start_anew_is_tried_again_until_it_can(site: Site, home: Path) -> None:
    passphrase = home / "passphrase"
    right = passphrase.read_text()
    passphrase.write_text("wrong\n")
    first, second = site.workers
    kill(first)
    for _ in range(2):
        next_line(site, "worker_failed")
        next_line(site, "worker_died")
        assert alive(site)
    passphrase.write_text(right)
    kill(second)
    assert alive(site)


def test_a_server_outlives_whoever_reads_its_log(home: Path) -> None:
    command = [sys.executable, "-m", "keyworks", "--home", str(home), "serve"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            ready = json.loads(process.stderr.readline())
            process.stderr.close()
            curl = ["curl", "--silent", "--retry", "30", "--retry-all-errors", "--retry-delay", "1"]
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            kill(int(children.read_text().split()[0]))
            for path, answer in (
                ("/nothing", "There is nothing at /nothing on this port."),
                ("/readyz", "ready"),
            ):
                said = subprocess.run(
                    [*curl, f"{ready['publication']}{path}"], capture_output=True, text=True, check=False
                )
                assert said.stdout == f"{answer}\n"
        finally:
            process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0


def test_a_server_keeps_within_the_files_it_may_open(tmp_path: Path) -> None:
    """A limit of the supervisor's is its workers' too; connections are fewer than files, so nothing fails."""
    with serving(create(tmp_path, "supplier", workers=1)) as site:
        station: Client = site.station("line-1", "idevid")
        resource.prlimit(site.server.process.pid, resource.RLIMIT_NOFILE, (150, 150))
        kill(site.workers[0])
        next_line(site, "worker_died")
        assert alive(site)
        with contextlib.ExitStack() as stack:
            address = urlsplit(site.server.enrollment)
            for _ in range(200):
                raw = socket.create_connection((str(address.hostname), int(address.port or 0)))
                stack.enter_context(raw)
            site.register("SN-1")
            wish = site.wish("/serialNumber=SN-1")
            assert site.enroll("idevid", wish, *station.options).status == 200
        assert [line for line in site.server.log_lines() if line["level"] != "info"] == []
