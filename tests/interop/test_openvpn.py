"""OpenVPN: a device dials into the plant, both ends known by their certificates, and packets pass."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop.est_plant import Client
from tests.interop.page import configuration, identity
from tests.interop.peers import Plant
from tests.network import Host, Running, host, link

VERBOSE = "verb 3\n"
ANSWER = "import socket; s = socket.create_server(('10.8.0.1', 80)); print('bound', flush=True); "
ANSWER += "c, peer = s.accept(); c.sendall(peer[0].encode()); c.close()"
ASK = "import socket; print(socket.create_connection(('10.8.0.1', 80), 20).recv(99).decode())"


@dataclass(frozen=True)
class Dialing:
    """A server that runs, and a place to dial in from."""

    server: Host
    log: Running
    client: Host
    folder: Path
    plant: Plant

    def client_file(self, own: Client) -> Path:
        file = self.folder / "client.conf"
        files = identity("vpn-client", own.chain, own.key, self.plant.root)
        file.write_text(configuration("client.conf", files) + VERBOSE)
        return file


@pytest.fixture(scope="module")
def gate(plant: Plant) -> Client:
    return plant.service("vpn", "services")


@pytest.fixture
def dialing(plant: Plant, gate: Client, tmp_path: Path) -> Iterator[Dialing]:
    file = tmp_path / "server.conf"
    file.write_text(configuration("server.conf", identity("vpn", gate.chain, gate.key, plant.root)) + VERBOSE)
    with ExitStack() as stack:
        near = stack.enter_context(host())
        far = stack.enter_context(host(near))
        link(near, "10.0.0.1/24", far, "10.0.0.2/24")
        ready = "Initialization Sequence Completed"
        log = stack.enter_context(near.running("/usr/sbin/openvpn", "--config", file, ready=ready))
        yield Dialing(near, log, far, tmp_path, plant)


def test_a_device_dials_in_and_is_known_by_its_serial_number(dialing: Dialing, plant: Plant) -> None:
    openvpn = ("/usr/sbin/openvpn", "--config", dialing.client_file(plant.device("SN-VPN-1", "vpn")))
    with dialing.client.running(*openvpn, ready="Initialization Sequence Completed"):
        assert "[SN-VPN-1] Peer Connection Initiated" in dialing.log.says("Peer Connection Initiated")
        with dialing.server.running("python3", "-c", ANSWER, ready="bound"):
            assert dialing.client.run("python3", "-c", ASK).stdout == "10.8.0.2\n"


def test_a_certificate_for_servers_alone_does_not_dial_in(dialing: Dialing, plant: Plant) -> None:
    """extKeyUsage: what --remote-cert-tls asks for."""
    other = plant.device("SN-VPN-2", "https", dns="pump-9.plant.example")
    openvpn = ("/usr/sbin/openvpn", "--config", dialing.client_file(other))
    with dialing.client.running(*openvpn, ready="UDPv4 link remote"):
        assert "certificate purpose" in dialing.log.says("TLS handshake failed")
