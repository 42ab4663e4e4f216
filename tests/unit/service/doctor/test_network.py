"""What is found on the network."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from msgspec.structs import replace

from keyworks.service.doctor.network import examine_listeners, examine_publication
from keyworks.service.installation import settings_of
from keyworks.settings.node import Listen, NodeSettings


class _Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path.startswith("/healthz") or "root-1" in self.path else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[int]:
    """A web server that answers for /healthz and for one file."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def _with(home: Path, **addresses: str) -> NodeSettings:
    return replace(settings_of(home), listen=Listen(**{"enrollment": "127.0.0.1:0", **addresses}))


def _levels(settings: NodeSettings) -> dict[str, str]:
    return {one.check: one.level for one in examine_listeners(settings, None)}


def test_a_port_where_nothing_listens_is_free(supplier_home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    levels = _levels(_with(supplier_home, console=f"127.0.0.1:{port}", publication="127.0.0.1:0"))
    assert levels == {"listen.enrollment": "info", "listen.console": "info", "listen.publication": "info"}


def test_a_port_that_answers_as_ours_is_ours(supplier_home: Path, web: int) -> None:
    settings = _with(supplier_home, console="127.0.0.1:0", publication=f"127.0.0.1:{web}")
    assert _levels(settings)["listen.publication"] == "ok"


def test_another_program_on_a_tls_port_is_told(supplier_home: Path, web: int) -> None:
    settings = _with(supplier_home, console=f"127.0.0.1:{web}", publication="127.0.0.1:0")
    assert _levels(settings)["listen.console"] == "error"


def test_an_address_of_another_machine_is_told(supplier_home: Path) -> None:
    settings = _with(supplier_home, console="192.0.2.1.invalid:9443", publication="127.0.0.1:0")
    assert _levels(settings)["listen.console"] == "error"


@pytest.mark.parametrize(("file_name", "level"), [("root-1", "ok"), ("gone-1", "warning")])
def test_a_publication_address_that_does_not_have_the_file_is_told(
    web: int, file_name: str, level: str
) -> None:
    [finding] = examine_publication(f"http://127.0.0.1:{web}/pki", file_name)
    assert finding.level == level


def test_a_publication_address_that_is_nowhere_is_told() -> None:
    [finding] = examine_publication("http://pki.invalid", "root-1")
    assert (finding.level, finding.check) == ("warning", "publication pki.invalid")
    assert "does not answer from here" in finding.sentence
