"""Whatever becomes of valid certificates and messages: a value of ours, or a refusal of the documented kind."""

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from keyworks.cms.signed_data import certs_only, parse_certs_only
from keyworks.errors import InvalidPath, MalformedRequest
from keyworks.x509.certificate import Certificate, ders_of, pem_of
from keyworks.x509.path import validate
from tests.property.x509.mutation import check_sentence, mutated, one_octet_changes
from tests.unit.x509.chains import GOOD_CA, GOOD_LEAF, NOON, Plan, made

ROOT = made("root")
ISSUING = made("issuing", GOOD_CA, ROOT)
RICH = Plan(
    ca=False,
    usages=("digital_signature",),
    names=((x509.NameOID.ORGANIZATION_NAME, "Größe"), (x509.NameOID.SERIAL_NUMBER, "SN-0001")),
    extensions=(
        (x509.SubjectAlternativeName([x509.DNSName("a.example"), x509.RFC822Name("a@example")]), False),
        (x509.ExtendedKeyUsage([x509.ObjectIdentifier("1.3.6.1.5.5.7.3.2")]), False),
    ),
)
LEAF = made("leaf", RICH, ISSUING)
SMALL = made("small", GOOD_LEAF, ISSUING)
MESSAGE = certs_only([LEAF.der, ISSUING.der])
ANCHORS = [ROOT.parsed]


def parsed(der: bytes) -> Certificate | None:
    try:
        return Certificate.parse(der)
    except MalformedRequest as refused:
        check_sentence(refused)
        return None


def accepted(leaf: bytes, issuing: bytes = ISSUING.der) -> bool:
    try:
        return validate([leaf, issuing], ANCHORS, at=NOON).certificates[0].der == leaf
    except InvalidPath as refused:
        check_sentence(refused)
        return False


@settings(max_examples=1000)
@given(mutated(LEAF.der))
def test_a_mutated_certificate_is_read_as_it_stands_or_refused(der: bytes) -> None:
    certificate = parsed(der)
    if certificate is not None:
        assert certificate.der == der
        assert hash(certificate) == hash(Certificate.parse(der))
        assert certificate.subject.text.isprintable()


@settings(max_examples=500)
@given(mutated(LEAF.der), mutated(ISSUING.der))
def test_no_mutated_chain_is_accepted(leaf: bytes, issuing: bytes) -> None:
    assert accepted(LEAF.der)
    assert not accepted(leaf) or leaf == LEAF.der
    assert not accepted(LEAF.der, issuing) or issuing == ISSUING.der


def test_no_certificate_with_one_octet_changed_is_accepted() -> None:
    assert accepted(SMALL.der)
    assert [der.hex() for der in one_octet_changes(SMALL.der) if accepted(der)] == []


@settings(max_examples=500)
@given(mutated(MESSAGE))
def test_a_mutated_message_gives_what_it_holds_or_is_refused(der: bytes) -> None:
    try:
        certificates = parse_certs_only(der)
    except MalformedRequest:
        return
    assert all(one in der for one in certificates)


PEM = (pem_of(LEAF.der) + pem_of(ISSUING.der)).encode()


@given(st.integers(0, len(PEM) - 1), st.binary(max_size=3), st.integers(0, 40))
def test_damaged_pem_gives_certificates_or_is_refused(place: int, octets: bytes, lost: int) -> None:
    try:
        ders = ders_of(PEM[:place] + octets + PEM[place + lost :])
    except MalformedRequest:
        return
    assert 1 <= len(ders) <= 2


@pytest.mark.parametrize("der", [LEAF.der, ISSUING.der])
def test_no_part_of_a_certificate_is_a_certificate(der: bytes) -> None:
    assert [size for size in range(len(der)) if parsed(der[:size]) is not None] == []
