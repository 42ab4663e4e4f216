"""What is found at the listeners' addresses; a server of ours is met in `tests/interop/test_doctor.py`."""

import socket
from pathlib import Path

import pytest
from msgspec.structs import replace

from keyworks.service.doctor.finding import Finding
from keyworks.service.doctor.listeners import examine_listeners
from keyworks.service.doctor.publication import Published
from keyworks.service.installation import settings_of
from keyworks.settings.node import Listen, NodeSettings
from keyworks.testing import ANY_PORT
from keyworks.x509.certificate import Certificate
from tests.unit.service.doctor.web import web_server
from tests.unit.x509.chains import made

ROOT = Certificate.parse(made("root").der)
FILES = {"/aia/root-1.cer": b"root", "/readyz": b"ready\n"}
OURS = [Published("http://pki.example", "root-1", b"root")]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
    return port


def _with(home: Path, **addresses: str) -> NodeSettings:
    return replace(settings_of(home), listen=replace(ANY_PORT, **addresses))


def _found(settings: NodeSettings, published: list[Published] | None = None) -> dict[str, Finding]:
    found = examine_listeners(settings, ROOT, OURS if published is None else published)
    return {one.check.removeprefix("listen."): one for one in found}


def test_a_port_where_nothing_listens_is_free_and_stays_free(supplier_home: Path) -> None:
    port = _free_port()
    finding = _found(_with(supplier_home, console=f"0.0.0.0:{port}"))["console"]
    assert (finding.level, finding.remedy) == ("info", "Start it: keyworks serve")
    with socket.create_server(("0.0.0.0", port)):  # noqa: S104 - as the settings say
        pass


def test_any_port_is_told_to_be_none_for_clients(supplier_home: Path) -> None:
    found = _found(_with(supplier_home))
    assert set(found) == set(Listen.__struct_fields__)
    assert {one.level for one in found.values()} == {"info"}


def test_a_port_that_has_what_only_this_installation_publishes_is_ours(supplier_home: Path) -> None:
    with web_server(FILES) as web:
        found = _found(_with(supplier_home, publication=f"127.0.0.1:{web.port}"))
    assert found["publication"].level == "ok"


def test_of_a_server_some_of_whose_listeners_answer_the_others_have_to(supplier_home: Path) -> None:
    with web_server(FILES) as web:
        addresses = {"publication": f"127.0.0.1:{web.port}", "console": f"127.0.0.1:{_free_port()}"}
        found = _found(_with(supplier_home, **addresses))
    assert (found["publication"].level, found["console"].level) == ("ok", "error")


def test_a_server_that_is_not_ready_is_told_in_its_own_words(supplier_home: Path) -> None:
    files = {**FILES, "/readyz": b"Not ready: the disk is full.\n"}
    with web_server(files, status=503) as web:
        finding = _found(_with(supplier_home, publication=f"127.0.0.1:{web.port}"))["publication"]
    assert finding.level == "warning"
    assert finding.sentence.endswith("cannot serve now: Not ready: the disk is full.")


@pytest.mark.parametrize("files", [{}, {"/aia/root-1.cer": b"another installation's", "/readyz": b"ready\n"}])
def test_another_server_on_our_port_is_told(supplier_home: Path, files: dict[str, bytes]) -> None:
    with web_server(files) as web:
        settings = _with(supplier_home, publication=f"127.0.0.1:{web.port}", console=f"127.0.0.1:{web.port}")
        found = _found(settings)
    assert (found["publication"].level, found["console"].level) == ("error", "error")
    assert "is not this installation's server" in found["publication"].sentence
    assert "does not verify below this installation's root" in found["console"].sentence


def test_where_it_is_not_known_what_is_published_readiness_has_to_do(supplier_home: Path) -> None:
    with web_server(FILES) as web, web_server({}, speaks=b"SSH-2.0-x\r\n") as other:
        ours = _found(_with(supplier_home, publication=f"127.0.0.1:{web.port}"), [])
        foreign = _found(_with(supplier_home, publication=f"127.0.0.1:{other.port}"), [])
    assert (ours["publication"].level, foreign["publication"].level) == ("ok", "error")


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid", "a..b"])
def test_an_address_of_another_machine_is_told(supplier_home: Path, host: str) -> None:
    finding = _found(_with(supplier_home, console=f"{host}:9443"))["console"]
    assert finding.level == "error"
    assert "cannot be listened on" in finding.sentence
