"""``keyworks enroll --watch`` and ``--after``, typed; how a watch goes on is in ``tests/interop``."""

import json
import os
import signal
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from keyworks.enroll.watch import Watch, Watched
from keyworks.store.clock import SystemClock
from keyworks.testing import FixedClock
from tests.unit.cli.shop import NOWHERE, Shop, enrolled, typed

WATCH = (NOWHERE[0], *NOWHERE[3:], "--watch")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--label", "x", "--force"), 2, "--force does not go with --watch: it would renew for ever"),
        (("--label", "x", "--csr", "a.csr"), 2, "--csr does not go with --watch"),
        (("--out", "a", "--out", "b", "--label", "x"), 2, "--label does not go with several --out"),
        (("--out", "a", "--out", "b", "--subject", "CN=x"), 2, "--subject does not go with several --out"),
        (("--out", "a", "--out", "b", "--secret-file", "-"), 2, "--secret-file does not go with several"),
        (("--out", "a", "--out", "./a"), 2, "names the same folder twice"),
        (("--out", "a", "--out", "b"), 1, "a holds no identity yet; get it first"),
        ((), 2, "Missing option '--label'"),
        (("--label", "x", "--window", "Samstag 2-5"), 1, "is no window"),
        (("--label", "x", "--after", "no-such-program"), 1, "There is no program 'no-such-program'"),
        (("--label", "x", "--out", "-"), 2, "An identity needs a folder"),
    ],
)
def test_what_cannot_be_watched_is_refused_at_once(
    words: tuple[str, ...], code: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = typed(*WATCH, *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert says in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--out", "a", "--out", "b"), "Give one --out"),
        (("--window", "Sat 02:00-05:00"), "--window goes with --watch"),
        (("--csr", "x.csr", "--after", "true"), "--after does not go with --csr"),
    ],
)
def test_what_goes_with_a_watch_alone_is_refused_without(words: tuple[str, ...], says: str) -> None:
    result = typed(*NOWHERE, *words, "--user", "line-1", "--secret-file", "-", stdin="secret")
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in " ".join(result.stderr.split())


@pytest.mark.parametrize("form", ["people", "json"])
def test_a_watch_says_what_it_waits_for_and_ends_well_when_it_is_told_to(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    station, out = shop.station(), tmp_path / "station"
    enrolled(shop, out, "--user", station.name, KEYWORKS_SECRET=station.secret)
    words = [*WATCH, "--out", str(out), "--after", "true", *(["--json"] if form == "json" else [])]
    kept = Watch.keep

    async def keep(watch: Watch, identities: list[Watched]) -> None:
        """Send the signal as soon as there is something that waits."""
        threading.Timer(0.0, os.kill, (os.getpid(), signal.SIGTERM)).start()
        await kept(watch, identities)

    monkeypatch.setattr(Watch, "keep", keep)
    result = typed(*words)
    assert (result.exit_code, result.stdout) == (0, "")
    first, *_, last = result.stderr.splitlines()
    if form == "json":
        assert json.loads(first)["event"] == "started"
        assert json.loads(last)["sentence"] == "Stopped by SIGTERM."
    else:
        assert first.endswith(f"Watching {out}.")
        assert last.endswith("Z Stopped by SIGTERM.")


def test_a_command_runs_after_the_first_certificate_and_after_a_renewal_and_not_in_between(
    shop: Shop, tmp_path: Path
) -> None:
    station, out, told = shop.station(), tmp_path / "station", tmp_path / "told"
    after = ("--after", f"sh -c 'echo $KEYWORKS_LABEL >> {told}'")
    enrolled(shop, out, *after, "--user", station.name, KEYWORKS_SECRET=station.secret)
    enrolled(shop, out, *after)
    assert told.read_text().split() == ["stations"]
    later = FixedClock(SystemClock().now())
    later.advance(timedelta(days=250))
    assert enrolled(shop, out, *after, clock=later)["result"] == "renewed"
    assert told.read_text().split() == ["stations", "stations"]


def test_a_command_that_fails_is_exit_status_1_and_runs_again_the_next_time(shop: Shop, tmp_path: Path) -> None:
    station, out = shop.station(), tmp_path / "station"
    words = (shop.url, "--label", "stations", "--trust", shop.pin, "--out", str(out), "--user", station.name)
    failing = typed(*words, "--after", "false", KEYWORKS_SECRET=station.secret)
    assert failing.exit_code == 1
    assert failing.stdout.startswith("Enrolled 'CN=")
    assert failing.stderr.splitlines()[-1] == (
        "Error: `false` ended with status 1. The certificate is in place; "
        "the same again runs the command again."
    )
    assert typed(*words, "--after", "false").exit_code == 1
    assert typed(*words, "--after", "true").exit_code == 0
    assert typed(*words, "--after", "false").exit_code == 0
