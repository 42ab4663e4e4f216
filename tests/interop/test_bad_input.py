"""Bad requests: each gets its status and a sentence, is entered where it is somebody's, and harms nobody."""

import base64
import http.client
import ssl
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from keyworks.access.principal import Kind
from keyworks.service.anchors import add_anchor
from keyworks.service.certificates import revoke_by_operator
from keyworks.service.installation import Installation
from keyworks.testing import move
from keyworks.x509.certificate import Certificate
from tests.interop.est_plant import MANUFACTURER, PKCS10, Answer, Client, Site, Wish, openssl
from tests.unit.server.tls_client import private_pem
from tests.unit.x509.chains import Made, Plan, made

ENROLL: Final = "/.well-known/est/idevid/simpleenroll"
LARGE_KEY: Final = Path(__file__).parents[1] / "vectors" / "large-client-key"
DURABLE: Final = Plan(not_before=datetime(2020, 1, 1, tzinfo=UTC), not_after=datetime(2120, 1, 1, tzinfo=UTC))


class Bench:
    """What a test needs to be bad with.

    Args:
        supplier: Where devices come from.
        operator: Where they go.
        station: Of the supplier's.
    """

    def __init__(self, supplier: Site, operator: Site, station: Client) -> None:
        self.supplier = supplier
        self.operator = operator
        self.station = station

    def ask(self, wish: Wish) -> Answer:
        return self.supplier.enroll("idevid", wish, *self.station.options)

    def wish(self, serial_number: str, *options: str, key: Path | None = None) -> Wish:
        return self.supplier.wish(f"/serialNumber={serial_number}", *options, key=key)

    def ask_operator(self, wish: Wish, by: Client, operation: str = "simpleenroll") -> Answer:
        return self.operator.enroll("ldevid", wish, *by.options, operation=operation)

    def commissioned(self, serial_number: str) -> tuple[Client, Client]:
        """Return a device's IDevID and its LDevID."""
        idevid = self.supplier.device(self.station, serial_number)
        self.operator.register(serial_number)
        wish = self.wish(serial_number)
        return idevid, self.operator.client("ldevid", wish, self.ask_operator(wish, idevid))


@pytest.fixture(scope="module")
def bench(supplier_site: Site, operator_site: Site, station: Client) -> Bench:
    return Bench(supplier_site, operator_site, station)


@pytest.fixture(scope="module")
def spare(supplier_site: Site) -> Iterator[str]:
    """Serial numbers of devices without a certificate."""
    numbers = [f"SN-spare-{number}" for number in range(100)]
    supplier_site.register(*numbers)
    return iter(numbers)


@pytest.fixture(autouse=True)
def _as_well_as_before(bench: Bench, spare: Iterator[str]) -> Iterator[None]:
    yield
    assert bench.ask(bench.wish(next(spare))).status == 200
    for site in (bench.supplier, bench.operator):
        assert [line for line in site.server.log_lines() if line["level"] in ("warning", "error")] == []


def unknown(bench: Bench) -> Answer:
    return bench.ask(bench.wish("SN-unknown"))


def nameless(bench: Bench) -> Answer:
    return bench.ask(bench.supplier.wish("/"))


def two_numbers(bench: Bench) -> Answer:
    bench.supplier.register("SN-two")
    return bench.ask(bench.wish("SN-two/serialNumber=SN-unknown"))


def other_organization(bench: Bench) -> Answer:
    bench.supplier.register("SN-other")
    return bench.ask(bench.wish("SN-other/O=Somebody Else"))


def alternative_name(bench: Bench) -> Answer:
    bench.supplier.register("SN-alternative")
    return bench.ask(bench.wish("SN-alternative", "-addext", "subjectAltName=DNS:server.example"))


def second_key_for_a_shipped_device(bench: Bench) -> Answer:
    bench.supplier.device(bench.station, "SN-shipped")

    bench.supplier.act(lambda installation: move(installation, "SN-shipped", "ship"))
    return bench.ask(bench.wish("SN-shipped"))


def one_key_for_two_devices(bench: Bench) -> Answer:
    bench.supplier.register("SN-first", "SN-second")
    first = bench.wish("SN-first")
    assert bench.ask(first).status == 200
    return bench.ask(bench.wish("SN-second", key=first.key))


def bad_signature(bench: Bench) -> Answer:
    bench.supplier.register("SN-signature")
    der = bytearray(bench.wish("SN-signature").der)
    der[-1] ^= 1
    return bench.ask(Wish(bench.station.key, bytes(der)))


def truncated(bench: Bench) -> Answer:
    bench.supplier.register("SN-truncated")
    return bench.ask(Wish(bench.station.key, bench.wish("SN-truncated").der[:-40]))


def no_base64(bench: Bench) -> Answer:
    return bench.supplier.curl(ENROLL, *PKCS10, *bench.station.options, data=b"{}")


