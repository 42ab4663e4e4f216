"""Sockets are opened, named and closed; processes are tested by `tests/interop/test_processes.py`."""

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from keyworks.errors import OperatorError
from keyworks.server.supervisor import addresses, open_sockets, serve
from keyworks.settings.node import Listen
from keyworks.testing import ANY_PORT


def test_every_listener_gets_a_socket_and_an_address() -> None:
    opened = open_sockets(ANY_PORT)
    with ExitStack() as stack:
        for one in opened.values():
            stack.enter_context(one)
        ports = {name: one.getsockname()[1] for name, one in opened.items()}
        assert addresses(opened) == {
            "enrollment": f"https://127.0.0.1:{ports['enrollment']}",
            "console": f"https://127.0.0.1:{ports['console']}",
            "publication": f"http://127.0.0.1:{ports['publication']}",
        }


def test_an_ipv6_address_is_bracketed() -> None:
    """RFC 3986 §3.2.2."""
    opened = open_sockets(Listen(enrollment="[::1]:0", console="127.0.0.1:0", publication="localhost:0"))
    with ExitStack() as stack:
        for one in opened.values():
            stack.enter_context(one)
        assert addresses(opened)["enrollment"] == f"https://[::1]:{opened['enrollment'].getsockname()[1]}"


@pytest.mark.parametrize(
    ("host", "reason"),
    [("192.0.2.1", "Cannot assign requested address."), ("a..b", "that is no host name.")],
)
def test_an_address_that_is_not_this_machine_s_is_named_and_nothing_stays_open(host: str, reason: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    listen = Listen(enrollment=f"127.0.0.1:{port}", console=f"{host}:0", publication="127.0.0.1:0")
    with pytest.raises(OperatorError) as refused:
        open_sockets(listen)
    assert refused.value.detail.startswith(
        f"Cannot listen on {host}:0 (listen.console in keyworks.toml): {reason}"
    )
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_an_address_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listen = Listen(enrollment="127.0.0.1:0", console="127.0.0.1:0", publication=f"127.0.0.1:{port}")
        with pytest.raises(
            OperatorError, match=r"listen\.publication in keyworks\.toml\): Address already in use\.$"
        ):
            open_sockets(listen)


def test_an_address_that_another_listener_of_the_same_file_has_is_said_to_be_its() -> None:
    """Only the system knows that two names are one address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    listen = Listen(enrollment=f"127.0.0.1:{port}", console=f"127.1:{port}", publication="127.0.0.1:0")
    with pytest.raises(OperatorError, match=r"listen\.console .*: listen\.enrollment has it already\.$"):
        open_sockets(listen)


def test_a_folder_without_an_installation_is_not_served(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="There is no Keyworks installation"):
        serve(tmp_path)
