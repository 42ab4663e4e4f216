"""nginx serves a device's web pages: over TLS for people, for other machines with a certificate of theirs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop.est_plant import Client
from tests.interop.page import configuration, identity
from tests.interop.peers import Plant
from tests.network import Host, host

AROUND = """\
daemon off;
user root;
pid nginx.pid;
error_log stderr notice;
events {{}}
http {{
  access_log off;
  client_body_temp_path temporary;
  proxy_temp_path temporary;
  fastcgi_temp_path temporary;
  uwsgi_temp_path temporary;
  scgi_temp_path temporary;
  {block}
}}
"""
NAME = "pump-1.plant.example"
ADDRESS = "127.0.0.2"
"""Not 127.0.0.1, which is a service's in this plant: a name is a device's or accounts'."""


@dataclass(frozen=True)
class Web:
    """A device whose nginx runs."""

    place: Host
    root: Path

    def s_client(self, *words: str) -> str:
        """Return what ``openssl`` says of the server, having refused what does not verify."""
        connect = ("s_client", "-connect", f"{ADDRESS}:443", "-verify_return_error", "-CAfile", self.root)
        return self.place.run("openssl", *connect, *words).stdout

    def curl(self, port: int, *words: str) -> str:
        known = ("--cacert", self.root, "--resolve", f"{NAME}:{port}:127.0.0.1", "--max-time", "20")
        return self.place.run("curl", "-sS", *known, *words, f"https://{NAME}:{port}/").stdout


@pytest.fixture(scope="module")
def web(plant: Plant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    own = plant.device("SN-NGINX", "https", dns=NAME, ip=ADDRESS)
    folder = tmp_path_factory.mktemp("nginx")
    file = folder / "nginx.conf"
    block = configuration("nginx.conf", identity("panel", own.chain, own.key, plant.root))
    file.write_text(AROUND.format(block=block))
    nginx = ("/usr/sbin/nginx", "-p", folder, "-c", file)
    with host() as place, place.running(*nginx, ready="start worker process "):
        yield Web(place, plant.root)


@pytest.mark.parametrize("named", [("-verify_hostname", NAME), ("-verify_ip", ADDRESS)])
def test_openssl_accepts_the_device_s_server_by_each_of_its_names(web: Web, named: tuple[str, str]) -> None:
    assert "Verify return code: 0 (ok)" in web.s_client(*named)


def test_openssl_refuses_the_server_by_the_name_of_another_device(web: Web) -> None:
    assert "hostname mismatch" in web.s_client("-verify_hostname", "pump-2.plant.example")


def test_a_browser_s_way_to_ask_is_answered(web: Web) -> None:
    assert web.curl(443) == "for people\n"


def test_another_machine_authenticates_with_its_certificate(web: Web, plant: Plant) -> None:
    machine = plant.device("SN-NGINX-CLIENT", "clients")
    assert "serialNumber=SN-NGINX-CLIENT,CN=SN-NGINX-CLIENT" in web.curl(8443, *machine.options)


def test_who_has_no_certificate_or_one_for_servers_alone_is_refused(web: Web, plant: Plant) -> None:
    server: Client = plant.device("SN-NGINX-SERVER", "https", dns="pump-3.plant.example")
    assert "400 No required SSL certificate was sent" in web.curl(8443)
    assert "400 The SSL certificate error" in web.curl(8443, *server.options)
