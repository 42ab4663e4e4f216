"""What proves a requester, over connections that stay open: challenged first, trusted, and trusted no more."""

import base64
import http.client
import ssl
from contextlib import closing
from urllib.parse import urlsplit

from keyworks.access.principal import Kind
from keyworks.service.anchors import add_anchor, drop_anchor
from keyworks.service.stations import add_station
from keyworks.x509.certificate import Certificate, pem_of
from tests.interop.est_plant import Client, Site, Wish, authority_certificate

ANCHOR = "maker-of-valves"
MAKER = "Example Valves"


def _connected(site: Site, client: Client | None = None) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cafile=str(site.trust))
    if client is not None:
        context.load_cert_chain(client.chain, client.key)
    address = urlsplit(site.server.enrollment)
    connection = http.client.HTTPSConnection(str(address.hostname), address.port, timeout=30, context=context)
    connection.connect()
    return connection


def _asked(
    connection: http.client.HTTPSConnection, label: str, wish: Wish, basic: str | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Ask on the connection as it is; it may not be opened anew."""
    kept = connection.sock
    assert kept is not None
    headers = {"Content-Type": "application/pkcs10"}
    if basic is not None:
        headers["Authorization"] = f"Basic {base64.b64encode(basic.encode()).decode()}"
    connection.request("POST", f"/.well-known/est/{label}/simpleenroll", wish.body, headers)
    with connection.getresponse() as answer:
        body = answer.read()
        assert connection.sock is kept
        return answer.status, answer.headers, body


def test_who_asks_without_credentials_first_asks_again_with_them(supplier_site: Site) -> None:
    """RFC 7030 §3.2.3: the challenge to the first request, then HTTP Basic, over one connection."""
    new = supplier_site.act(lambda installation: add_station(installation, "line-basic", ["idevid"]))
    wish, secret = supplier_site.wish("/CN=line-basic"), f"line-basic:{new.secret}"
    with closing(_connected(supplier_site)) as connection:
        refused, headers, _ = _asked(connection, new.enrolls_at, wish)
        taken, _, first = _asked(connection, new.enrolls_at, wish, secret)
        _, _, again = _asked(connection, new.enrolls_at, wish, secret)
    assert (refused, taken, again) == (401, 200, first)
    assert headers["www-authenticate"] == 'Basic realm="keyworks", charset="UTF-8"'


def test_curl_asks_again_once_it_was_told_how(supplier_site: Site) -> None:
    """`--anyauth` sends credentials only where a challenge has asked for them."""
    new = supplier_site.act(lambda installation: add_station(installation, "line-any", ["idevid"]))
    wish = supplier_site.wish("/CN=line-any")
    answer = supplier_site.enroll(new.enrolls_at, wish, "--anyauth", "--user", f"line-any:{new.secret}")
    [der] = answer.certificates
    assert Certificate.parse(der).subject.text.startswith("CN=line-any,")


def test_an_open_connection_follows_the_trust_anchors(
    supplier_site: Site, operator_site: Site, station: Client
) -> None:
    """A device is trusted by who vouches for it now, whatever was so when it connected."""
    device = supplier_site.device(station, "SN-anchored")
    operator_site.register("SN-anchored", manufacturer=MAKER)
    root = pem_of(authority_certificate(supplier_site.home, "idevid-root")).encode()
    wish = operator_site.wish("/serialNumber=SN-anchored")
    operator_site.act(lambda installation: drop_anchor(installation, "supplier"))
    try:
        with closing(_connected(operator_site, device)) as connection:
            untrusted, _, said = _asked(connection, "ldevid", wish)
            operator_site.act(lambda i: add_anchor(i, ANCHOR, root, Kind.DEVICE, MAKER))
            trusted, _, first = _asked(connection, "ldevid", wish)
            operator_site.act(lambda installation: drop_anchor(installation, ANCHOR))
            no_more, _, _ = _asked(connection, "ldevid", wish)
    finally:
        operator_site.act(lambda i: add_anchor(i, "supplier", root, Kind.DEVICE, "Example Supplier"))
    assert (untrusted, trusted, no_more) == (401, 200, 401), (said, first)
