"""An authority's next generation, started beside a running server: OpenSSL judges what both have issued."""

import base64
import hashlib
import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from keyworks.authority.status import Filter
from keyworks.cms.signed_data import parse_certs_only
from keyworks.service.certificates import certificates, export_chain, revoke_by_operator
from keyworks.service.installation import Installation
from keyworks.x509.certificate import Certificate, ders_of, pem_of
from tests.interop.est_plant import Client, Site, Wish, authority_certificate, create, is_root, openssl, serving


def _keyworks(*words: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "keyworks", *map(str, words)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def _done(*words: str | Path, stdin: str = "") -> Any:
    run = _keyworks(*words, "--json", stdin=stdin)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def _judge(site: Site, leaf: bytes, authorities: Sequence[bytes]) -> None:
    """Let OpenSSL verify a certificate with nothing else than a channel's CA certificates."""
    roots = site.file("".join(pem_of(one) for one in authorities if is_root(one)), ".pem")
    others = site.file("".join(pem_of(one) for one in authorities if not is_root(one)), ".pem")
    own = site.file(pem_of(leaf), ".pem")
    said = openssl("verify", "-x509_strict", "-CAfile", roots, "-untrusted", others, own)
    assert said.endswith(b": OK\n")


class _KeptAlive:
    """A station that asks for everything over one connection."""

    def __init__(self, site: Site, station: Client) -> None:
        context = ssl.create_default_context(cafile=str(site.trust))
        context.load_cert_chain(station.chain, station.key)
        address = urlsplit(site.server.enrollment)
        self._connection = http.client.HTTPSConnection(
            str(address.hostname), address.port, timeout=30, context=context
        )
        self._connection.connect()
        self._socket = self._connection.sock

    def enroll(self, wish: Wish) -> bytes:
        headers = {"Content-Type": "application/pkcs10"}
        self._connection.request("POST", "/.well-known/est/idevid/simpleenroll", wish.body, headers)
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        assert self._connection.sock is self._socket
        [der] = parse_certs_only(base64.b64decode(body))
        return der

    def close(self) -> None:
        self._connection.close()


def _exported(site: Site, der: bytes) -> tuple[bytes, ...]:
    async def export(installation: Installation) -> str:
        [record] = [one for one in await certificates(installation, Filter(most=1000)) if one.der == der]
        return await export_chain(installation, record)

    return ders_of(site.act(export).encode())


def test_a_line_goes_on_over_its_open_connection_and_both_generations_certificates_verify(
    tmp_path: Path,
) -> None:
    """RFC 7030 §4.1.3: what cacerts says is all that is needed; RFC 5280 §4.2.2.1: AIA of both."""
    with serving(create(tmp_path, "supplier")) as site:
        site.register("SN-1", "SN-2")
        line = _KeptAlive(site, site.station("line-1", "idevid"))
        wishes = [site.wish(f"/serialNumber=SN-{number}") for number in (1, 2)]
        first = line.enroll(wishes[0])
        before = site.curl("/.well-known/est/idevid/cacerts").certificates
        started = _done("--home", site.home, "authority", "next", "idevid-issuing")
        second = line.enroll(wishes[1])
        assert line.enroll(wishes[0]) == first
        line.close()
        authorities = site.curl("/.well-known/est/idevid/cacerts").certificates
        assert Certificate.parse(second).issuer.text == started["subject"]
        assert (len(before), len(authorities), set(before) < set(authorities)) == (2, 3, True)
        for number, leaf in enumerate((first, second), 1):
            _judge(site, leaf, authorities)
            path = f"/aia/idevid-issuing-{number}.cer"
            assert path.encode() in openssl("x509", "-inform", "DER", "-noout", "-text", data=leaf)
            issuer = site.curl(path, url=site.server.publication).body
            _judge(site, leaf, (issuer, authority_certificate(site.home, "idevid-root")))
            assert _exported(site, leaf)[:2] == (leaf, issuer)


def test_who_knows_one_root_verifies_what_stands_below_the_other(tmp_path: Path) -> None:
    """RFC 7030 §4.1.3; RFC 9810 §4.4: with nothing but `cacerts`, and one trusted root."""
    with serving(create(tmp_path, "operator")) as site:
        old = authority_certificate(site.home, "root")
        before = site.station("line-1").der
        for name in ("root", "issuing"):
            _done("--home", site.home, "authority", "next", name, "--yes")
        new = authority_certificate(site.home, "root")
        after = site.station("line-2").der
        authorities = site.curl("/.well-known/est/stations/cacerts").certificates
        assert {old, new} < set(authorities)
        for leaf, root in ((before, old), (after, new), (before, new), (after, old)):
            others = [one for one in authorities if one not in (old, new)]
            _judge(site, leaf, (root, *others))


def _identity(site: Site, pin: bytes, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Enroll or renew a station's identity with our client, which pins a root."""
    trust = f"sha256:{hashlib.sha256(pin).hexdigest()}"
    where = (site.server.enrollment, "--label", "stations", "--trust", trust, "--out", str(site.folder / "own"))
    return _keyworks("enroll", *where, "--json", *words, stdin=stdin)


def _judge_identity(site: Site, root: bytes) -> None:
    own, chain, known = (
        ders_of((site.folder / "own" / f"{name}.pem").read_bytes())
        for name in ("certificate", "chain", "cacerts")
    )
    _judge(site, own[0], known)
    _judge(site, own[0], (*chain[1:], root))


def test_a_station_is_renewed_below_a_new_root_with_a_pin_of_the_one_that_the_server_is_below(
    tmp_path: Path,
) -> None:
    """The server's own certificate changes roots when it is renewed, and not before."""
    home = create(tmp_path, "operator")
    with serving(home) as site:
        old = authority_certificate(home, "root")
        secret = _done("--home", home, "station", "add", "line-1")["secret"]
        words = ("--subject", "CN=line-1", "--secret-file", "-")
        assert _identity(site, old, *words, stdin=secret).returncode == 0
        _judge_identity(site, old)
        for name in ("root", "issuing"):
            _done("--home", home, "authority", "next", name, "--yes")
        new = authority_certificate(home, "root")
        assert _identity(site, old, "--force").returncode == 0
        _judge_identity(site, new)
        site.act(_revoke_servers_certificate)
    with serving(home) as site:
        refused = _identity(site, old, "--force")
        assert "presents no certificate with fingerprint" in refused.stderr
        assert _identity(site, new, "--force").returncode == 0
        _judge_identity(site, new)


async def _revoke_servers_certificate(installation: Installation) -> None:
    [present] = await certificates(installation, Filter(profile="tls-server"))
    await revoke_by_operator(installation, present.id, "superseded")
