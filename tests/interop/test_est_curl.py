"""EST as `curl` speaks it, over the real socket."""

import base64

import pytest

from keyworks.service.stations import add_station
from tests.interop.est_plant import PKCS10, Answer, Client, Site, Wish, openssl

ENROLL = "/.well-known/est/idevid/simpleenroll"


def test_a_station_gets_its_certificate_for_a_one_time_secret(supplier_site: Site) -> None:
    """RFC 7030 §3.2.3, §4.2.1."""
    new = supplier_site.act(lambda installation: add_station(installation, "line-a", ["idevid"]))
    wish = supplier_site.wish("/CN=line-a")
    answer = supplier_site.enroll(new.enrolls_at, wish, "--user", f"line-a:{new.secret}")
    [certificate] = answer.certificates
    said = openssl("x509", "-inform", "DER", "-noout", "-subject", "-ext", "extendedKeyUsage", data=certificate)
    assert b"CN = line-a" in said
    assert b"TLS Web Client Authentication" in said
    again = supplier_site.enroll(new.enrolls_at, wish, "--user", f"line-a:{new.secret}")
    assert again.body == answer.body
    other = supplier_site.enroll(
        new.enrolls_at, supplier_site.wish("/CN=line-a"), "--user", f"line-a:{new.secret}"
    )
    assert other.status == 403
    assert "one-time secret was used for another key" in other.sentence


def test_a_station_enrolls_a_device_whose_certificate_openssl_verifies(
    supplier_site: Site, station: Client
) -> None:
    """RFC 7030 §4.1.3, §4.2.3: both answers are certs-only, as `openssl pkcs7` reads them."""
    supplier_site.register("SN-curl-1")
    wish = supplier_site.wish("/serialNumber=SN-curl-1")
    answer = supplier_site.enroll("idevid", wish, *station.options)
    assert (answer.status, answer.version) == (200, "HTTP/1.1")
    leaf = openssl("pkcs7", "-inform", "DER", "-print_certs", data=base64.b64decode(answer.body))
    above = supplier_site.curl("/.well-known/est/idevid/cacerts")
    chain = openssl("pkcs7", "-inform", "DER", "-print_certs", data=base64.b64decode(above.body))
    files = [supplier_site.file(one, ".pem") for one in (chain, leaf)]
    assert b": OK" in openssl("verify", "-x509_strict", "-CAfile", *files)
    same = openssl("x509", "-noout", "-pubkey", data=leaf)
    assert same == openssl("pkey", "-in", wish.key, "-pubout")


def test_an_answer_has_its_length_and_no_chunks(supplier_site: Site) -> None:
    """RFC 7030 §4.1.3; RFC 9112 §6.2."""
    answer = supplier_site.curl("/.well-known/est/idevid/cacerts")
    assert answer.headers["content-length"] == str(len(answer.body))
    assert "transfer-encoding" not in answer.headers
    assert answer.headers["content-transfer-encoding"] == "base64"
    assert answer.headers["content-type"] == "application/pkcs7-mime"


def test_the_ca_certificates_are_for_anybody_and_head_tells_their_length(supplier_site: Site) -> None:
    """RFC 7030 §4.1.2; RFC 9110 §9.3.2."""
    whole = supplier_site.curl("/.well-known/est/idevid/cacerts")
    head = supplier_site.curl("/.well-known/est/idevid/cacerts", "--head")
    assert head.status == 200
    assert head.headers["content-length"] == str(len(whole.body))


@pytest.fixture(scope="module")
def enrolled(supplier_site: Site, station: Client) -> tuple[Wish, Answer]:
    """A request that has been answered."""
    supplier_site.register("SN-enrolled")
    wish = supplier_site.wish("/serialNumber=SN-enrolled")
    return wish, supplier_site.enroll("idevid", wish, *station.options)


@pytest.mark.parametrize("wrapped", ["one line", "64", "64 crlf", "76 and blank lines"])
@pytest.mark.parametrize("expect", ["", "100-continue"])
def test_a_request_may_be_wrapped_as_clients_do_and_repeated(
    supplier_site: Site, station: Client, enrolled: tuple[Wish, Answer], wrapped: str, expect: str
) -> None:
    """RFC 8951 §3.1; an identical request gets the identical certificate, however it is written."""
    wish, first = enrolled
    body = wish.body
    width = {"one line": len(body), "64": 64, "64 crlf": 64, "76 and blank lines": 76}[wrapped]
    end = b"\r\n" if "crlf" in wrapped else b"\n"
    lines = [body[place : place + width] for place in range(0, len(body), width)]
    sent = end.join(lines) + end * (3 if "blank" in wrapped else 1)
    options = (*PKCS10, "-H", f"Expect: {expect}", "-H", "Content-Transfer-Encoding: base64")
    answer = supplier_site.curl(ENROLL, *options, *station.options, data=sent)
    assert answer.certificates == first.certificates


