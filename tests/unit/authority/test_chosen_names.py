"""Names that a request chooses are certified for one owner at a time."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select

from keyworks import oids
from keyworks.access.credential import BasicCredentials
from keyworks.access.principal import Kind
from keyworks.authority.authorize import Operation
from keyworks.authority.enrollment import Attempt
from keyworks.authority.issue import Issued
from keyworks.authority.records import chosen_name
from keyworks.errors import NotAuthorized
from keyworks.service.accounts import NewAccount, add_account
from keyworks.service.certificates import revoke_by_operator
from keyworks.service.installation import Installation
from keyworks.service.inventory import add_devices, find_device, name_device
from keyworks.service.policy.apply import amend
from keyworks.service.policy.document import with_section
from keyworks.settings.factory import ChannelSection, FactoryDocument, ProfileSection
from keyworks.store.statement import Statement
from keyworks.testing import SOURCE, EnrollmentDesk, FixedClock, Holder, software_signer
from keyworks.x509.general_name import SubjectAltName, named
from keyworks.x509.name import EMPTY_NAME, Name
from keyworks.x509.request import encode_certification_request
from keyworks.x509.template import parse_certification_request

FREE = "free.plant.example"
CLAIMS = Statement(select(chosen_name.c.value))


@dataclass
class Plant:
    """An operator's, with channels whose profiles take names of requests, and a station that asks there."""

    desk: EnrollmentDesk
    clock: FixedClock
    line: Holder | None = None

    async def ask(
        self, label: str, serial_number: str, *names: tuple[str, str], cn: str = "", by: Holder | None = None
    ) -> Holder:
        cn = cn or serial_number
        subject = Name.of((oids.COMMON_NAME, cn), (oids.SERIAL_NUMBER, serial_number))
        operation = Operation.REENROLL if by else Operation.ENROLL
        asked: SubjectAltName | None = named(names) if names else None
        if by is not None:
            subject, asked = by.certificate.subject, by.certificate.subject_alt_name
        signer, line = software_signer(), by or self.line
        assert line is not None
        request = await encode_certification_request(subject, signer, asked)
        attempt = Attempt(label, operation, line.presented, None, request, SOURCE)
        issued = await self.desk.enrollment.enroll(attempt, parse_certification_request)
        assert isinstance(issued, Issued)
        return Holder(signer, issued)


def _with_free_names(document: FactoryDocument) -> FactoryDocument:
    profiles = {
        "san": ProfileSection(
            based_on="https-device", san={"dns": ("fixed.example", "{dns}", "{request}"), "ip": ("10.0.0.0/8",)}
        ),
        "part": ProfileSection(based_on="https-device", san={"dns": ("{request}.plant.example",)}),
        "own": ProfileSection(based_on="https-device", san={"dns": ("{serial_number}-{request}.example",)}),
        "cn": ProfileSection(
            based_on="ldevid", subject=("O={organization}", "OU={product}", "CN={request}", "L={request}")
        ),
        "service": ProfileSection(based_on="ipsec-gateway", san={"dns": ("{request}",)}),
    }
    for name, profile in profiles.items():
        accepts = ("service",) if name == "service" else ("station", "device")
        channel = ChannelSection(authority="issuing", profile=name, accepts=accepts)
        document = with_section(document, "profile", name, profile)
        document = with_section(document, "channel", name, channel)
    return document


@pytest.fixture
async def plant(operator: Installation, clock: FixedClock) -> Plant:
    await amend(operator, "test", _with_free_names)
    await add_devices(operator, "Maker", "Drive", ["A", "B"])
    desk = EnrollmentDesk(operator)
    return Plant(desk, clock, await desk.station("line-1", "san", "part", "own", "cn"))


@pytest.mark.parametrize(
    ("label", "name"),
    [("san", ("dns", FREE)), ("san", ("ip", "10.1.2.3")), ("part", ("dns", FREE))],
)
async def test_a_chosen_alternative_name_is_certified_for_one_device(
    plant: Plant, label: str, name: tuple[str, str]
) -> None:
    held = await plant.ask(label, "A", name)
    assert held.certificate.subject_alt_name is not None
    await plant.ask(label, "A", name)  # whoever has it may ask again
    with pytest.raises(NotAuthorized, match=rf"'{name[1]}' is certified for another device or account"):
        await plant.ask(label, "B", name)
    await plant.ask(label, "B", (name[0], name[1].replace("free", "other").replace("2.3", "2.4")))


