"""Whose names are certified for whom: devices, stations for devices, and accounts for themselves."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from keyworks import oids
from keyworks.access.credential import CertificateCredential, SecretCredential
from keyworks.access.principal import DeviceIdentity, Kind, Principal
from keyworks.access.records import Account
from keyworks.authority.authenticate import Authenticated, OwnCertificate
from keyworks.authority.authorize import Ask, Operation, authorize, order_for
from keyworks.authority.channel import Channel
from keyworks.authority.derivation import ProfileChanges, derive
from keyworks.authority.library import PROFILES
from keyworks.authority.order import Order, Replacement
from keyworks.authority.profile import Issuer, Profile, Wanted, make_tbs
from keyworks.devices.device import Device, DeviceState
from keyworks.devices.names import add_names, remove_names
from keyworks.devices.records import insert_devices
from keyworks.errors import NotAuthorized, RejectedName
from keyworks.store.engine import Store, Transaction
from keyworks.testing import NOON, software_signer, throwaway_store
from keyworks.x509.certificate import Certificate
from keyworks.x509.general_name import SubjectAltName
from keyworks.x509.name import EMPTY_NAME, Name
from keyworks.x509.request import encode_certification_request
from keyworks.x509.tbs import assemble
from keyworks.x509.template import parse_certification_request

SIGNER: Final = software_signer()
OWNER: Final = Name.of((oids.ORGANIZATION_NAME, "Owner"), (oids.COMMON_NAME, "Owner issuing G1"))
ISSUER: Final = Issuer(
    generation_id="1",
    key_id="1",
    name=OWNER,
    key_identifier=SIGNER.public_key.key_identifier,
    signature=SIGNER.algorithm,
    not_after=1 << 40,
    certificate=None,
    publication_url="http://pki.example",
    file_name="issuing-1",
    chain=(),
)
DRIVE: Final = Device("d1", "Maker", "Drive", "SN-1", DeviceState.ISSUED, NOON)
OTHER: Final = Device("d2", "Maker", "Drive", "SN-2", DeviceState.ISSUED, NOON)
SN_1: Final = Name.of((oids.SERIAL_NUMBER, "SN-1"))
ITSELF: Final = Principal(Kind.DEVICE, "SN-1", DeviceIdentity("Maker", "Drive", "SN-1"))
LINE: Final = Principal(Kind.STATION, "line-1")
BROKER: Final = Principal(Kind.SERVICE, "broker")
SHOUTED: Final[Mapping[str, tuple[str, ...]]] = {"dns": ("SHOUTED.example",)}
NAMES: Final[Mapping[str, tuple[str, ...]]] = {"dns": ("broker.example",), "upn": ("who@plant.example",)}
ACCOUNTS: Final = {
    one.name: one
    for one in (
        Account("a1", Kind.STATION, "line-1", True, frozenset({"own"}), {}, None),
        Account("a2", Kind.SERVICE, "broker", True, frozenset({"own"}), NAMES, None),
        Account("a3", Kind.PERSON, "who", True, frozenset({"own"}), NAMES, None),
        Account("a4", Kind.SERVICE, "idle", False, frozenset({"own"}), NAMES, None),
        Account("a5", Kind.SERVICE, "elsewhere", True, frozenset({"other"}), NAMES, None),
        Account("a6", Kind.SERVICE, "shouted", True, frozenset({"own"}), SHOUTED, None),
    )
}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An inventory with two drives that have names."""

    def fill(tx: Transaction, _: object) -> list[None]:
        insert_devices(tx, [DRIVE, OTHER])
        add_names(tx, "d1", [("dns", "one.example"), ("ip", "192.0.2.1"), ("uri", "urn:one:1")])
        add_names(tx, "d2", [("dns", "two.example")])
        return [None]

    async with throwaway_store(tmp_path) as opened:
        await opened.write(fill, None)
        yield opened


async def ordered(
    store: Store,
    profile: Profile | str,
    by: Principal,
    subject: Name = EMPTY_NAME,
    names: SubjectAltName | None = None,
    *,
    authenticated: Authenticated | None = None,
    operation: Operation = Operation.ENROLL,
) -> Order:
    """Return the order for a request in a channel ``own``, which leaves it to its profile who may ask."""
    profile = PROFILES[profile] if isinstance(profile, str) else profile
    signer = SIGNER if profile.keys else software_signer("rsa-3072")
    ask = Ask(
        channel=Channel("c1", "own", "authority", profile, frozenset(Kind)),
        issuer=ISSUER,
        operation=operation,
        authenticated=authenticated or Authenticated(by, SecretCredential("s1"), None, NOON),
        template=parse_certification_request(await encode_certification_request(subject, signer, names)),
        source="192.0.2.9",
        accounts=ACCOUNTS,
    )
    grant = await store.read(lambda tx: authorize(tx, ask))
    return order_for(ask, grant, signer.public_key)