def test_a_chunked_request_is_understood(
    supplier_site: Site, station: Client, enrolled: tuple[Wish, Answer]
) -> None:
    """RFC 9112 §7.1."""
    wish, first = enrolled
    options = ("-H", "Transfer-Encoding: chunked", *station.options)
    assert supplier_site.enroll("idevid", wish, *options).certificates == first.certificates


@pytest.mark.parametrize(
    ("path", "options", "posted", "status", "sentence", "header"),
    [
        (ENROLL, (), True, 401, "Authenticate with a client certificate", "www-authenticate"),
        (ENROLL, ("--user", "line-1:guess"), True, 401, "one-time secret is wrong", "www-authenticate"),
        (ENROLL, ("-H", "Authorization: Bearer a"), True, 401, "Only HTTP Basic", "www-authenticate"),
        (ENROLL, ("-H", "Content-Type: text/plain"), True, 415, "Send the request as application/pkcs10", ""),
        (ENROLL, (), False, 405, "Use POST here", "allow"),
        (ENROLL, ("-X", "PUT"), True, 405, "Use POST here", "allow"),
        ("/.well-known/est/idevid/cacerts", (), True, 405, "Use GET here", "allow"),
        ("/.well-known/est/nobody/simpleenroll", (), True, 404, "There is no channel 'nobody'", ""),
        ("/.well-known/est/nobody/cacerts", (), False, 404, "There is no channel 'nobody'", ""),
        ("/.well-known/est/idevid/simplecmc", (), True, 404, "There is no EST operation", ""),
        ("/.well-known/est/idevid/serverkeygen", (), True, 401, "Authenticate with", "www-authenticate"),
        ("/.well-known/est/cacerts", (), False, 404, "Name a channel", ""),
        ("/", (), False, 404, "There is nothing at / on this port", ""),
    ],
)
def test_what_cannot_be_has_its_status_and_a_sentence(
    supplier_site: Site,
    path: str,
    options: tuple[str, ...],
    posted: bool,
    status: int,
    sentence: str,
    header: str,
) -> None:
    """RFC 7030 §4.2.3; RFC 9110 §15.5."""
    content = () if any("Content-Type" in option for option in options) else PKCS10
    answer = supplier_site.curl(path, *content, *options, data=b"AAAA" if posted else None)
    assert answer.status == status
    assert sentence in answer.sentence
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert not header or answer.headers[header]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_device_gets_its_owner_s_certificate_where_only_its_maker_is_trusted_and_renews_it(
    supplier_site: Site, operator_site: Site, station: Client, version: str
) -> None:
    """RFC 7030 §3.3.2 (a certificate from another issuer), §4.2.2; IEEE 802.1AR §6.2 (LDevID)."""
    serial_number = f"SN-tls-{version}"
    device = supplier_site.device(station, serial_number)
    operator_site.register(serial_number)
    tls = ("--tls-max", version, f"--tlsv{version}")
    first = operator_site.wish(f"/serialNumber={serial_number}")
    ldevid = operator_site.client("ldevid", first, operator_site.enroll("ldevid", first, *tls, *device.options))
    subject = openssl("x509", "-in", ldevid.chain, "-noout", "-subject", "-nameopt", "RFC2253").decode()
    subject = "/" + "/".join(reversed(subject.strip().removeprefix("subject=").split(",")))
    second = operator_site.wish(subject)
    answer = operator_site.enroll("ldevid", second, *tls, *ldevid.options, operation="simplereenroll")
    renewed = operator_site.client("ldevid", second, answer)
    assert renewed.der != ldevid.der
    names = [openssl("x509", "-in", one.chain, "-noout", "-subject") for one in (ldevid, renewed)]
    assert names[0] == names[1]
    root = operator_site.trust
    for one in (ldevid, renewed):
        assert b": OK" in openssl("verify", "-x509_strict", "-CAfile", root, "-untrusted", one.chain, one.chain)
    again = operator_site.enroll("ldevid", second, *tls, *renewed.options, operation="simplereenroll")
    assert again.status == 200


def test_the_address_of_the_issuer_s_certificate_leads_to_it(supplier_site: Site, station: Client) -> None:
    """RFC 5280 §4.2.2.1, over plain HTTP: what is published is signed."""
    text = openssl("x509", "-in", station.chain, "-noout", "-ext", "authorityInfoAccess").decode()
    path = text.partition("http://pki.supplier.example")[2].strip()
    answer = supplier_site.curl(path, url=supplier_site.server.publication)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pkix-cert")
    issuer = supplier_site.file(answer.body)
    options = ("-x509_strict", "-partial_chain", "-trusted")
    assert b": OK" in openssl("verify", *options, issuer, station.chain)


def test_health_is_answered_on_every_listener(supplier_site: Site) -> None:
    server = supplier_site.server
    for url in (server.enrollment, server.console, server.publication):
        for path, said in (("/healthz", "alive\n"), ("/readyz", "ready\n")):
            answer = supplier_site.curl(path, url=url)
            assert (answer.status, answer.sentence) == (200, said)