async def test_case_and_channel_make_no_other_name(plant: Plant) -> None:
    await plant.ask("san", "A", ("dns", FREE))
    for label in ("san", "part"):
        with pytest.raises(NotAuthorized, match="is certified for another"):
            await plant.ask(label, "B", ("dns", FREE.upper()))


async def test_a_chosen_common_name_is_certified_for_one_device(plant: Plant) -> None:
    held = await plant.ask("cn", "A", cn="Pump 1")
    assert "CN=Pump 1" in held.certificate.subject.text
    with pytest.raises(NotAuthorized, match="The commonName 'pump 1' is certified for another"):
        await plant.ask("cn", "B", cn="Pump 1")
    await plant.ask("cn", "B", cn="Pump 2")


@pytest.mark.parametrize("same", ["PUMP 1", "Pump  1", "Ｐump 1"])
async def test_case_and_spaces_make_no_other_common_name(plant: Plant, same: str) -> None:
    """RFC 5280 §7.1 by RFC 4518: peers that compare names take these for one."""
    await plant.ask("cn", "A", cn="Pump 1")
    with pytest.raises(NotAuthorized, match="is certified for another"):
        await plant.ask("cn", "B", cn=same)


async def test_what_the_inventory_or_the_profile_says_is_nobody_s_alone(plant: Plant) -> None:
    """Fixed names and those made of a holder's own number are not the request's choice."""
    await plant.ask("san", "A")
    assert (await plant.ask("san", "B")).certificate.subject_alt_name == named([("dns", "fixed.example")])
    await plant.ask("own", "A", ("dns", "A-web.example"))
    assert await plant.desk.store.read(lambda tx: tx.execute(CLAIMS)) == []


async def test_a_name_is_free_again_when_its_certificates_have_ended_or_are_revoked(plant: Plant) -> None:
    held = await plant.ask("san", "A", ("dns", FREE))
    await revoke_by_operator(plant.desk.installation, held.issued.certificate_id, "superseded")
    taken = await plant.ask("san", "B", ("dns", FREE))
    with pytest.raises(NotAuthorized, match="is certified for another"):
        await plant.ask("san", "A", ("dns", FREE))
    plant.clock.advance(timedelta(seconds=taken.certificate.not_after - plant.clock.now() + 1))
    plant.line = await plant.desk.station("line-2", "san")
    await plant.ask("san", "A", ("dns", FREE))


async def test_a_renewal_keeps_its_chosen_name(plant: Plant) -> None:
    held = await plant.ask("san", "A", ("dns", FREE))
    again = await plant.ask("san", "A", by=held)
    assert again.certificate.subject_alt_name == held.certificate.subject_alt_name


async def test_registration_decides_whose_a_name_is(plant: Plant) -> None:
    await plant.ask("san", "A", ("dns", FREE))
    device = await find_device(plant.desk.installation, "B")
    await name_device(plant.desk.installation, device, [("dns", FREE)])
    await plant.ask("san", "B", ("dns", FREE))


async def test_services_choose_apart_unless_both_have_the_name_registered(plant: Plant) -> None:
    async def service(name: str, *dns: str) -> Holder:
        wanted = NewAccount(Kind.SERVICE, name, ("service",), {"dns": dns})
        new = await add_account(plant.desk.installation, wanted)
        request = await encode_certification_request(EMPTY_NAME, software_signer(), named([("dns", FREE)]))
        basic = BasicCredentials(name, new.secret)
        attempt = Attempt("service", Operation.ENROLL, None, basic, request, SOURCE)
        issued = await plant.desk.enrollment.enroll(attempt, parse_certification_request)
        assert isinstance(issued, Issued)
        return Holder(software_signer(), issued)

    await service("one")
    with pytest.raises(NotAuthorized, match=f"'{FREE}' is certified for another device or account"):
        await service("two")
    await service("three", FREE)
    await service("four", FREE)
