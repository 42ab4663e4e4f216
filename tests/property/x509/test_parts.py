"""Whatever becomes of names, extensions and keys: a value of ours, or a refusal of the documented kind."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from keyworks import oids
from keyworks.algorithms.public_key import PublicKey
from keyworks.algorithms.registry import BY_NAME
from keyworks.errors import BadSignature, BadSubjectKey, MalformedRequest, RejectedName
from keyworks.x509 import extensions as x
from keyworks.x509.general_name import HardwareModule, SubjectAltName
from keyworks.x509.name import Name
from tests.property.x509.mutation import check_sentence, mutated
from tests.unit.x509.chains import private_key
from tests.unit.x509.requests import spki_of

SUBJECT = Name.of(
    (oids.COUNTRY_NAME, "DE"), (oids.ORGANIZATION_NAME, "Größe"), (oids.EMAIL_ADDRESS, "a@b"), (oids.TITLE, "x")
)
NAMES = SubjectAltName(
    dns=("a.example", "*.b.example"),
    ip=("192.0.2.7", "2001:db8::7"),
    uri=("urn:a:b",),
    email=("a@example",),
    hardware_modules=(HardwareModule("1.2.3", b"SN"),),
    directory_names=(SUBJECT.der,),
)
SHORT_NAMES = {"serialNumber": x509.NameOID.SERIAL_NUMBER, "emailAddress": x509.NameOID.EMAIL_ADDRESS}
READERS: list[tuple[Callable[[bytes], Any], bytes]] = [
    (x.parse_basic_constraints, x.basic_constraints(ca=True, path_length=3).value),
    (x.parse_key_usage, x.key_usage(frozenset({"keyAgreement", "decipherOnly"})).value),
    (x.parse_extended_key_usage, x.extended_key_usage([oids.KP_CLIENT_AUTH, oids.KP_SERVER_AUTH]).value),
    (x.parse_subject_key_identifier, x.subject_key_identifier(b"12345").value),
    (x.parse_authority_key_identifier, x.authority_key_identifier(b"12345").value),
    (x.parse_crl_distribution_points, x.crl_distribution_points(["http://a.example/"]).value),
    (
        x.parse_authority_information_access,
        x.authority_information_access(ocsp=["http://a.example/"], ca_issuers=["http://b.example/"]).value,
    ),
]


@settings(max_examples=300)
@given(mutated(SUBJECT.der))
def test_a_mutated_name_is_read_as_it_stands_or_refused(der: bytes) -> None:
    try:
        name = Name.parse(der)
    except MalformedRequest:
        return
    assert name.der == der
    assert name.text.isprintable()
    assert name == Name.parse(der)


@settings(max_examples=500)
@given(mutated(NAMES.encode()))
def test_mutated_alternative_names_are_read_without_loss_or_refused(der: bytes) -> None:
    try:
        names = x.parse_subject_alt_name(der)
    except MalformedRequest as refused:
        check_sentence(refused)
        return
    assert x.parse_subject_alt_name(names.encode()) == names
    assert len(names.encode()) == len(der)


@pytest.mark.parametrize(("reader", "valid"), READERS, ids=[reader.__name__ for reader, _ in READERS])
def test_a_mutated_extension_is_read_or_refused(reader: Callable[[bytes], Any], valid: bytes) -> None:
    @settings(max_examples=150)
    @given(mutated(valid))
    def check(der: bytes) -> None:
        try:
            hash(reader(der))
        except MalformedRequest as refused:
            check_sentence(refused)

    hash(reader(valid))
    check()


@settings(max_examples=400)
@given(
    st.sampled_from(["P-256", "P-521", "Ed25519", "Ed448", "ML-DSA-44", "rsa-2048"]).flatmap(
        lambda key_type: mutated(spki_of(private_key(key_type)))
    ),
    st.binary(max_size=80),
)
def test_a_mutated_key_verifies_nothing_or_is_refused(spki: bytes, signature: bytes) -> None:
    try:
        key = PublicKey.parse(spki)
    except BadSubjectKey as refused:
        check_sentence(refused)
        return
    assert key.spki == spki
    for algorithm in BY_NAME.values():
        with pytest.raises(BadSignature):
            key.verify(signature, b"message", algorithm)


@settings(max_examples=400)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([oids.COMMON_NAME, oids.SERIAL_NUMBER, oids.EMAIL_ADDRESS]), st.text(max_size=70)
        ),
        max_size=3,
    )
)
def test_any_text_becomes_a_name_that_others_read_alike_or_is_refused(pairs: list[tuple[str, str]]) -> None:
    try:
        name = Name.of(*pairs)
    except RejectedName as refused:
        check_sentence(refused)
        return
    theirs = x509.Name([x509.NameAttribute(x509.ObjectIdentifier(oid), value) for oid, value in pairs])
    assert theirs.public_bytes() == name.der
    assert x509.Name.from_rfc4514_string(name.text, SHORT_NAMES) == theirs
    assert Name.parse(name.der) == name
