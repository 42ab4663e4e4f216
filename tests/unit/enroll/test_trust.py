"""Which server is talked to."""

import base64
import hashlib
import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyworks.enroll.trust import Address, Pin, parse_trust, parse_url, presented_by
from keyworks.errors import InvalidPath, MalformedRequest, OperatorError, Unavailable
from keyworks.x509.certificate import pem_of
from tests.unit.enroll.scripted import NO_TLS, plain_peer, scripted_server
from tests.unit.enroll.small_pki import issuing, root, server


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://pki.example:8443", "pki.example", 8443),
        ("https://pki.example", "pki.example", 443),
        ("https://[::1]:8443/", "::1", 8443),
        ("https://127.0.0.1:1/.well-known/est", "127.0.0.1", 1),
    ],
)
def test_a_url_names_host_and_port(url: str, host: str, port: int) -> None:
    assert parse_url(url) == Address(host, port)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://pki.example:8443", "https://"),
        ("pki.example:8443", "https://"),
        ("https://:8443", "https://"),
        ("https://pki.example:99999", "no URL"),
        ("https://pki example", "no host"),
        ("https://pki..example", "no host"),
        ("https://größe.example", "in ASCII"),
        ("https://" + "a." * 127 + "a", "no host"),
        ("https://[fe80::1%25eth0]", "no host"),
        ("https://line:secret@pki.example", "ends up in logs"),
        ("https://pki.example/.well-known/est/idevid", "by its label"),
        ("https://pki.example/?label=idevid", "by its label"),
    ],
)
def test_anything_else_is_no_url_of_a_server(url: str, says: str) -> None:
    with pytest.raises(OperatorError, match=says):
        parse_url(url)


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_whatever_is_typed_is_an_address_or_an_operator_s_error(text: str) -> None:
    with suppress(OperatorError):
        assert parse_url(f"https://{text}").text


def test_a_pin_is_read_as_every_tool_prints_it() -> None:
    octets = hashlib.sha256(b"certificate").digest()
    spelled = [
        octets.hex(),
        octets.hex().upper(),
        octets.hex(":").upper(),
        base64.b64encode(octets).decode(),
        base64.b64encode(octets).decode().rstrip("="),
    ]
    assert [parse_trust(f"sha256:{one}") for one in spelled] == [Pin(octets)] * len(spelled)


@pytest.mark.parametrize("text", ["sha256:", "sha256:00ff", "sha256:" + "g" * 64, "SHA256:" + "0" * 63])
def test_half_a_pin_is_none(text: str) -> None:
    with pytest.raises(OperatorError, match="64 hexadecimal digits"):
        parse_trust(text)


async def test_a_ca_file_may_hold_several_certificates(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(root().pem + issuing().pem)
    assert await parse_trust(str(file)).anchors(Address("localhost", 1)) == (root().der, issuing().der)


async def test_a_ca_file_that_was_replaced_counts_when_it_is_looked_at_again(tmp_path: Path) -> None:
    file, address = tmp_path / "root.pem", Address("localhost", 1)
    file.write_bytes(root().pem)
    trust = parse_trust(str(file))
    assert not trust.look_again()
    file.write_bytes(issuing().pem)
    assert await trust.anchors(address) == (root().der,)
    assert (trust.look_again(), trust.look_again()) == (True, False)
    assert await trust.anchors(address) == (issuing().der,)


@pytest.mark.parametrize("broken", [None, "", "no certificate", pem_of(b"none")])
async def test_a_ca_file_that_cannot_be_read_any_more_is_told_and_its_former_certificates_count(
    tmp_path: Path, broken: str | None
) -> None:
    file = tmp_path / "root.pem"
    file.write_bytes(root().pem)
    trust = parse_trust(str(file))
    file.unlink()
    if broken is not None:
        file.write_text(broken)
    for _ in range(2):
        with pytest.raises(OperatorError, match=re.escape(f"The CA file {file} ")):
            trust.look_again()
    assert await trust.anchors(Address("localhost", 1)) == (root().der,)


def test_a_pin_never_changes() -> None:
    assert not parse_trust(f"sha256:{'00' * 32}").look_again()


@pytest.mark.parametrize("octets", [b"", b"no certificate", b"\xff\x00"])
def test_a_ca_file_without_certificates_is_refused(tmp_path: Path, octets: bytes) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(octets)
    with pytest.raises(OperatorError, match="holds no certificate"):
        parse_trust(str(file))


def test_a_ca_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"missing\.pem cannot be read"):
        parse_trust(str(tmp_path / "missing.pem"))


@pytest.mark.parametrize("place", range(3))
async def test_every_certificate_that_the_server_presents_can_be_pinned(tmp_path: Path, place: int) -> None:
    pinned = server().chain[place]
    async with scripted_server(server(), tmp_path, []) as double:
        pin = Pin(hashlib.sha256(pinned).digest())
        assert await pin.anchors(Address("localhost", double.port)) == (pinned,)
        assert double.told == []


async def test_a_server_without_the_pinned_certificate_hears_nothing_but_tls(tmp_path: Path) -> None:
    async with scripted_server(server(), tmp_path, []) as double:
        with pytest.raises(InvalidPath, match="Nothing was sent to it"):
            await Pin(bytes(32)).anchors(Address("127.0.0.1", double.port))
        assert double.told == []


@pytest.mark.parametrize("says", NO_TLS)
async def test_a_port_that_speaks_something_else_is_told_apart(says: bytes) -> None:
    """It will speak that tomorrow, too: coming back later would be no use."""
    async with plain_peer(says) as port:
        with pytest.raises(MalformedRequest, match=f"What answers at 127.0.0.1:{port} does not speak TLS"):
            await presented_by(Address("127.0.0.1", port))


async def test_a_server_that_hangs_up_may_be_there_again_later() -> None:
    async with plain_peer(b"") as port:
        with pytest.raises(Unavailable, match=r"cannot be reached \(the connection was closed\)"):
            await presented_by(Address("127.0.0.1", port))


async def test_a_port_where_nobody_listens_is_named() -> None:
    async with plain_peer(b"") as port:
        address = Address("127.0.0.1", port)
    with pytest.raises(Unavailable, match=f"{address.text} cannot be reached"):
        await presented_by(address)
