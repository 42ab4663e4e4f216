"""What Prometheus would scrape from a server with two workers."""

import os
import signal
from pathlib import Path

from tests.interop.est_plant import Site, create, serving
from tests.unit.server.exposition import Samples, read_metrics


def _scraped(site: Site) -> Samples:
    answer = site.curl("/metrics", url=site.server.console)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return read_metrics(answer.sentence)


def _requests(site: Site, status: str) -> float:
    labels = (("operation", "cacerts"), ("status", status))
    return _scraped(site).get(("keyworks_requests_total", labels), 0)


def test_all_workers_are_counted_and_a_killed_one_s_figures_stay(tmp_path: Path) -> None:
    with serving(create(tmp_path, "operator")) as site:
        for _ in range(20):
            site.curl("/.well-known/est/ldevid/cacerts")
        site.curl("/.well-known/est/none/cacerts")
        assert (_requests(site, "200"), _requests(site, "404")) == (20, 1)
        for worker in site.workers:
            os.kill(worker, signal.SIGKILL)
            site.curl("/healthz", "--retry", "20", "--retry-all-errors", "--retry-delay", "1")
        assert _requests(site, "200") == 20
        assert _scraped(site)["keyworks_workers", ()] == 2


def test_the_enrollment_listener_tells_strangers_nothing(supplier_site: Site) -> None:
    assert supplier_site.curl("/metrics").status == 404
