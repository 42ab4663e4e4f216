"""Names: certified from the inventory, compared with what is asked."""

from dataclasses import replace
from typing import Final

import pytest

from keyworks import oids
from keyworks.authority import naming
from keyworks.authority.library import PROFILES
from keyworks.authority.name_rules import Facts, NameRules
from keyworks.authority.profile import Profile, Wanted
from keyworks.devices.device import Device, DeviceState
from keyworks.errors import KeyworksError, NotAuthorized, RejectedName
from keyworks.testing import NOON, software_signer
from keyworks.x509.general_name import HardwareModule, SubjectAltName
from keyworks.x509.name import EMPTY_NAME, Name
from keyworks.x509.request import encode_certification_request
from keyworks.x509.template import Template, parse_certification_request

DEVICE: Final = Device("1", "Maker", "Drive", "SN-1", DeviceState.REGISTERED, NOON)
OWNER: Final = Name.of((oids.ORGANIZATION_NAME, "Owner"), (oids.COMMON_NAME, "Owner issuing G1"))
IDEVID: Final = naming.certified(PROFILES["idevid"], naming.device_facts(OWNER, DEVICE))
HOST: Final = SubjectAltName(dns=("device.example",))

CN, SN, ORG, OU = oids.COMMON_NAME, oids.SERIAL_NUMBER, oids.ORGANIZATION_NAME, oids.ORGANIZATIONAL_UNIT_NAME


async def asked(subject: Name, names: SubjectAltName | None = None) -> Template:
    return parse_certification_request(await encode_certification_request(subject, software_signer(), names))


def test_an_idevid_names_its_manufacturer_and_ends_in_the_serial_number() -> None:
    """IEEE 802.1AR §8.6."""
    assert IDEVID.subject.text == "serialNumber=SN-1,CN=SN-1,OU=Drive,O=Maker"
    assert IDEVID.subject_alt_name is None


def test_an_ldevid_names_its_owner_and_whose_device_it_is() -> None:
    wanted = naming.certified(PROFILES["ldevid"], naming.device_facts(OWNER, DEVICE))
    assert wanted.subject.text == "serialNumber=SN-1,CN=SN-1,OU=Drive,OU=Maker,O=Owner"


def test_a_station_is_named_in_the_organization_of_its_authority() -> None:
    wanted = naming.certified(PROFILES["station"], naming.principal_facts(OWNER, "line-1"))
    assert wanted.subject.text == "CN=line-1,O=Owner"


@pytest.mark.parametrize(
    ("subject", "found"),
    [
        (Name.of((SN, "SN-1")), "SN-1"),
        (Name.of((CN, "SN-1")), "SN-1"),
        (Name.of((CN, "drive"), (SN, "SN-1")), "SN-1"),
    ],
)
async def test_a_request_names_its_device_by_serial_number_or_else_by_common_name(
    subject: Name, found: str
) -> None:
    assert naming.requested_serial_number(await asked(subject)) == found


@pytest.mark.parametrize(
    "subject", [EMPTY_NAME, Name.of((ORG, "Maker")), Name.of((SN, "SN-1"), (SN, "SN-2"), (CN, "SN-1"))]
)
async def test_a_request_that_names_no_device_or_several_is_rejected(subject: Name) -> None:
    with pytest.raises(RejectedName, match="has to name one device"):
        naming.requested_serial_number(await asked(subject))


@pytest.mark.parametrize(
    "subject", [EMPTY_NAME, IDEVID.subject, Name.of((SN, "SN-1")), Name.of((OU, "Drive"), (CN, "SN-1"))]
)
async def test_a_request_may_repeat_what_will_be_certified(subject: Name) -> None:
    naming.check_names(await asked(subject), IDEVID)


