"""Re-enrollments that ask for other names, over the real socket; `openssl` judges requests and certificates."""

import asyncio
from dataclasses import dataclass

import pytest

from keyworks import oids
from keyworks.enroll.credential import read_private_key
from keyworks.service.installation import Installation
from keyworks.service.inventory import find_device, name_device
from keyworks.service.policy.apply import amend
from keyworks.service.policy.document import with_section
from keyworks.settings.factory import ChannelSection, FactoryDocument
from keyworks.x509.certificate import Certificate, pem_of
from keyworks.x509.changed_names import ChangedNames
from keyworks.x509.general_name import SubjectAltName, server_names
from keyworks.x509.name import Name
from keyworks.x509.request import encode_certification_request
from tests.interop.est_plant import Answer, Client, Site, Wish, openssl
from tests.interop.peers import Plant

CHANGING, KEEPING = "changing", "keeping"
NEW_KEY = ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out")


class Untagged(ChangedNames):
    """As a client writes it that goes by RFC 6402's text."""

    def encode(self) -> bytes:
        assert self.subject_alt_name is not None
        names = self.subject_alt_name.encode()
        return super().encode().replace(b"\xa1" + names[1:], names)


@dataclass(frozen=True)
class Pump:
    """A device with a certificate for the host name that it had, and another one in the inventory.

    Args:
        site: Its owner's.
        serial_number: The device's.
        client: With its certificate.
    """

    site: Site
    serial_number: str
    client: Client

    @property
    def old(self) -> str:
        return f"{self.serial_number.lower()}.old.example"

    @property
    def new(self) -> str:
        return f"{self.serial_number.lower()}.new.example"

    def wish(self, changed: ChangedNames | None, *, asks: SubjectAltName | None = None) -> Wish:
        """Make a request for the certificate's successor, which names the certificate as it is."""
        own, key = Certificate.parse(self.client.der), self.site.file(ending=".key")
        openssl(*NEW_KEY, key)
        names = asks or own.subject_alt_name
        signer = read_private_key(key.read_bytes())
        der = asyncio.run(encode_certification_request(own.subject, signer, names, changed_names=changed))
        openssl("req", "-inform", "DER", "-verify", "-noout", data=der)
        return Wish(key, der)

    def ask(self, label: str, wish: Wish, operation: str = "simplereenroll") -> Answer:
        return self.site.enroll(label, wish, *self.client.options, operation=operation)


def _open_channels(document: FactoryDocument) -> FactoryDocument:
    for label in (CHANGING, KEEPING):
        section = ChannelSection(
            authority="issuing", profile="tls-client", accepts=("device",), change_names=label == CHANGING
        )
        document = with_section(document, "channel", label, section)
    return document


@pytest.fixture(scope="module")
def channels(plant: Plant) -> Plant:
    """The plant, with a channel that lets names change and one that does not."""

    async def work(installation: Installation) -> None:
        await amend(installation, "channels", _open_channels)

    plant.operator.act(work)
    return plant


def _renamed(plant: Plant, serial_number: str, label: str) -> Pump:
    name = serial_number.lower()
    pump = Pump(plant.operator, serial_number, plant.device(serial_number, label, dns=f"{name}.old.example"))

    async def rename(installation: Installation) -> None:
        device = await find_device(installation, serial_number)
        await name_device(installation, device, [("dns", pump.old)], remove=True)
        await name_device(installation, device, [("dns", pump.new)])

    plant.operator.act(rename)
    return pump


@pytest.fixture(scope="module")
def refused(channels: Plant) -> Pump:
    """A device that keeps its certificate through every refusal."""
    channels.operator.register("SN-CHANGE-OTHER")
    channels.operator.name_device("SN-CHANGE-OTHER", {"dns": "other.new.example"})
    return _renamed(channels, "SN-CHANGE-2", CHANGING)


def _named(*hosts: str) -> SubjectAltName:
    return server_names(hosts)


def _shown(site: Site, der: bytes, *options: str) -> str:
    """Verify a certificate up to the plant's root, and return what `openssl x509` shows of it."""
    above = site.curl(f"/.well-known/est/{CHANGING}/cacerts").certificates
    file, chain = site.file(pem_of(der), ".pem"), site.file("".join(map(pem_of, above)), ".pem")
    openssl("verify", "-x509_strict", "-CAfile", site.trust, "-untrusted", chain, file)
    return openssl("x509", "-in", file, "-noout", *options).decode()


