"""strongSwan's charon: a device and a gateway authenticate with their certificates, and traffic goes through.

The tunnel's packets are made by strongSwan itself (kernel-libipsec), so that no kernel's IPsec is needed.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

import pytest

from tests.interop.est_plant import Client
from tests.interop.page import configuration
from tests.interop.peers import Plant
from tests.network import Host, Running, behind, host, link

GATEWAY, DEVICE = "gateway.plant.example", "pump-7.plant.example"
CHARON = """\
charon-systemd {{
  load = hmac sha2 aes kdf random nonce openssl pem pkcs1 pkcs8 x509 pubkey constraints \
kernel-libipsec kernel-netlink socket-default vici
  plugins {{
    vici {{
      socket = unix://{socket}
    }}
  }}
  journal {{
    default = -1
  }}
  filelog {{
    stderr {{
      default = 1
      flush_line = yes
    }}
  }}
}}
"""
SEND = "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(20); s.bind(('10.2.0.1', 0)); "
SEND += "s.sendto(b'ping', ('10.1.0.1', 5000)); print(s.recv(9))"
ECHO = (
    "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(20); s.bind(('10.1.0.1', 5000)); "
)
ECHO += "print('bound', flush=True); octets, sender = s.recvfrom(9); s.sendto(octets, sender)"


@dataclass(frozen=True)
class End:
    """One end of a tunnel: who it is, and which address and network it has."""

    name: str
    address: str
    network: str


@dataclass(frozen=True)
class Charon:
    """A charon that runs."""

    place: Host
    folder: Path
    log: Running

    def swanctl(self, *words: str) -> str:
        socket = f"unix://{self.folder}/vici"
        variables = {"SWANCTL_DIR": str(self.folder)}
        return self.place.run("/usr/sbin/swanctl", *words, "--uri", socket, variables=variables).stdout


NEAR = End(GATEWAY, "10.0.0.1", "10.1.0.1/32")
FAR = End(DEVICE, "10.0.0.2", "10.2.0.1/32")


def _exchanged(own: End, other: End) -> str:
    """Return the page's connection, which is the near end's, as one end has it."""
    page = configuration("swanctl.conf")
    words = dict(zip(_words(NEAR, FAR), _words(own, other), strict=True))
    assert all(word in page for word in words)
    return re.sub("|".join(map(re.escape, words)), lambda found: words[found[0]], page)


def _words(own: End, other: End) -> list[str]:
    return [word for end in (own, other) for word in (end.name, end.address, end.network)]


@contextmanager
def charon(place: Host, folder: Path, client: Client, root: Path, ends: tuple[End, End]) -> Iterator[Charon]:
    own, other = ends
    for name in ("x509", "x509ca", "private"):
        (folder / name).mkdir(parents=True)
    chain = client.chain.read_text().split("-----BEGIN")[1:]
    (folder / "x509" / "own.pem").write_text(f"-----BEGIN{chain[0]}")
    (folder / "x509ca" / "issuing.pem").write_text(f"-----BEGIN{chain[1]}")
    copyfile(root, folder / "x509ca" / "root.pem")
    copyfile(client.key, folder / "private" / "own.pem")
    settings = folder / "strongswan.conf"
    settings.write_text(CHARON.format(socket=folder / "vici"))
    (folder / "swanctl.conf").write_text(_exchanged(own, other))
    variables = {"STRONGSWAN_CONF": str(settings)}
    with place.running("/usr/sbin/charon-systemd", ready="spawning", variables=variables) as log:
        running = Charon(place, folder, log)
        assert "successfully loaded 1 connections" in running.swanctl("--load-all")
        yield running


@pytest.fixture(scope="module")
def certified(plant: Plant) -> tuple[Client, Client]:
    return plant.service("gateway", "gateways"), plant.device("SN-IPSEC", "ipsec", dns=DEVICE)


@pytest.fixture
def ends(plant: Plant, certified: tuple[Client, Client], tmp_path: Path) -> Iterator[tuple[Charon, Charon]]:
    """A gateway and a device with a cable between them, both with certificates of the plant."""
    gateway, device = certified
    with ExitStack() as stack:
        near = stack.enter_context(host())
        far = stack.enter_context(host(near))
        link(near, f"{NEAR.address}/24", far, f"{FAR.address}/24")
        behind(near, NEAR.network)
        behind(far, FAR.network)
        yield (
            stack.enter_context(charon(near, tmp_path / "gateway", gateway, plant.root, (NEAR, FAR))),
            stack.enter_context(charon(far, tmp_path / "device", device, plant.root, (FAR, NEAR))),
        )


def test_device_and_gateway_authenticate_and_packets_pass(ends: tuple[Charon, Charon]) -> None:
    gateway, device = ends
    assert "initiate completed successfully" in device.swanctl("--initiate", "--child", "net")
    with gateway.place.running("python3", "-c", ECHO, ready="bound"):
        assert device.place.run("python3", "-c", SEND).stdout == "b'ping'\n"
    listed = gateway.swanctl("--list-sas")
    assert f"remote '{DEVICE}'" in listed
    assert "1 packets" in listed


def test_a_gateway_under_another_name_is_refused_by_the_device(ends: tuple[Charon, Charon]) -> None:
    """RFC 4945 §3.1: the identity has to be in the certificate."""
    _, device = ends
    configuration = device.folder / "swanctl.conf"
    configuration.write_text(configuration.read_text().replace(GATEWAY, "other.plant.example"))
    device.swanctl("--load-conns")
    assert "AUTHENTICATION_FAILED" in device.swanctl("--initiate", "--child", "net")