@pytest.mark.parametrize(
    ("subject", "complaint"),
    [
        (Name.of((SN, "SN-2")), "serialNumber 'SN-2', but this channel certifies 'SN-1'"),
        (Name.of((SN, "sn-1")), "serialNumber 'sn-1', but"),
        (Name.of((SN, "SN-1"), (CN, "SN-2")), "commonName 'SN-2', but this channel certifies 'SN-1'"),
        (Name.of((SN, "SN-1"), (ORG, "Other")), "organizationName 'Other', but this channel certifies 'Maker'"),
        (Name.of((SN, "SN-1"), (oids.COUNTRY_NAME, "DE")), "2.5.4.6 'DE', which this channel does not certify"),
        (Name.of((SN, "SN-1"), (OU, "Maker")), "organizationalUnitName 'Maker', but"),
    ],
)
async def test_a_request_for_another_name_is_rejected_with_the_right_one(subject: Name, complaint: str) -> None:
    with pytest.raises(RejectedName, match=complaint):
        naming.check_names(await asked(subject), IDEVID)


async def test_names_a_requester_may_use_for_itself_are_not_those_it_gets() -> None:
    template = await asked(IDEVID.subject)
    wanted = naming.certified(PROFILES["ldevid"], naming.device_facts(OWNER, DEVICE))
    naming.check_names(template, wanted, ((ORG, "Maker"), (OU, "Drive")))
    with pytest.raises(RejectedName):
        naming.check_names(template, wanted)


async def test_a_request_for_alternative_names_that_are_not_certified_is_rejected() -> None:
    with pytest.raises(
        RejectedName, match=r"asks for the host name 'device\.example', which this channel does not certify"
    ):
        naming.check_names(await asked(IDEVID.subject, HOST), IDEVID)
    naming.check_names(await asked(IDEVID.subject, HOST), Wanted(IDEVID.subject, HOST))


REGISTERED: Final = {"dns": ("a.example", "b.example"), "ip": ("192.0.2.7",), "uri": ("urn:a:1",)}
UNNAMED: Final = naming.device_facts(OWNER, DEVICE)
FACTS: Final = naming.device_facts(OWNER, DEVICE, REGISTERED)


def own(
    *alternative: tuple[str, str],
    needs: tuple[tuple[str, ...], ...] = (),
    subject: tuple[tuple[str, str], ...] = (),
) -> Profile:
    """Return a profile with rules of its own."""
    return replace(PROFILES["ldevid"], name="own", names=NameRules(subject, alternative, needs))


@pytest.mark.parametrize(
    "names",
    [
        None,
        SubjectAltName(dns=("b.example",)),
        SubjectAltName(dns=("B.Example", "a.example"), ip=("192.0.2.7",)),
    ],
)
async def test_a_request_may_repeat_a_part_of_the_alternative_names(names: SubjectAltName | None) -> None:
    template = await asked(EMPTY_NAME, names)
    wanted = naming.certified(PROFILES["https-device"], FACTS, template)
    assert wanted.subject_alt_name == SubjectAltName(dns=("a.example", "b.example"), ip=("192.0.2.7",))
    naming.check_names(template, wanted)


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (SubjectAltName(dns=("c.example",)), "host name 'c.example', but .* 'a.example' and 'b.example' here"),
        (SubjectAltName(ip=("192.0.2.8",)), "the IP address '192.0.2.8', but .* '192.0.2.7' here"),
        (SubjectAltName(uri=("urn:a:1",)), "the URI 'urn:a:1', which this channel does not certify"),
        (SubjectAltName(upn=("a@b.example",)), "the user principal name 'a@b.example', which"),
        (SubjectAltName(directory_names=(OWNER.der,)), "a name of a kind that this channel does not certify"),
        (SubjectAltName(hardware_modules=(HardwareModule("1.2.3", b"1"),)), "a name of a kind"),
    ],
)
async def test_a_request_for_another_alternative_name_is_rejected_with_the_right_ones(
    names: SubjectAltName, complaint: str
) -> None:
    template = await asked(EMPTY_NAME, names)
    wanted = naming.certified(PROFILES["https-device"], FACTS, template)
    with pytest.raises(RejectedName, match=complaint):
        naming.check_names(template, wanted)


