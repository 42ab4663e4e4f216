"""What Prometheus would scrape from a server with two workers."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.interop.est_plant import Site, create, serving
from tests.interop.test_processes import kill, next_line
from tests.unit.server.exposition import Samples, read_metrics


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A supplier's server that nobody else uses."""
    with serving(create(tmp_path_factory.mktemp("metrics"), "supplier")) as one:
        yield one


def _scraped(site: Site) -> Samples:
    answer = site.curl("/metrics", url=site.server.console)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return read_metrics(answer.sentence)


def _of(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((f"keyworks_{name}", tuple(labels.items())), 0)


def test_what_every_worker_did_is_counted(site: Site) -> None:
    before = _scraped(site)
    station = site.station("line-1", "idevid")
    for number in range(6):
        site.device(station, f"SN-{number}")
    for _ in range(3):
        site.enroll("idevid", site.wish("/serialNumber=unknown"), *station.options)
    stranger = site.wish("/CN=stranger")
    assert site.enroll("idevid", stranger).status == 401
    after = _scraped(site)

    def more(name: str, **labels: str) -> float:
        return _of(after, name, **labels) - _of(before, name, **labels)

    where = {"listener": "enrollment", "operation": "simpleenroll"}
    assert more("requests_total", **where, status="200") == 7
    assert more("requests_total", **where, status="401") == 1
    assert more("answer_seconds_count", operation="simpleenroll") == 11
    assert more("certificates_issued_total", channel="idevid") == 6
    assert more("certificates_issued_total", channel="stations") == 1
    assert more("refusals_total", cause="AuthenticationFailed") == 1
    assert more("refusals_total", cause="NotAuthorized") + more("refusals_total", cause="RejectedName") == 3
    assert _of(after, "workers") == _of(after, "workers_wanted") == 2
    entries = more("ledger_entries") + more("ledger_waiting")
    assert entries >= 7
    assert _of(after, "server_certificate_not_after_seconds") > 0


def test_no_figure_says_who_or_what_it_was(site: Site) -> None:
    """Nor would anything that a stranger sends become a label."""
    site.curl("/a-stranger-s-words")
    text = site.curl("/metrics", url=site.server.console).sentence
    for word in ("SN-", "line-1", "stranger", "127.0.0.1"):
        assert word not in text


def test_an_open_connection_is_seen_from_every_worker(site: Site) -> None:
    address = urlsplit(site.server.publication)
    with socket.create_connection((str(address.hostname), int(address.port or 0))) as one:
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert one.recv(1 << 16)
        where = {"listener": "publication"}
        assert any(_of(_scraped(site), "open_connections", **where) for _ in range(500))  # some ten seconds


def test_killed_workers_figures_stay(tmp_path: Path) -> None:
    with serving(create(tmp_path, "operator")) as site:
        for _ in range(20):
            site.curl("/.well-known/est/ldevid/cacerts")
        where = {"listener": "enrollment", "operation": "cacerts", "status": "200"}
        assert _of(_scraped(site), "requests_total", **where) == 20
        for worker in site.workers:
            kill(worker)
            next_line(site, "worker_died")
            assert site.curl("/healthz").status == 200
        after = _scraped(site)
        assert _of(after, "requests_total", **where) == 20
        assert _of(after, "worker_starts_total") >= 3


def test_the_enrollment_listener_tells_strangers_nothing(site: Site) -> None:
    assert site.curl("/metrics").status == 404
