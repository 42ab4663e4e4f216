"""Requests bound to the connection that carries them, against a server that hangs up and sends elsewhere."""

import base64
from pathlib import Path

import pytest

from keyworks import oids
from keyworks.cms.signed_data import certs_only
from keyworks.enroll.binding import UnboundRequest
from keyworks.enroll.est import EnrollmentClient
from keyworks.enroll.persistence import Persistence
from keyworks.enroll.trust import Anchors
from keyworks.errors import MalformedRequest
from keyworks.testing import software_signer
from keyworks.x509.name import Name
from keyworks.x509.template import parse_certification_request
from tests.unit.enroll.scripted import CUT, Told, http, plain_peer, scripted_server
from tests.unit.enroll.small_pki import certify, issuing, root, server

TRUST = Anchors((root().der,))
ISSUED = http(200, base64.b64encode(certs_only((certify("device", issuing()).der,))), "application/pkcs7-mime")
SUBJECT = Name.of((oids.COMMON_NAME, "line-1"))


async def _at_once(_seconds: float) -> None:
    """Wait for nothing."""


def _password(told: Told) -> str | None:
    return parse_certification_request(base64.b64decode(told.body)).challenge_password


async def test_each_request_is_made_for_the_connection_that_carries_it(tmp_path: Path) -> None:
    """RFC 7030 §3.5: also after a broken connection, on a kept one, and where the server sends elsewhere."""
    unbound = UnboundRequest(SUBJECT, software_signer())
    elsewhere = http(307, Location="/.well-known/est/other/simpleenroll")
    script = [ISSUED + CUT, CUT, elsewhere + CUT, ISSUED, ISSUED]
    async with (
        scripted_server(server(), tmp_path, script) as double,
        EnrollmentClient(
            double.url, "stations", TRUST, persistence=Persistence(connections=1), pause=_at_once
        ) as client,
    ):
        for _ in range(3):
            await client.simpleenroll(unbound)
    assert [_password(one) for one in double.told] == [
        base64.b64encode(one.tls_unique).decode() for one in double.told
    ]
    assert len({one.tls_unique for one in double.told}) == double.connections == 4
    assert {(one.tls, one.headers["content-length"]) for one in double.told} == {
        ("TLSv1.2", str(len(one.body))) for one in double.told
    }
    requests = [parse_certification_request(base64.b64decode(one.body)) for one in double.told]
    assert {(one.public_key, one.subject) for one in requests} == {(unbound.signer.public_key, SUBJECT)}


async def test_what_is_not_bound_goes_over_the_newest_tls(tmp_path: Path) -> None:
    async with (
        scripted_server(server(), tmp_path, [ISSUED]) as double,
        EnrollmentClient(double.url, "stations", TRUST) as client,
    ):
        await client.cacerts()
        await client.simpleenroll(UnboundRequest(SUBJECT, software_signer()))
        await client.cacerts()
    assert [one.tls for one in double.told] == ["TLSv1.3", "TLSv1.2", "TLSv1.3"]


async def test_a_server_without_tls_1_2_is_told_from_one_without_tls() -> None:
    """RFC 8446 §6.2: alert protocol_version."""
    async with (
        plain_peer(b"\x15\x03\x03\x00\x02\x02\x46") as port,
        EnrollmentClient(f"https://localhost:{port}", "stations", TRUST) as client,
    ):
        with pytest.raises(MalformedRequest, match=r"bound to its connection goes over TLS 1\.2"):
            await client.simpleenroll(UnboundRequest(SUBJECT, software_signer()))