def test_a_device_gets_the_name_that_it_has_by_now(channels: Plant) -> None:
    """RFC 7030 §4.2.2, RFC 6402 §2.8; afterwards the new name is the one that a renewal keeps."""
    pump = _renamed(channels, "SN-CHANGE-1", CHANGING)
    wish = pump.wish(ChangedNames(subject_alt_name=_named(pump.new)))
    answer = pump.ask(CHANGING, wish)
    [der] = answer.certificates
    shown = _shown(pump.site, der, "-subject", "-ext", "subjectAltName")
    assert f"DNS:{pump.new}" in shown
    assert pump.old not in shown
    before, after = Certificate.parse(pump.client.der), Certificate.parse(der)
    assert after.subject == before.subject
    assert _shown(pump.site, der, "-pubkey") == openssl("pkey", "-in", wish.key, "-pubout").decode()
    successor = Pump(pump.site, pump.serial_number, pump.site.client(CHANGING, wish, answer))
    [again] = successor.ask(CHANGING, successor.wish(None)).certificates
    assert f"DNS:{pump.new}" in _shown(pump.site, again, "-ext", "subjectAltName")


def test_a_client_may_leave_the_tag_out_and_say_the_subject_too(channels: Plant) -> None:
    """RFC 6402's text has no tag before the alternative names, its module has one; clients follow either."""
    pump = _renamed(channels, "SN-CHANGE-3", CHANGING)
    wish = pump.wish(Untagged(Certificate.parse(pump.client.der).subject, _named(pump.new)))
    [der] = pump.ask(CHANGING, wish).certificates
    assert f"DNS:{pump.new}" in _shown(pump.site, der, "-ext", "subjectAltName")


@pytest.mark.parametrize(
    ("subject", "hosts", "sentence"),
    [
        (None, ("{old}",), "asks for the host name '{old}', but this channel certifies '{new}' here"),
        (None, ("other.new.example",), "asks for the host name 'other.new.example'"),
        (None, ("{new}", "nobody.example"), "asks for the host name 'nobody.example'"),
        ("SN-CHANGE-OTHER", ("{new}",), "asks for serialNumber 'SN-CHANGE-OTHER'"),
    ],
)
def test_nobody_gets_a_name_that_is_not_registered_for_it(
    refused: Pump, subject: str | None, hosts: tuple[str, ...], sentence: str
) -> None:
    """RFC 6402 §2.8: the attribute asks; what is certified is what the inventory has for this device."""
    facts = {"old": refused.old, "new": refused.new}
    name = Name.of((oids.SERIAL_NUMBER, subject)) if subject is not None else None
    changed = ChangedNames(name, _named(*(one.format(**facts) for one in hosts)))
    _check_refused(refused, refused.ask(CHANGING, refused.wish(changed)), sentence.format(**facts))


def test_the_request_itself_names_the_certificate_as_it_is(refused: Pump) -> None:
    """RFC 7030 §4.2.2: subject and subjectAltName MUST be identical to the current certificate's."""
    new = _named(refused.new)
    wish = refused.wish(ChangedNames(subject_alt_name=new), asks=new)
    _check_refused(refused, refused.ask(CHANGING, wish), "the subjectAltName differs from the certificate's")


def test_a_first_request_says_its_names_itself(refused: Pump) -> None:
    wish = refused.wish(ChangedNames(subject_alt_name=_named(refused.new)))
    answer = refused.ask(CHANGING, wish, "simpleenroll")
    _check_refused(refused, answer, "ChangeSubjectName belongs into a re-enrollment")


def test_a_channel_lets_nobody_change_names_unless_it_says_so(channels: Plant) -> None:
    pump = _renamed(channels, "SN-CHANGE-4", KEEPING)
    wish = pump.wish(ChangedNames(subject_alt_name=_named(pump.new)))
    _check_refused(pump, pump.ask(KEEPING, wish), f"On channel {KEEPING} a re-enrollment keeps its names")


def _check_refused(pump: Pump, answer: Answer, sentence: str) -> None:
    """HTTP 400 with the reason, and nothing was issued: the device still has the one certificate it had."""
    assert (answer.status, sentence in answer.sentence) == (400, True), answer.sentence
    device = pump.site.act(lambda installation: find_device(installation, pump.serial_number))
    issued = [one for one in pump.site.entries("certificate.issued") if one["object"] == f"device:{device.id}"]
    assert len(issued) == 1
