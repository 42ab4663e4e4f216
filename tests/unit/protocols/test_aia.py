"""The authorities' certificates, where authorityInfoAccess says they are."""

import pytest
from cryptography import x509

from keyworks.protocols.aia import AIA
from keyworks.protocols.exchange import Request
from keyworks.service.authorities import find_generation
from keyworks.service.installation import Installation
from keyworks.testing import EnrollmentDesk, next_generation


def get(path: str, method: str = "GET") -> Request:
    return Request(method, path, {}, b"", "192.0.2.1")


async def test_the_address_in_a_certificate_leads_to_its_issuer_s(supplier: Installation) -> None:
    """RFC 5280 §4.2.2.1: a DER certificate, application/pkix-cert (RFC 2585 §4)."""
    desk = EnrollmentDesk(supplier)
    station = await desk.station("line-1", "idevid")
    issued = x509.load_der_x509_certificate(station.issued.der)
    [access] = issued.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    url = access.access_location.value
    reply = await AIA(desk.registers).respond(get(url.removeprefix("http://pki.supplier.example")))
    assert (reply.status, reply.content_type) == (200, "application/pkix-cert")
    issued.verify_directly_issued_by(x509.load_der_x509_certificate(reply.body))


async def test_each_generation_has_an_address_of_its_own(supplier: Installation) -> None:
    """What a certificate says of its issuer's address, it says for ever."""
    former = await find_generation(supplier, "issuing")
    current = await next_generation(supplier, "issuing")
    for generation in (former, current):
        reply = await AIA(supplier.registers).respond(get(f"/aia/issuing-{generation.number}.cer"))
        assert reply.body == generation.certificate.der


@pytest.mark.parametrize("name", ["", "nobody.cer", "../keyworks.toml", "%00", "issuing-1", "ISSUING-1.CER"])
async def test_anything_else_is_not_found(supplier: Installation, name: str) -> None:
    reply = await AIA(supplier.registers).respond(get(f"/aia/{name}"))
    assert reply.status == 404
    assert reply.body.decode() == f"There is no CA certificate '{name}' here.\n"


async def test_certificates_are_only_read(supplier: Installation) -> None:
    reply = await AIA(supplier.registers).respond(get("/aia/issuing-1.cer", "POST"))
    assert (reply.status, dict(reply.headers)) == (405, {"Allow": "GET, HEAD"})


async def test_while_the_database_is_gone_a_client_is_told_to_come_back(supplier: Installation) -> None:
    await supplier.store.close()
    reply = await AIA(supplier.registers).respond(get("/aia/issuing-1.cer"))
    assert reply.status == 503
    assert "Retry-After" in dict(reply.headers)