def weak_key(bench: Bench) -> Answer:
    key = bench.supplier.file(ending=".key")
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", key)
    return bench.ask(bench.wish("SN-weak", key=key))


def device_as_station(bench: Bench) -> Answer:
    device = bench.supplier.device(bench.station, "SN-usurper")
    return bench.supplier.enroll("idevid", bench.wish("SN-usurper"), *device.options)


def station_s_channel(bench: Bench) -> Answer:
    other = bench.supplier.station("line-without-channel")
    return bench.supplier.enroll("idevid", bench.wish("SN-unknown"), *other.options)


BY_A_STATION: Final[Mapping[Callable[[Bench], Answer], tuple[int, str, str, str]]] = {
    unknown: (403, "NotAuthorized", "station:line-1", "No device with serial number 'SN-unknown'"),
    nameless: (400, "RejectedName", "station:line-1", "has to name one device"),
    two_numbers: (400, "RejectedName", "station:line-1", "has to name one device"),
    other_organization: (400, "RejectedName", "station:line-1", "asks for organizationName 'Somebody Else'"),
    alternative_name: (400, "RejectedName", "station:line-1", "which this channel does not certify"),
    second_key_for_a_shipped_device: (403, "NotAuthorized", "station:line-1", "has left the line"),
    one_key_for_two_devices: (403, "NotAuthorized", "station:line-1", "belongs to another device"),
    bad_signature: (400, "BadProofOfPossession", "station:line-1", "signature does not verify"),
    truncated: (400, "MalformedRequest", "station:line-1", "not a PKCS#10 certification request"),
    no_base64: (400, "MalformedRequest", "station:line-1", "not base64"),
    weak_key: (400, "BadSubjectKey", "station:line-1", "1024"),
    device_as_station: (403, "NotAuthorized", f"device:{MANUFACTURER}/SN-usurper", "serves a station"),
    station_s_channel: (403, "NotAuthorized", "station:line-without-channel", "may not use channel idevid"),
}


@pytest.mark.parametrize("bad", BY_A_STATION, ids=lambda bad: bad.__name__)
def test_a_station_s_bad_request_is_refused_in_a_sentence_and_entered(
    bench: Bench, bad: Callable[[Bench], Answer]
) -> None:
    status, cause, actor, sentence = BY_A_STATION[bad]
    answer = bad(bench)
    assert answer.status == status, answer.sentence
    assert sentence in answer.sentence
    entry = bench.supplier.entries("certificate.refused")[-1]
    assert (entry["actor"], entry["object"], entry["result"]) == (actor, "channel:idevid", cause)
    assert answer.sentence.strip() in str(entry["detail"])


def renewed_idevid(bench: Bench) -> Answer:
    idevid, _ = bench.commissioned("SN-idevid")
    return bench.ask_operator(bench.wish("SN-idevid"), idevid, "simplereenroll")


def changed_subject(bench: Bench) -> Answer:
    _, ldevid = bench.commissioned("SN-changed")
    return bench.ask_operator(bench.wish("SN-changed"), ldevid, "simplereenroll")


def other_device(bench: Bench) -> Answer:
    idevid, _ = bench.commissioned("SN-itself")
    bench.operator.register("SN-another")
    return bench.ask_operator(bench.wish("SN-another"), idevid)


def not_in_the_inventory(bench: Bench) -> Answer:
    idevid = bench.supplier.device(bench.station, "SN-nowhere")
    return bench.ask_operator(bench.wish("SN-nowhere"), idevid)


BY_A_DEVICE: Final[Mapping[Callable[[Bench], Answer], tuple[int, str, str, str]]] = {
    renewed_idevid: (403, "NotAuthorized", "SN-idevid", "simpleenroll first"),
    changed_subject: (400, "RejectedName", "SN-changed", "A re-enrollment keeps its names"),
    other_device: (400, "RejectedName", "SN-itself", "asks for serialNumber 'SN-another'"),
    not_in_the_inventory: (403, "NotAuthorized", "SN-nowhere", "is not in this inventory"),
}


@pytest.mark.parametrize("bad", BY_A_DEVICE, ids=lambda bad: bad.__name__)
def test_a_device_s_bad_request_is_refused_in_a_sentence_and_entered(
    bench: Bench, bad: Callable[[Bench], Answer]
) -> None:
    status, cause, serial_number, sentence = BY_A_DEVICE[bad]
    answer = bad(bench)
    assert answer.status == status, answer.sentence
    assert sentence in answer.sentence
    entry = bench.operator.entries("certificate.refused")[-1]
    found = (entry["actor"], entry["object"], entry["result"])
    assert found == (f"device:{MANUFACTURER}/{serial_number}", "channel:ldevid", cause)


def test_an_idevid_is_not_renewed_where_it_was_issued_either(bench: Bench) -> None:
    """IEEE 802.1AR §6.1: an IDevID is for life."""
    device = bench.supplier.device(bench.station, "SN-renewing")
    wish = bench.wish("SN-renewing")
    answer = bench.supplier.enroll("idevid", wish, *device.options, operation="simplereenroll")
    assert answer.status == 403


