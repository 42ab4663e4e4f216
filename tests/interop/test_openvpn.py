"""OpenVPN: a device dials into the plant, both ends known by their certificates, and packets pass."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop.est_plant import Client
from tests.interop.network import Host, Running, host, link
from tests.interop.peers import Plant

SERVER = """\
dev tun
topology subnet
server 10.8.0.0 255.255.255.0
local 10.0.0.1
proto udp
dh none
ca {root}
cert {chain}
key {key}
remote-cert-tls client
verb 3
"""
CLIENT = """\
client
dev tun
proto udp
remote 10.0.0.1 1194
nobind
ca {root}
cert {chain}
key {key}
remote-cert-tls server
verify-x509-name {name} name
verb 3
"""
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

    def configuration(self, own: Client, name: str) -> Path:
        file = self.folder / "client.conf"
        file.write_text(CLIENT.format(root=self.plant.root, chain=own.chain, key=own.key, name=name))
        return file


@pytest.fixture(scope="module")
def gate(plant: Plant) -> Client:
    return plant.service("vpn", "services", dns="vpn.plant.example")


@pytest.fixture
def dialing(plant: Plant, gate: Client, tmp_path: Path) -> Iterator[Dialing]:
    configuration = tmp_path / "server.conf"
    configuration.write_text(SERVER.format(root=plant.root, chain=gate.chain, key=gate.key))
    with ExitStack() as stack:
        near = stack.enter_context(host())
        far = stack.enter_context(host(near))
        link(near, "10.0.0.1/24", far, "10.0.0.2/24")
        ready = "Initialization Sequence Completed"
        log = stack.enter_context(near.running("/usr/sbin/openvpn", "--config", configuration, ready=ready))
        yield Dialing(near, log, far, tmp_path, plant)


def test_a_device_dials_in_and_is_known_by_its_serial_number(dialing: Dialing, plant: Plant) -> None:
    configuration = dialing.configuration(plant.device("SN-VPN-1", "vpn"), "vpn")
    openvpn = ("/usr/sbin/openvpn", "--config", configuration)
    with dialing.client.running(*openvpn, ready="Initialization Sequence Completed"):
        assert "[SN-VPN-1] Peer Connection Initiated" in dialing.log.says("Peer Connection Initiated")
        with dialing.server.running("python3", "-c", ANSWER, ready="bound"):
            assert dialing.client.run("python3", "-c", ASK).stdout == "10.8.0.2\n"


def test_a_certificate_for_servers_alone_does_not_dial_in(dialing: Dialing, plant: Plant) -> None:
    """extKeyUsage: what --remote-cert-tls asks for."""
    other = plant.device("SN-VPN-2", "https", dns="pump-9.plant.example")
    openvpn = ("/usr/sbin/openvpn", "--config", dialing.configuration(other, "vpn"))
    with dialing.client.running(*openvpn, ready="UDPv4 link remote"):
        assert "certificate purpose" in dialing.log.says("TLS handshake failed")
