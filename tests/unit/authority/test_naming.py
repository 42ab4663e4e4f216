"""Names: certified from the inventory, compared with what is asked."""

from typing import Final

import pytest

from keyworks import oids
from keyworks.authority import naming
from keyworks.authority.library import PROFILES
from keyworks.authority.profile import Wanted
from keyworks.devices.device import Device, DeviceState
from keyworks.errors import RejectedName
from keyworks.testing import NOON, software_signer
from keyworks.x509.general_name import SubjectAltName
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