async def test_a_request_chooses_where_a_rule_lets_it() -> None:
    profile = own(("dns", "{serial_number}-{request}.plant.example"), ("ip", "10.20.0.0/16"))
    names = SubjectAltName(dns=("SN-1-web.plant.example", "SN-2-web.plant.example"), ip=("10.20.0.7",))
    template = await asked(EMPTY_NAME, names)
    wanted = naming.certified(profile, FACTS, template)
    assert wanted.subject_alt_name == SubjectAltName(dns=("SN-1-web.plant.example",), ip=("10.20.0.7",))
    with pytest.raises(RejectedName, match=r"asks for the host name 'SN-2-web\.plant\.example', but"):
        naming.check_names(template, wanted)


async def test_of_a_subject_attribute_that_the_request_chooses_it_gets_one() -> None:
    """A second commonName would be a second identity."""
    template = await asked(Name.of((CN, "first"), (CN, "second")))
    wanted = naming.certified(own(subject=(("CN", "{request}"),)), FACTS, template)
    assert wanted.subject.text == "CN=first"
    with pytest.raises(RejectedName, match="commonName 'second', but this channel certifies 'first'"):
        naming.check_names(template, wanted)


@pytest.mark.parametrize(
    ("profile", "facts", "cause", "sentence"),
    [
        (
            PROFILES["https-device"],
            naming.device_facts(OWNER, DEVICE),
            NotAuthorized,
            "kind dns or ip, and none is",
        ),
        (
            own(("ip", "10.20.0.0/16"), needs=(("ip",),)),
            FACTS,
            RejectedName,
            "needs a name of kind ip; ask for one that fits 10.20.0.0/16",
        ),
        (
            PROFILES["opcua-application"],
            naming.device_facts(OWNER, DEVICE, {**REGISTERED, "uri": ("urn:a:1", "urn:a:2")}),
            NotAuthorized,
            r"certifies one uri name, and here would be 2 \(urn:a:1, urn:a:2\)",
        ),
        (own(("dns", "{request}")), FACTS, NotAuthorized, "Profile own yields no name here"),
        (
            own(("dns", "{product}.plant.example")),
            naming.device_facts(OWNER, replace(DEVICE, product="Big Drive")),
            RejectedName,
            "'Big Drive.plant.example' is not a host name",
        ),
    ],
)
async def test_what_the_rules_need_and_nobody_has_said_is_refused(
    profile: Profile, facts: Facts, cause: type[KeyworksError], sentence: str
) -> None:
    with pytest.raises(cause, match=sentence):
        naming.certified(profile, facts, await asked(EMPTY_NAME))


def test_a_site_is_a_value_where_it_is_known() -> None:
    profile = own(subject=(("O", "{organization}"), ("L", "{site}")))
    known = naming.device_facts(OWNER, replace(DEVICE, site="Hall 2"))
    assert naming.certified(profile, known).subject.text == "L=Hall 2,O=Owner"
    assert naming.certified(profile, naming.device_facts(OWNER, DEVICE)).subject.text == "O=Owner"
    account = naming.principal_facts(OWNER, "line-1", {}, "Hall 3")
    assert naming.certified(profile, account).subject.text == "L=Hall 3,O=Owner"


@pytest.mark.parametrize(
    ("subject", "names", "complaint"),
    [
        (Name.of((SN, "SN-2")), HOST, "subject is 'serialNumber=SN-1', the request's is 'serialNumber=SN-2'"),
        (EMPTY_NAME, HOST, "keeps its names"),
        (Name.of((SN, "SN-1")), None, "subjectAltName differs"),
        (Name.of((SN, "SN-1")), SubjectAltName(dns=("other.example",)), "subjectAltName differs"),
    ],
)
async def test_a_re_enrollment_that_changes_a_name_is_rejected(
    subject: Name, names: SubjectAltName | None, complaint: str
) -> None:
    """RFC 7030 §4.2.2: Subject and subjectAltName MUST be identical to the current certificate's."""
    with pytest.raises(RejectedName, match=complaint):
        naming.check_unchanged(await asked(subject, names), Name.of((SN, "SN-1")), HOST)


async def test_a_re_enrollment_that_keeps_its_names_is_let_through() -> None:
    """RFC 7030 §4.2.2."""
    naming.check_unchanged(await asked(IDEVID.subject, HOST), IDEVID.subject, HOST)
