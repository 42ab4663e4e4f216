"""``keyworks enroll --watch`` as a process of its own, against a server that comes, goes and comes again."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from keyworks.enroll.answer import Granted
from keyworks.enroll.identity import IdentityFolder
from keyworks.enroll.issued import check_issued
from keyworks.enroll.trust import parse_trust
from keyworks.enroll.upkeep import Wish
from keyworks.enroll.watch import Event, Happened, Means, Watch, Watched
from keyworks.enroll.window import Timetable
from keyworks.server.running import running_server
from keyworks.service.installation import open_installation
from keyworks.service.policy.apply import amend
from keyworks.service.policy.document import with_section
from keyworks.service.setup import create_installation
from keyworks.settings.factory import FactoryDocument
from keyworks.settings.node import read_node_settings, render_node_settings
from keyworks.store.clock import SystemClock
from keyworks.testing import EnrollmentDesk, FixedClock, Holder, small_installation
from keyworks.x509.certificate import Certificate, ders_of, pem_of
from keyworks.x509.name import EMPTY_NAME
from keyworks.x509.request import encode_certification_request

LONG_AGO = timedelta(days=300)
"""Certificates of stations live for a year: what was issued then is due now, whatever chance says."""

SECONDS = 60


class Watching:
    """A watch that runs, and what it says."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.said: list[dict[str, Any]] = []

    def until(self, event: str) -> dict[str, Any]:
        """Read on to the next event of a kind, and return it."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if line.startswith("{"):
                self.said.append(json.loads(line))
                if self.said[-1]["event"] == event:
                    return self.said[-1]
        raise AssertionError(f"It ended without saying '{event}': {self.said}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self._process.send_signal(how)
        self.until("stopped")
        return self._process.wait(SECONDS)


@contextmanager
def watching(*words: str | Path) -> Iterator[Watching]:
    """Run a watch; should it hang, it is killed, and what is read from it comes to its end."""
    command = [sys.executable, "-m", "keyworks", "enroll", *map(str, words), "--watch", "--json"]
    bounded = ["timeout", "--signal=KILL", str(SECONDS), *command]
    with subprocess.Popen(bounded, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as process:
        try:
            yield Watching(process)
        finally:
            process.kill()


async def _certified_long_ago(home: Path, folders: dict[str, Path], *, server_key: bool = False) -> bytes:
    """Create an installation in the past with stations whose identities are in folders; return its root."""
    clock = FixedClock(SystemClock().now() - int(LONG_AGO.total_seconds()))
    await create_installation(small_installation(home, "supplier"), clock)
    async with open_installation(home, clock) as installation:
        desk = EnrollmentDesk(installation)
        holders = {name: await desk.station(name, "idevid") for name in folders}
    for name, holder in holders.items():
        await _put(IdentityFolder(folders[name]), holder, clock.now(), server_key=server_key)
    return next(iter(holders.values())).issued.chain[-1]


async def _put(folder: IdentityFolder, holder: Holder, at: int, *, server_key: bool = False) -> None:
    issued = check_issued(Granted(holder.issued.der), holder.signer.public_key, holder.issued.chain, at=at)
    with folder.locked():
        request = await encode_certification_request(EMPTY_NAME, holder.signer)
        folder.complete(folder.begin("stations", holder.signer, request, server_key=server_key), issued)


def _make_keys(document: FactoryDocument) -> FactoryDocument:
    return with_section(
        document, "channel", "stations", replace(document.channel["stations"], server_keys="P-384")
    )


def _listen_at(home: Path, port: int) -> None:
    file = home / "keyworks.toml"
    settings = read_node_settings(file)
    listen = replace(settings.listen, enrollment=f"127.0.0.1:{port}")
    file.write_text(render_node_settings(replace(settings, listen=listen)))


def _serial(folder: Path) -> int:
    return Certificate.parse(ders_of((folder / "certificate.pem").read_bytes())[0]).serial_number


@pytest.fixture
def port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_watch_renews_several_identities_over_a_server_that_is_away_and_tells_a_service(
    tmp_path: Path, port: int
) -> None:
    """RFC 7030 §4.2.2; the first try fails, the waits are over when the server is there."""
    home = tmp_path / "supplier"
    folders = {name: tmp_path / name for name in ("line-1", "line-2")}
    root = asyncio.run(_certified_long_ago(home, folders))
    _listen_at(home, port)
    (tmp_path / "root.pem").write_text(pem_of(root))
    before = {name: _serial(folder) for name, folder in folders.items()}
    told = tmp_path / "told"
    words = (f"https://localhost:{port}", "--trust", tmp_path / "root.pem")
    out = [word for folder in folders.values() for word in ("--out", folder)]
    hook = ("--after", f"""sh -c 'basename "$KEYWORKS_FOLDER" >> {told}'""")
    with watching(*words, *out) as watch:
        failures = [watch.until("failed") for _ in folders]
        assert {one["folder"] for one in failures} == set(map(str, folders.values()))
        assert all("cannot be reached" in one["sentence"] for one in failures)
        assert watch.stop() == 0
    assert {name: _serial(folder) for name, folder in folders.items()} == before
    with running_server(home), watching(*words, *out, *hook) as watch:
        while sum(one["event"] == "announced" for one in watch.said) < len(folders):
            watch.until("announced")
        assert watch.stop(signal.SIGINT) == 0
    assert sorted(told.read_text().split()) == ["line-1", "line-2"]
    assert all(_serial(folders[name]) != before[name] for name in folders)


def test_a_watch_has_the_next_key_made_where_the_present_one_was(tmp_path: Path, port: int) -> None:
    """RFC 7030 §4.4; nothing on the command line says so."""
    home, folder = tmp_path / "supplier", tmp_path / "line-1"

    async def prepared() -> bytes:
        root = await _certified_long_ago(home, {"line-1": folder}, server_key=True)
        async with open_installation(home) as installation:
            await amend(installation, "make keys", _make_keys)
        return root

    (tmp_path / "root.pem").write_text(pem_of(asyncio.run(prepared())))
    _listen_at(home, port)
    words = (f"https://localhost:{port}", "--trust", tmp_path / "root.pem", "--out", folder)
    with running_server(home), watching(*words) as watch:
        watch.until("renewed")
        assert watch.stop() == 0
    present = IdentityFolder(folder).current()
    assert present is not None
    assert present.is_server_key
    assert present.certificate.public_key.key_type == "P-384"


class Hurried:
    """A clock of a watch that waits for nothing: it is set forward instead."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> int:
        return int(SystemClock().now() + self._ahead)

    async def pause(self, seconds: float) -> None:
        self._ahead += seconds
        await asyncio.sleep(0)