def files_of(site: Site, holder: Made, *above: Made) -> Client:
    chain = b"".join(one.pem for one in (holder, *above))
    return Client(site.file(chain, ".pem"), site.file(private_pem(holder), ".key"))


def foreign(bench: Bench) -> tuple[Site, Client]:
    issuer = made("foreign root", DURABLE)
    return bench.supplier, files_of(bench.supplier, made("line-1", DURABLE_LEAF, issuer), issuer)


def self_signed(bench: Bench) -> tuple[Site, Client]:
    return bench.supplier, files_of(bench.supplier, made("line-1", DURABLE_LEAF))


def expired(bench: Bench) -> tuple[Site, Client]:
    issuer = made("maker of old devices", DURABLE)

    async def trust(installation: Installation) -> None:
        await add_anchor(installation, "old", issuer.pem, Kind.DEVICE, "Old Maker")

    bench.operator.act(trust)
    plan = Plan(None, None, ("digital_signature",), DURABLE.not_before, datetime(2021, 1, 1, tzinfo=UTC))
    return bench.operator, files_of(bench.operator, made("old device", plan, issuer), issuer)


def large_key(bench: Bench) -> tuple[Site, Client]:
    return bench.supplier, Client(LARGE_KEY / "certificate.pem", LARGE_KEY / "key.pem")


def others_station(bench: Bench) -> tuple[Site, Client]:
    return bench.operator, bench.station


DURABLE_LEAF: Final = Plan(None, None, ("digital_signature",), DURABLE.not_before, DURABLE.not_after)
STRANGERS: Final[Mapping[Callable[[Bench], tuple[Site, Client]], str]] = {
    foreign: "trust anchor",
    self_signed: "trust anchor",
    expired: "expired",
    large_key: "RSA modulus has 16384 bits",
    others_station: "trust anchor",
}


@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda stranger: stranger.__name__)
def test_a_stranger_s_certificate_is_refused_in_a_sentence_and_not_entered(
    bench: Bench, stranger: Callable[[Bench], tuple[Site, Client]]
) -> None:
    site, client = stranger(bench)
    label = "ldevid" if site is bench.operator else "idevid"
    before = site.entries("certificate.refused")
    answer = site.enroll(label, bench.wish("SN-unknown"), *client.options)
    assert answer.status == 401, answer.sentence
    assert STRANGERS[stranger] in answer.sentence
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert site.entries("certificate.refused") == before


def test_a_revoked_certificate_is_refused_on_the_connection_it_opened_before(bench: Bench) -> None:
    station = bench.supplier.station("line-revoked", "idevid")
    context = ssl.create_default_context(cafile=str(bench.supplier.trust))
    context.load_cert_chain(station.chain, station.key)
    kept = http.client.HTTPSConnection(urlsplit(bench.supplier.server.enrollment).netloc, context=context)

    def ask(serial_number: str) -> tuple[int, str]:
        headers = {"Content-Type": "application/pkcs10"}
        kept.request("POST", ENROLL, base64.b64encode(bench.wish(serial_number).der), headers)
        answer = kept.getresponse()
        return answer.status, answer.read().decode()

    bench.supplier.register("SN-before", "SN-after")
    assert ask("SN-before")[0] == 200
    socket_before = kept.sock
    fingerprint = Certificate.parse(station.der).fingerprint.hex()
    bench.supplier.act(lambda installation: revoke_by_operator(installation, fingerprint, "keyCompromise"))
    status, sentence = ask("SN-after")
    assert (status, kept.sock) == (401, socket_before)
    assert "The client certificate is revoked" in sentence
    assert bench.supplier.enroll("idevid", bench.wish("SN-after"), *station.options).status == 401
    kept.close()


@pytest.mark.parametrize("options", [(), ("-H", "Transfer-Encoding: chunked"), ("-H", "Expect:")])
def test_ten_megabytes_are_refused_before_they_are_read(bench: Bench, options: tuple[str, ...]) -> None:
    """RFC 9110 §15.5.14; announced with and without Expect: 100-continue, and in chunks."""
    answer = bench.supplier.curl(ENROLL, *PKCS10, *options, *bench.station.options, data=b"A" * 10_000_000)
    assert answer.status == 413
    assert answer.sentence == "The request's body is larger than 65536 octets.\n"
    assert answer.headers["connection"] == "close"


def test_a_huge_client_chain_is_refused_in_a_sentence(bench: Bench) -> None:
    chain = bench.supplier.file(bench.station.chain.read_bytes() * 5, ".pem")
    client = Client(chain, bench.station.key)
    answer = bench.supplier.enroll("idevid", bench.wish("SN-unknown"), *client.options)
    assert answer.status == 400
    assert "a chain of 10 certificates" in answer.sentence
