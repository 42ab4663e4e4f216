"""Requests bound to their TLS connection, as each policy asks for it."""

import base64

import pytest

from keyworks.access.credential import BasicCredentials
from keyworks.authority.authorize import Operation
from keyworks.authority.binding import check_binding
from keyworks.authority.channel import Binding, ChannelPolicy
from keyworks.authority.enrollment import Attempt
from keyworks.errors import BadProofOfPossession
from keyworks.oids import SERIAL_NUMBER
from keyworks.service.stations import add_station
from keyworks.testing import SOURCE, EnrollmentDesk, Holder, ledger_entries, software_signer
from keyworks.x509.name import EMPTY_NAME, Name
from keyworks.x509.request import encode_certification_request
from keyworks.x509.template import parse_certification_request
from tests.unit.authority.policed import policed

UNIQUE = bytes(range(12))
OTHERS = [bytes(12), bytes(32), bytes(48)]


def text(value: bytes) -> str:
    return base64.b64encode(value).decode()


@pytest.mark.parametrize("policy", list(Binding))
@pytest.mark.parametrize("value", [UNIQUE, bytes(range(32))], ids=["TLS 1.2", "TLS 1.3"])
def test_what_is_bound_to_its_connection_is_taken(policy: Binding, value: bytes) -> None:
    """RFC 7030 §3.5."""
    check_binding(policy, text(value), lambda: value)
    check_binding(policy, f"{text(value)}\r\n", lambda: value)  # as globalsign/est writes it


@pytest.mark.parametrize("policy", [Binding.IF_PRESENT, Binding.REQUIRED])
@pytest.mark.parametrize("value", OTHERS, ids=[str(len(one)) for one in OTHERS])
def test_what_is_bound_to_another_connection_is_refused(policy: Binding, value: bytes) -> None:
    with pytest.raises(BadProofOfPossession, match="not that of this TLS connection"):
        check_binding(policy, text(value), lambda: UNIQUE)


@pytest.mark.parametrize("policy", [Binding.IF_PRESENT, Binding.REQUIRED])
def test_where_connections_cannot_be_told_apart_nothing_is_bound_to_one(policy: Binding) -> None:
    """RFC 7627 §1."""
    with pytest.raises(BadProofOfPossession, match="extended master secret"):
        check_binding(policy, text(UNIQUE), lambda: None)


@pytest.mark.parametrize("sent", [None, "", "secret", "A challenge!", text(bytes(13)), text(b""), "é" * 16])
def test_what_is_meant_as_something_else_binds_nothing(sent: str | None) -> None:
    """RFC 2985 §5.4.1 has the attribute for passwords, and `openssl req` asks for one."""

    def unasked() -> bytes:
        raise AssertionError("Nobody wanted to know.")

    for policy in (Binding.OFF, Binding.IF_PRESENT):
        check_binding(policy, sent, unasked)
    with pytest.raises(BadProofOfPossession, match="wants requests that are bound"):
        check_binding(Binding.REQUIRED, sent, unasked)


def test_a_protocol_without_connections_satisfies_no_channel_that_requires_one() -> None:
    check_binding(Binding.IF_PRESENT, text(UNIQUE), None)
    with pytest.raises(BadProofOfPossession):
        check_binding(Binding.REQUIRED, text(UNIQUE), None)


async def attempt(label: str, subject: Name, by: Holder | BasicCredentials, sent: str | None) -> Attempt:
    """Return a request over the connection that ``UNIQUE`` identifies."""
    presented, basic = (by.presented, None) if isinstance(by, Holder) else (None, by)
    body = await encode_certification_request(subject, software_signer(), challenge_password=sent)
    return Attempt(label, Operation.ENROLL, presented, basic, body, SOURCE, lambda: UNIQUE)


async def test_a_station_that_asks_for_a_device_is_exempt_and_for_itself_is_not(
    desk: EnrollmentDesk, station: Holder
) -> None:
    """RFC 7030 §3.5: a registration authority's requests were made on other connections."""
    sent, policy = text(bytes(12)), ChannelPolicy(channel_binding=Binding.REQUIRED)
    for_device = await attempt("idevid", Name.of((SERIAL_NUMBER, "SN-1")), station, sent)
    own, _, _ = policed(desk, "idevid", policy)
    await own.enrollment.enroll(for_device, parse_certification_request)
    new = await add_station(desk.installation, "line-2", ["idevid"])
    own, _, _ = policed(desk, "stations", policy)
    by = BasicCredentials("line-2", new.secret)
    for wrong in (sent, None):
        asked = await attempt("stations", EMPTY_NAME, by, wrong)
        with pytest.raises(BadProofOfPossession):
            await own.enrollment.enroll(asked, parse_certification_request)
    refused = await ledger_entries(desk.store, "certificate.refused")
    assert [one["result"] for one in refused] == ["BadProofOfPossession"] * 2
    right = await attempt("stations", EMPTY_NAME, by, text(UNIQUE))
    await own.enrollment.enroll(right, parse_certification_request)
