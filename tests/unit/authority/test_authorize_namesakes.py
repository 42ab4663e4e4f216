"""Serial numbers are unique with manufacturer and product alone; a name made of one belongs to one device."""

import pytest

from keyworks import oids
from keyworks.errors import NotAuthorized
from keyworks.service.installation import Installation
from keyworks.service.inventory import add_devices, find_device, name_device
from keyworks.service.policy.apply import amend
from keyworks.service.policy.document import with_section
from keyworks.settings.factory import ChannelSection, FactoryDocument, ProfileSection
from keyworks.testing import EnrollmentDesk, Holder
from keyworks.x509.name import Name


def _named_by_serial_number(document: FactoryDocument) -> FactoryDocument:
    san: dict[str, tuple[str, ...]] = {"dns": ("{serial_number}.plant.example", "{dns}")}
    profile = ProfileSection(based_on="https-device", san=san)
    channel = ChannelSection(authority="issuing", profile="own", accepts=("station",))
    return with_section(with_section(document, "profile", "own", profile), "channel", "https", channel)


@pytest.fixture
async def desk(operator: Installation) -> EnrollmentDesk:
    """An operator's, whose devices are called by their serial numbers; two makers use the same ones."""
    await amend(operator, "test", _named_by_serial_number)
    for maker in ("One", "Two"):
        await add_devices(operator, maker, "Drive", ["SN-1", "SN-2"])
    return EnrollmentDesk(operator)


@pytest.fixture
async def line(desk: EnrollmentDesk) -> Holder:
    """A station that asks for them."""
    return await desk.station("line-1", "https")


def _device(maker: str, serial_number: str = "SN-1") -> Name:
    return Name.of((oids.ORGANIZATION_NAME, maker), (oids.SERIAL_NUMBER, serial_number))


async def test_a_name_made_of_a_serial_number_is_certified_for_one_device(
    desk: EnrollmentDesk, line: Holder
) -> None:
    await desk.enroll("https", _device("One"), by=line)
    await desk.enroll("https", _device("One"), by=line)
    with pytest.raises(
        NotAuthorized,
        match=r"'sn-1\.plant\.example' is certified for SN-1 of One \(Drive\); register it for one",
    ):
        await desk.enroll("https", _device("Two"), by=line)
    other = await desk.enroll("https", _device("Two", "SN-2"), by=line)
    assert other.certificate.subject_alt_name is not None


async def test_an_operator_may_decide_whose_it_is(desk: EnrollmentDesk, line: Holder) -> None:
    await desk.enroll("https", _device("One"), by=line)
    second = await find_device(desk.installation, "SN-1", manufacturer="Two")
    await name_device(desk.installation, second, [("dns", "sn-1.plant.example")])
    holder = await desk.enroll("https", _device("Two"), by=line)
    assert holder.certificate.subject_alt_name is not None
    with pytest.raises(NotAuthorized, match="belongs to another device or account now"):
        await desk.enroll("https", _device("One"), by=line)