def test_a_watch_trusts_whom_its_file_names_by_now(tmp_path: Path, port: int) -> None:
    """The server's root is another one than the file's at first; then the file is broken, and then right."""
    home, folder, file = tmp_path / "supplier", tmp_path / "line-1", tmp_path / "root.pem"
    root = asyncio.run(_certified_long_ago(home, {"line-1": folder}))
    former = asyncio.run(_certified_long_ago(tmp_path / "former", {"line-1": tmp_path / "former-1"}))
    _listen_at(home, port)
    file.write_text(pem_of(former))
    held = iter(["-----BEGIN CERTIFICATE-----", pem_of(root)])
    told: list[Event] = []

    async def watch() -> None:
        over, clock = asyncio.Event(), Hurried()

        def tell(event: Event) -> None:
            told.append(event)
            if event.happened is Happened.FAILED:
                file.write_text(next(held))
            if event.happened is Happened.RENEWED:
                over.set()

        watch = Watch(Timetable(), None, tell, Means(clock, clock.pause))
        wish = Wish(f"https://localhost:{port}", "stations", parse_trust(str(file)))
        task = asyncio.create_task(watch.keep([Watched(IdentityFolder(folder), wish)]))
        async with asyncio.timeout(SECONDS):
            await over.wait()
        task.cancel()

    before = _serial(folder)
    with running_server(home):
        asyncio.run(watch())
    assert [one.happened for one in told][:5] == [
        Happened.FAILED,
        Happened.NOT_TRUSTED,
        Happened.FAILED,
        Happened.TRUSTED,
        Happened.RENEWED,
    ]
    assert f"The CA file {file} holds no certificate" in told[1].sentence
    assert _serial(folder) != before
