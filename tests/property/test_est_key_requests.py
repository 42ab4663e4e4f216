"""Whatever becomes of a request for a key: encrypted for whom it names, or refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyworks.cms.enveloped_data import Recipient
from keyworks.errors import BadSubjectKey, MalformedRequest, NotAuthorized, RequestError
from keyworks.protocols.est.key_protection import NamedKey, recipient_of
from keyworks.testing import presented_chain
from keyworks.x509.der import sequence_of, wrap
from keyworks.x509.template import parse_attributes, parse_key_request
from tests.property.x509.mutation import check_sentence, mutated, one_octet_changes
from tests.unit.x509.chains import Plan as CertificatePlan
from tests.unit.x509.chains import made
from tests.unit.x509.requests import Plan, attribute, challenge_password, request

OWN = made("asks for a key", CertificatePlan(ca=None, usages=None))
PRESENTED = presented_chain(OWN.der)
IDENTIFIER = OWN.parsed.subject_key_identifier or b""
NAMED = attribute(wrap(6, bytes.fromhex("2a864886f70d0109100236")), wrap(4, IDENTIFIER))
CAPABLE = attribute(
    wrap(6, bytes.fromhex("2a864886f70d01090f")),
    sequence_of([sequence_of([wrap(6, bytes.fromhex("60864801650304012a"))])]),
)
SHARED = request(
    Plan(
        attributes=(
            attribute(wrap(6, bytes.fromhex("2a864886f70d0109100225")), wrap(4, b"key 1")),
            CAPABLE,
        )
    )
)
WHOLE = request(Plan(attributes=(NAMED, CAPABLE, challenge_password("abc"))))


def wanted(der: bytes) -> Recipient | NamedKey | RequestError | NotAuthorized | None:
    """Return for whom the key is encrypted, or the refusal."""
    try:
        parse_key_request(der)
        return recipient_of(parse_attributes(der), PRESENTED)
    except (MalformedRequest, BadSubjectKey, NotAuthorized) as refused:
        check_sentence(refused)
        return refused


def test_the_whole_request_names_its_sender() -> None:
    assert wanted(WHOLE) == Recipient(OWN.parsed)
    assert wanted(SHARED) == NamedKey(b"key 1")


@settings(max_examples=1500)
@given(mutated(WHOLE))
def test_a_mutated_request_that_still_names_a_key_never_gets_it_unencrypted(der: bytes) -> None:
    found = wanted(der)
    if bytes.fromhex("060b2a864886f70d0109100236") in der and isinstance(found, Recipient):
        assert found.certificate == OWN.parsed
    if any(oid == "1.2.840.113549.1.9.16.2.54" for oid, _ in _attributes(der)):
        assert found is not None


def _attributes(der: bytes) -> tuple[tuple[str, bytes], ...]:
    try:
        return parse_attributes(der)
    except MalformedRequest:
        return ()


@settings(max_examples=1500)
@given(mutated(SHARED))
def test_a_mutated_request_that_still_names_a_secret_key_never_gets_its_key_unencrypted(der: bytes) -> None:
    """And none that was made for a secret key is encrypted for a certificate, unless it says so."""
    found = wanted(der)
    named = [value for oid, value in _attributes(der) if oid == "1.2.840.113549.1.9.16.2.37"]
    if named:
        assert found is not None
    if isinstance(found, NamedKey):
        assert [wrap(4, found.identifier)] == named


@pytest.mark.parametrize("whole", [WHOLE, SHARED])
def test_every_change_of_one_octet_is_understood_or_refused(whole: bytes) -> None:
    kinds = {type(wanted(der)) for der in one_octet_changes(whole)}
    assert kinds <= {Recipient, NamedKey, type(None), MalformedRequest, BadSubjectKey}


@given(st.binary(max_size=200))
def test_arbitrary_octets_are_refused(octets: bytes) -> None:
    assert isinstance(wanted(octets), MalformedRequest)
