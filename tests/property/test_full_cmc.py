"""Whatever becomes of a Full PKI Request: a signed answer, and nothing but what was asked and allowed."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from keyworks import oids
from keyworks.cms.verification import SignedMessage, parse_signed_data
from keyworks.errors import BadProofOfPossession, BadSignature, BadSubjectKey, MalformedRequest
from keyworks.protocols.est.cmc.message import Message, parse_message
from keyworks.protocols.est.fullcmc import RESPONSE
from keyworks.protocols.exchange import Reply
from keyworks.testing import software_signer, throwaway_installation
from keyworks.x509.certificate import Certificate
from keyworks.x509.certificate_request_message import parse_certificate_request_message
from keyworks.x509.der import wrap
from keyworks.x509.request import encode_certification_request
from keyworks.x509.template import KeyedTemplate
from tests.property.x509.mutation import check_sentence, mutated, one_octet_changes
from tests.unit.protocols.est.cmc.line import Line, open_line
from tests.unit.protocols.est.cmc.messages import (
    NONCE,
    TRANSACTION,
    by_certificate,
    by_key,
    control,
    crm,
    name,
    pki_data,
    response_of,
    revoke_request,
    tcr,
)
from tests.unit.x509.chains import GOOD_LEAF, made, private_key
from tests.unit.x509.crmf import Plan, crmf
from tests.unit.x509.requests import extension, request

SETTINGS = settings(
    derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
KEY = software_signer()
HELD = made("held", GOOD_LEAF).parsed
CRMF = crmf(Plan(fields=(b"", wrap(0xA9, extension(15)))))
CONTENT = pki_data(
    [tcr(1, request()), crm(CRMF)],
    [
        control(11, oids.CMC_TRANSACTION_ID, TRANSACTION),
        control(12, oids.CMC_SENDER_NONCE, NONCE),
        revoke_request(13, HELD),
    ],
)
SIGNED = asyncio.run(by_key(CONTENT, KEY))


def signed_message(der: bytes) -> SignedMessage | None:
    """Return the message if its one signature verifies, ``None`` where it was refused as documented."""
    try:
        read = parse_signed_data(der)
        for info in read.signer_infos:
            info.verify(KEY.public_key)
    except (MalformedRequest, BadSignature) as refused:
        check_sentence(refused)
        return None
    return read


def message(content: bytes) -> Message | None:
    try:
        read = parse_message(content)
    except MalformedRequest as refused:
        check_sentence(refused)
        return None
    for fault in read.faults:
        check_sentence(fault.error)
    return read


def template(der: bytes) -> KeyedTemplate | None:
    try:
        return parse_certificate_request_message(der)
    except (MalformedRequest, BadSubjectKey, BadProofOfPossession) as refused:
        check_sentence(refused)
        return None


def test_what_is_valid_is_read() -> None:
    assert signed_message(SIGNED) is not None
    read = message(CONTENT)
    assert read is not None
    assert (len(read.requests), len(read.revocations), len(read.echoed), read.faults) == (2, 1, 2, ())
    assert template(CRMF) is not None


@settings(SETTINGS, max_examples=1500)
@given(mutated(SIGNED))
def test_a_mutated_message_that_verifies_says_what_was_signed(der: bytes) -> None:
    read = signed_message(der)
    assert read is None or (read.content, read.content_type) == (CONTENT, oids.CCT_PKI_DATA)


@settings(SETTINGS, max_examples=1500)
@given(mutated(CONTENT))
def test_a_mutated_content_is_read_as_it_stands_or_refused(content: bytes) -> None:
    read = message(content)
    if read is not None:
        assert all(value in content for value in read.echoed.values())
        assert all(one.template is None or one.template.subject.der in content for one in read.requests)
        assert all(one.issuer in content for one in read.revocations)


@settings(SETTINGS, max_examples=1000)
@given(mutated(CRMF))
def test_a_mutated_crmf_request_is_a_template_only_if_it_is_signed_as_it_stands(der: bytes) -> None:
    """All that is signed is the CertRequest, so a template from another message says the same."""
    read, whole = template(der), template(CRMF)
    if read is not None and whole is not None:
        assert (read.subject, read.public_key, read.extensions) == (
            whole.subject,
            whole.public_key,
            whole.extensions,
        )


def test_no_change_of_one_octet_of_a_crmf_request_gives_a_template() -> None:
    assert [der.hex() for der in one_octet_changes(CRMF) if template(der) is not None] == []


@given(st.binary(max_size=200))
def test_arbitrary_octets_are_refused(octets: bytes) -> None:
    assert (signed_message(octets), message(octets), template(octets)) == (None, None, None)


class Served:
    """A line in this process, and messages that its station signs whatever they say.

    Args:
        folder: Of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self.line = self._runner.run(self._open(folder))
        der = self._runner.run(encode_certification_request(name("SN-1"), KEY))
        wanted = crmf(Plan(number=b"\x02", subject=name("SN-2").der), private_key("P-256", "crmf"))
        controls = [control(11, oids.CMC_SENDER_NONCE, NONCE), revoke_request(12, HELD)]
        self.content = pki_data([tcr(1, der), crm(wanted)], controls)

    async def _open(self, folder: Path) -> Line:
        installation = await self._stack.enter_async_context(throwaway_installation(folder / "supplier"))
        return await open_line(installation)

    def ask(self, content: bytes) -> Reply:
        station = self.line.station

        async def sign_and_ask() -> Reply:
            body = await by_certificate(content, station.signer, station.issued.der)
            return await self.line.est.respond(self.line.request(body))

        return self._runner.run(sign_and_ask())

    def close(self) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("line"))
    yield served
    served.close()


@settings(SETTINGS, max_examples=300)
@given(data=st.data())
def test_whatever_a_station_signs_it_gets_a_signed_answer_and_only_devices_certificates(
    served: Served, data: st.DataObject
) -> None:
    content = data.draw(mutated(served.content))
    reply = served.ask(content)
    event(f"status {reply.status}")
    assert (reply.content_type, reply.status in {200, 400, 403, 404}) == (RESPONSE, True)
    response = response_of(reply.body)
    assert all(one.sentence.isprintable() for one in response.parts.values())
    done = [number for number, one in response.parts.items() if one.status == "success"]
    assert bool(done) == (reply.status == 200)
    authorities = {*served.line.station.issued.chain, response.signer.der}
    certified = [Certificate.parse(der) for der in response.certificates]
    leaves = [one for one in certified if not one.is_ca and one.der not in authorities]
    assert len(leaves) == len(done)
    for one in leaves:
        [number] = one.subject.values(oids.SERIAL_NUMBER)
        assert number in ("SN-1", "SN-2", "SN-3")
        assert one.public_key.spki[2:] in content  # CRMF has it under another tag
