"""A request made elsewhere is read, passed on, and its certificate checked."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from keyworks.access.credential import BasicCredentials
from keyworks.cms.signed_data import certs_only
from keyworks.enroll.errand import Errand, pass_on, request_in
from keyworks.enroll.trust import parse_trust
from keyworks.errors import (
    BadProofOfPossession,
    BadSubjectKey,
    InvalidPath,
    KeyworksError,
    MalformedRequest,
    OperatorError,
    Unavailable,
)
from keyworks.store.clock import SystemClock
from keyworks.x509.certificate import pem_of
from keyworks.x509.template import MAX_REQUEST_OCTETS
from tests.unit.enroll.scripted import Script, ScriptedServer, Told, http, scripted_server
from tests.unit.enroll.small_pki import Certified, certify, issuing, root, server


def _made_elsewhere() -> bytes:
    """Return a request, DER, as another library makes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, "SN-1")])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(Encoding.DER)


DER = _made_elsewhere()
PEM = pem_of(DER, "CERTIFICATE REQUEST").encode()


@pytest.mark.parametrize(
    "octets",
    [
        DER,
        PEM,
        PEM.replace(b"\n", b"\r\n"),
        pem_of(DER, "NEW CERTIFICATE REQUEST").encode(),
        "Certificate Request: Größe 1\n".encode() + PEM,
        PEM + root().pem,
    ],
    ids=["DER", "PEM", "of Windows", "older spelling", "below a text", "above its issuer"],
)
def test_a_request_is_read_as_tools_write_it(octets: bytes) -> None:
    """RFC 7468 §2 (text around it, any end of line), §7 (both labels)."""
    assert request_in(octets).der == DER


@pytest.mark.parametrize(
    ("octets", "cause", "says"),
    [
        (b"", MalformedRequest, "neither in PEM nor in DER"),
        (base64.b64encode(DER), MalformedRequest, "neither in PEM nor in DER"),
        (DER + b"\n", MalformedRequest, "not a PKCS#10"),
        (root().der, MalformedRequest, "not a PKCS#10"),
        (root().pem, MalformedRequest, "It holds CERTIFICATE, but"),
        (root().key_pem, MalformedRequest, "It holds PRIVATE KEY, but"),
        (PEM + PEM, MalformedRequest, "2 certification requests; pass on one at a time"),
        (PEM[:200], MalformedRequest, "no whole CERTIFICATE REQUEST"),
        (PEM.replace(b"MI", b"M=I", 1), MalformedRequest, "not base64"),
        (DER[:-1] + bytes((DER[-1] ^ 1,)), BadProofOfPossession, "does not verify"),
        (
            pem_of(b"\x30" * (MAX_REQUEST_OCTETS + 1), "CERTIFICATE REQUEST").encode(),
            MalformedRequest,
            "at most",
        ),
    ],
)
def test_what_is_no_request_is_told(octets: bytes, cause: type[KeyworksError], says: str) -> None:
    with pytest.raises(cause) as refused:
        request_in(octets)
    assert says in refused.value.detail


def _errand(double: ScriptedServer) -> Errand:
    return Errand(double.url, "idevid", parse_trust(root().pin), BasicCredentials("line-1", "secret"))


def _issues(*certificates: bytes) -> Script:
    authorities = certs_only((issuing().der, root().der))

    def script(told: Told) -> bytes:
        octets = authorities if told.line.startswith("GET ") else certs_only(certificates)
        return http(200, base64.b64encode(octets), "application/pkcs7-mime")

    return script


async def test_the_request_is_passed_on_as_it_came(tmp_path: Path) -> None:
    """RFC 7030 §4.2.1: simpleenroll. What comes back starts with the certificate and ends below the root."""
    request = request_in(PEM)
    leaf = certify("SN-1", issuing(), spki=request.public_key.spki).der
    async with scripted_server(server(), tmp_path, _issues(leaf)) as double:
        issued = await pass_on(request, _errand(double), SystemClock())
    assert issued.chain == (leaf, issuing().der)
    asked = double.told[-1]
    assert asked.line == "POST /.well-known/est/idevid/simpleenroll HTTP/1.1"
    assert base64.b64decode(asked.body) == DER


@pytest.mark.parametrize(
    ("issuer", "spki", "cause"),
    [
        (issuing(), None, BadSubjectKey),
        (certify("Another root", ca=True), request_in(DER).public_key.spki, InvalidPath),
    ],
    ids=["another key", "another authority"],
)
async def test_a_certificate_that_was_not_asked_for_is_not_handed_back(
    tmp_path: Path, issuer: Certified, spki: bytes | None, cause: type[KeyworksError]
) -> None:
    leaf = certify("SN-1", issuer, spki=spki).der
    async with scripted_server(server(), tmp_path, _issues(leaf)) as double:
        with pytest.raises(cause):
            await pass_on(request_in(DER), _errand(double), SystemClock())


async def test_nothing_is_sent_to_a_server_that_is_not_the_trusted_one(tmp_path: Path) -> None:
    async with scripted_server(server(), tmp_path, _issues()) as double:
        stranger = replace(_errand(double), trust=parse_trust("sha256:" + "0" * 64))
        with pytest.raises(InvalidPath):
            await pass_on(request_in(DER), stranger, SystemClock())
    assert double.told == []


async def test_later_is_told_as_later(tmp_path: Path) -> None:
    """RFC 7030 §4.2.3: 202 with Retry-After, where somebody has to approve."""

    def script(told: Told) -> bytes:
        authorities = base64.b64encode(certs_only((issuing().der, root().der)))
        return http(200, authorities) if told.line.startswith("GET ") else http(202, Retry_After="7")

    async with scripted_server(server(), tmp_path, script) as double:
        with pytest.raises(Unavailable, match="Waiting for approval") as later:
            await pass_on(request_in(DER), _errand(double), SystemClock())
    assert later.value.retry_after.total_seconds() == 7


@pytest.mark.parametrize(("url", "label"), [("http://localhost", "idevid"), ("https://localhost", "cacerts")])
def test_an_errand_to_nowhere_is_refused_at_once(url: str, label: str) -> None:
    with pytest.raises(OperatorError):
        Errand(url, label, parse_trust(root().pin), BasicCredentials("line-1", "secret"))