@pytest.mark.parametrize(
    ("profile", "names"),
    [
        ("https-device", SubjectAltName(dns=("one.example",), ip=("192.0.2.1",))),
        ("mqtt-client", SubjectAltName(uri=("urn:one:1",))),
        ("opcua-application", SubjectAltName(dns=("one.example",), ip=("192.0.2.1",), uri=("urn:one:1",))),
        ("opcua-application-rsa", SubjectAltName(dns=("one.example",), ip=("192.0.2.1",), uri=("urn:one:1",))),
        ("ipsec", SubjectAltName(dns=("one.example",), ip=("192.0.2.1",))),
        ("ldevid", None),
    ],
)
@pytest.mark.parametrize("by", [ITSELF, LINE])
async def test_a_device_gets_its_own_names_whether_it_asks_or_a_station(
    store: Store, profile: str, names: SubjectAltName | None, by: Principal
) -> None:
    order = await ordered(store, profile, by, SN_1)
    assert order.wanted.subject.text == "serialNumber=SN-1,CN=SN-1,OU=Drive,OU=Maker,O=Owner"
    assert order.wanted.subject_alt_name == names
    assert (order.owner, order.device_id, order.replacement) == ("device:d1", "d1", Replacement.REVOKE)


async def test_only_an_idevid_is_replaced_until_the_device_is_shipped(store: Store) -> None:
    order = await ordered(store, "idevid", LINE, SN_1)
    assert order.replacement is Replacement.REVOKE_UNTIL_SHIPPED
    own = derive(PROFILES["idevid"], "own-idevid", 1, ProfileChanges(masa_url="https://masa.example"))
    assert (await ordered(store, own, LINE, SN_1)).replacement is Replacement.REVOKE_UNTIL_SHIPPED


@pytest.mark.parametrize(
    ("by", "subject", "names", "sentence"),
    [
        (ITSELF, SN_1, SubjectAltName(dns=("two.example",)), "certifies 'one.example' here"),
        (LINE, SN_1, SubjectAltName(dns=("two.example",)), "certifies 'one.example' here"),
        (ITSELF, Name.of((oids.SERIAL_NUMBER, "SN-2")), None, "certifies 'SN-1' here"),
        (ITSELF, Name.of((oids.COMMON_NAME, "SN-2")), None, "certifies 'SN-1' here"),
        (LINE, EMPTY_NAME, None, "has to name one device"),
    ],
)
async def test_nobody_gets_another_devices_names(
    store: Store, by: Principal, subject: Name, names: SubjectAltName | None, sentence: str
) -> None:
    with pytest.raises(RejectedName, match=sentence):
        await ordered(store, "https-device", by, subject, names)


@pytest.mark.parametrize("name", ["two.example", "TWO.example", "broker.example", "shouted.example"])
async def test_where_a_request_may_choose_it_chooses_nothing_that_is_somebody_elses(
    store: Store, name: str
) -> None:
    free = derive(PROFILES["ldevid"], "free", 1, ProfileChanges(alternative=(("dns", "{request}"),)))
    wanted = SubjectAltName(dns=(name,))
    with pytest.raises(
        NotAuthorized, match=r"'(two|broker|shouted)\.example' belongs to another device or account now"
    ):
        await ordered(store, free, ITSELF, SN_1, wanted)
    for chosen in ("new.example", "one.example"):
        order = await ordered(store, free, ITSELF, SN_1, SubjectAltName(dns=(chosen,)))
        assert order.wanted.subject_alt_name == SubjectAltName(dns=(chosen,))


@pytest.mark.parametrize(
    ("profile", "by", "subject", "names"),
    [
        ("station", LINE, "CN=line-1,O=Owner", None),
        ("tls-service", BROKER, "CN=broker,O=Owner", SubjectAltName(dns=("broker.example",))),
        ("ipsec-gateway", BROKER, "CN=broker,O=Owner", SubjectAltName(dns=("broker.example",))),
        ("est-ra", BROKER, "CN=broker,O=Owner", SubjectAltName(dns=("broker.example",))),
        ("user", Principal(Kind.PERSON, "who"), "CN=who,O=Owner", SubjectAltName(upn=("who@plant.example",))),
    ],
)
async def test_an_account_gets_its_own_names(
    store: Store, profile: str, by: Principal, subject: str, names: SubjectAltName | None
) -> None:
    order = await ordered(store, profile, by)
    assert (order.wanted.subject.text, order.wanted.subject_alt_name) == (subject, names)
    assert (order.owner, order.replacement, order.device_id) == (by.text, Replacement.REVOKE, None)


@pytest.mark.parametrize("profile", ["firmware", "timestamping", "code-signing", "ocsp-responder", "masa"])
async def test_a_signers_new_certificate_revokes_no_old_one(store: Store, profile: str) -> None:
    """What the old one signed, such as firmware, is verified for years."""
    assert (await ordered(store, profile, BROKER)).replacement is Replacement.KEEP


async def test_another_new_certificate_replaces_the_old_one_whether_it_could_be_renewed_or_not(
    store: Store,
) -> None:
    once = derive(PROFILES["tls-service"], "once", 1, ProfileChanges(renewable=False))
    assert (await ordered(store, once, BROKER)).replacement is Replacement.REVOKE


