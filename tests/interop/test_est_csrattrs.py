"""CSR attributes as `curl` gets them and `openssl` reads them, and a request made as they say."""

import base64

import pytest

from tests.interop.est_plant import Client, Site, openssl


def asked(site: Site, label: str, *options: str) -> str:
    answer = site.curl(f"/.well-known/est/{label}/csrattrs", *options)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/csrattrs")
    return openssl("asn1parse", "-inform", "DER", data=base64.b64decode(answer.body)).decode()


def test_what_a_device_s_maker_wants_is_for_anybody(supplier_site: Site) -> None:
    """RFC 7030 §4.5; RFC 9908 §3.2 (the list) and §3.4 (the template) in one answer."""
    said = asked(supplier_site, "idevid")
    assert said.count("1.2.840.113549.1.9.16.2.61") == 1
    assert said.count("serialNumber") == 2
    assert said.count("prime256v1") == 2
    assert said.count("X509v3 Key Usage") == 2


def test_a_request_that_says_what_is_wanted_is_certified(supplier_site: Site, station: Client) -> None:
    """Curve and subject from the answer; only the serial number is the client's."""
    said = asked(supplier_site, "idevid", *station.options)
    curve = next(one for one in ("prime256v1", "secp384r1") if one in said)
    key = supplier_site.file(ending=".key")
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-out", key)
    supplier_site.register("SN-csrattrs-1")
    wish = supplier_site.wish("/serialNumber=SN-csrattrs-1", key=key)
    [certificate] = supplier_site.enroll("idevid", wish, *station.options).certificates
    usage = openssl("x509", "-inform", "DER", "-noout", "-ext", "keyUsage", data=certificate)
    assert b"Digital Signature" in usage


def test_the_owner_says_its_organization(operator_site: Site) -> None:
    """RFC 9908 §3.4: a fixed value in the template's subject."""
    assert "Example Operator" in asked(operator_site, "ldevid")


@pytest.mark.parametrize(("options", "status"), [(("--head",), 200), (("-X", "POST"), 405)])
def test_only_get_and_head_are_answered(supplier_site: Site, options: tuple[str, ...], status: int) -> None:
    assert supplier_site.curl("/.well-known/est/idevid/csrattrs", *options).status == status
