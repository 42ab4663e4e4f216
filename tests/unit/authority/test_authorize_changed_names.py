"""A re-enrollment that asks for other names: those that are registered for its holder now, and no others."""

from dataclasses import dataclass

import pytest

from keyworks import oids
from keyworks.authority.authorize import Operation
from keyworks.authority.channel import ChannelPolicy
from keyworks.authority.enrollment import Attempt
from keyworks.authority.issue import Issued
from keyworks.errors import RejectedName
from keyworks.service.channels import NewChannel, create_channel
from keyworks.service.inventory import find_device, name_device
from keyworks.testing import SOURCE, EnrollmentDesk, Holder, software_signer
from keyworks.x509.certificate import Certificate
from keyworks.x509.changed_names import ChangedNames
from keyworks.x509.general_name import SubjectAltName, server_names
from keyworks.x509.name import Name
from keyworks.x509.request import encode_certification_request
from keyworks.x509.template import parse_certification_request
from tests.unit.authority.policed import Policed, policed

CHANGING = ChannelPolicy(change_names=True)
OLD, NEW = "pump-1.example", "pump-9.example"


@dataclass
class Renamed:
    """A device with a certificate for its old host name, which has got another one in the inventory."""

    desk: EnrollmentDesk
    registers: Policed
    holder: Holder

    async def ask(self, changed: ChangedNames, operation: Operation = Operation.REENROLL) -> Certificate:
        own = self.holder.certificate
        request = await encode_certification_request(
            own.subject, software_signer(), own.subject_alt_name, changed_names=changed
        )
        attempt = Attempt("hosts", operation, self.holder.presented, None, request, SOURCE)
        issued = await self.desk.enrollment.enroll(attempt, parse_certification_request)
        assert isinstance(issued, Issued)
        return Certificate.parse(issued.der)


@pytest.fixture
async def renamed(desk: EnrollmentDesk, station: Holder, field: EnrollmentDesk) -> Renamed:
    idevid = await desk.enroll("idevid", Name.of((oids.SERIAL_NUMBER, "SN-1")), by=station)
    installation = field.installation
    await create_channel(installation, NewChannel("hosts", "issuing", "tls-client"))
    device = await find_device(installation, "SN-1")
    await name_device(installation, device, [("dns", OLD)])
    own, _, registers = policed(field, "hosts", CHANGING)
    holder = await own.enroll("hosts", by=idevid)
    await name_device(installation, device, [("dns", OLD)], remove=True)
    await name_device(installation, device, [("dns", NEW)])
    return Renamed(own, registers, holder)


def named(host: str) -> SubjectAltName:
    return server_names([host])


async def test_a_device_gets_the_name_that_it_has_by_now(renamed: Renamed) -> None:
    """RFC 7030 §4.2.2: the request names the certificate as it is, and the new names in ChangeSubjectName."""
    assert renamed.holder.certificate.subject_alt_name == named(OLD)
    certificate = await renamed.ask(ChangedNames(subject_alt_name=named(NEW)))
    assert certificate.subject_alt_name == named(NEW)
    assert certificate.subject == renamed.holder.certificate.subject


async def test_both_parts_may_be_said(renamed: Renamed) -> None:
    changed = ChangedNames(renamed.holder.certificate.subject, named(NEW))
    assert (await renamed.ask(changed)).subject_alt_name == named(NEW)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (ChangedNames(subject_alt_name=named("pump-2.example")), "asks for the host name 'pump-2.example'"),
        (ChangedNames(subject_alt_name=named(OLD)), f"asks for the host name '{OLD}'"),
        (ChangedNames(Name.of((oids.SERIAL_NUMBER, "SN-2")), named(NEW)), "asks for serialNumber 'SN-2'"),
        (ChangedNames(Name.of((oids.SERIAL_NUMBER, "SN-1"))), f"asks for the host name '{OLD}'"),
    ],
)
async def test_a_device_gets_no_name_but_what_is_registered_for_it(
    renamed: Renamed, changed: ChangedNames, sentence: str
) -> None:
    with pytest.raises(RejectedName, match=sentence):
        await renamed.ask(changed)


async def test_the_request_s_own_names_stay_those_of_the_certificate(renamed: Renamed) -> None:
    renamed.holder = Holder(renamed.holder.signer, renamed.holder.issued)
    own = renamed.holder.certificate
    request = await encode_certification_request(
        own.subject, software_signer(), named(NEW), changed_names=ChangedNames(subject_alt_name=named(NEW))
    )
    attempt = Attempt("hosts", Operation.REENROLL, renamed.holder.presented, None, request, SOURCE)
    with pytest.raises(RejectedName, match="the subjectAltName differs"):
        await renamed.desk.enrollment.enroll(attempt, parse_certification_request)


async def test_a_channel_lets_nobody_change_names_unless_it_says_so(renamed: Renamed) -> None:
    renamed.registers.policy = ChannelPolicy()
    with pytest.raises(RejectedName, match="On channel hosts a re-enrollment keeps its names"):
        await renamed.ask(ChangedNames(subject_alt_name=named(NEW)))


async def test_a_first_request_says_its_names_itself(renamed: Renamed) -> None:
    with pytest.raises(RejectedName, match="belongs into a re-enrollment"):
        await renamed.ask(ChangedNames(subject_alt_name=named(NEW)), Operation.ENROLL)