@pytest.mark.parametrize(
    ("profile", "by", "sentence"),
    [
        ("tls-service", Principal(Kind.SERVICE, "stranger"), "Service stranger is not registered here"),
        ("tls-service", Principal(Kind.SERVICE, "idle"), "Service idle is not registered here, or is disabled"),
        ("tls-service", Principal(Kind.SERVICE, "who"), "Service who is not registered here"),
        ("tls-service", Principal(Kind.SERVICE, "elsewhere"), "Service elsewhere may not use channel own"),
        ("tls-service", LINE, "serves a service; the client certificate is a station's"),
        ("tls-service", ITSELF, "serves a service; the client certificate is a device's"),
        ("https-device", BROKER, "serves a device or a station"),
        ("idevid", ITSELF, "serves a station"),
        ("tls-server", BROKER, "serves nobody"),
        ("root", LINE, "serves nobody"),
    ],
)
async def test_who_may_not_ask_is_told_so(store: Store, profile: str, by: Principal, sentence: str) -> None:
    with pytest.raises(NotAuthorized, match=sentence):
        await ordered(store, profile, by, SN_1)


async def test_a_name_that_has_gone_to_another_device_is_not_renewed(store: Store) -> None:
    """RFC 7030 §4.2.2: a re-enrollment keeps its names; this one it may not."""
    shown = await presented("ldevid")
    names = SubjectAltName(dns=("one.example",))
    again = Operation.REENROLL
    order = await ordered(store, "ldevid", ITSELF, SN_1, names, authenticated=shown, operation=again)
    assert (order.wanted.subject_alt_name, order.replacement) == (names, Replacement.KEEP)

    def move(tx: Transaction, _: object) -> list[None]:
        remove_names(tx, "d1", [("dns", "one.example")])
        add_names(tx, "d2", [("dns", "one.example")])
        return [None]

    await store.write(move, None)
    with pytest.raises(NotAuthorized, match=r"'one\.example' belongs to another device or account now"):
        await ordered(store, "ldevid", ITSELF, SN_1, names, authenticated=shown, operation=again)


async def test_a_template_yields_no_name_that_is_registered_for_another_device(store: Store) -> None:
    def register(tx: Transaction, _: object) -> list[None]:
        add_names(tx, "d2", [("dns", "sn-1.plant.example")])
        return [None]

    await store.write(register, None)
    rules = ProfileChanges(alternative=(("dns", "{serial_number}.plant.example"),))
    with pytest.raises(NotAuthorized, match=r"'sn-1\.plant\.example' belongs to another"):
        await ordered(store, derive(PROFILES["ldevid"], "own", 1, rules), ITSELF, SN_1)


async def test_accounts_that_share_a_name_renew_it_both(store: Store) -> None:
    """Such as two brokers behind one address: what they enrolled with they can keep."""
    subject, names = Name.of((oids.COMMON_NAME, "broker")), SubjectAltName(dns=("broker.example",))
    shown = replace(await presented("tls-service", Wanted(subject, names)), principal=BROKER)
    again = Operation.REENROLL
    order = await ordered(store, "tls-service", BROKER, subject, names, authenticated=shown, operation=again)
    assert order.wanted.subject_alt_name == names


DRIVES: Final = Wanted(SN_1, SubjectAltName(dns=("one.example",)))


async def presented(profile: str, wanted: Wanted = DRIVES) -> Authenticated:
    """Return a drive that shows a certificate of ours."""
    tbs = make_tbs(PROFILES[profile], wanted, SIGNER.public_key, ISSUER, 1 << 100, NOON).encode()
    certificate = Certificate.parse(assemble(tbs, SIGNER.algorithm, await SIGNER.sign(tbs)))
    own = OwnCertificate("1", "c1", profile, "device:d1")
    return Authenticated(ITSELF, CertificateCredential(certificate), own, NOON)


@pytest.mark.parametrize("profile", ["https-device", "ipsec"])
async def test_a_certificate_that_is_not_for_clients_asks_for_no_other_one(store: Store, profile: str) -> None:
    with pytest.raises(NotAuthorized, match="does not allow clientAuth: it can only be renewed with itself"):
        await ordered(store, "ldevid", ITSELF, SN_1, authenticated=await presented(profile))


@pytest.mark.parametrize("profile", ["ldevid", "tls-client"])
async def test_a_certificate_that_is_for_clients_asks_for_others(store: Store, profile: str) -> None:
    order = await ordered(store, "https-device", ITSELF, SN_1, authenticated=await presented(profile))
    assert order.owner == "device:d1"


async def test_names_that_are_not_registered_are_the_operators_to_add(store: Store) -> None:
    second = Principal(Kind.DEVICE, "SN-2", DeviceIdentity("Maker", "Drive", "SN-2"))
    assert (await ordered(store, "https-device", second)).device_id == "d2"
    with pytest.raises(NotAuthorized, match="needs a name of kind uri, and none is registered"):
        await ordered(store, "opcua-application", second)
