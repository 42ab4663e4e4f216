"""What is found at publication addresses."""

import socket
from collections.abc import Iterator

import pytest

from keyworks.service.doctor.finding import Finding
from keyworks.service.doctor.publication import Published, examine_publication
from tests.unit.service.doctor.web import Web, web_server

FILES = {"/pki/aia/root-1.cer": b"root", "/pki/aia/issuing-1.cer": b"issuing"}


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    """A web server that has two authorities' certificates."""
    with web_server(FILES) as server:
        yield server


def _found(url: str, **expected: bytes) -> Finding:
    published = [Published(url, name.replace("_", "-"), der) for name, der in expected.items()]
    [finding] = examine_publication(url, published)
    return finding


def test_certificates_that_are_where_others_say_they_are_are_in_order(web: Web) -> None:
    finding = _found(f"{web.url}/pki", root_1=b"root", issuing_1=b"issuing")
    assert finding.level == "ok"
    assert "root-1, issuing-1" in finding.sentence


@pytest.mark.parametrize(
    ("expected", "sentence"),
    [
        ({"root_1": b"root", "gone_1": b"gone"}, "gone-1.cer answers 404"),
        ({"root_1": b"another installation's"}, "root-1.cer answers with something else"),
    ],
)
def test_what_answers_wrongly_does_so_for_everybody(
    web: Web, expected: dict[str, bytes], sentence: str
) -> None:
    finding = _found(f"{web.url}/pki", **expected)
    assert finding.level == "error"
    assert sentence in finding.sentence


def test_an_unknown_name_may_be_known_elsewhere() -> None:
    finding = _found("http://pki.invalid", root_1=b"root")
    assert (finding.level, finding.check) == ("warning", "publication pki.invalid")
    assert "has a name that is not known here" in finding.sentence


def test_an_address_where_nobody_answers_may_be_reached_from_elsewhere() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    finding = _found(f"http://127.0.0.1:{port}", root_1=b"root", issuing_1=b"issuing")
    assert finding.level == "warning"
    assert "does not answer from here: Connection refused." in finding.sentence


def test_what_does_not_speak_http_does_not_answer() -> None:
    with web_server({}, speaks=b"SSH-2.0-whatever\r\n") as other:
        assert _found(other.url, root_1=b"root").level == "warning"
