"""Whatever becomes of a valid request: a template of exactly what is signed, or a refusal of a known kind."""

import dataclasses

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from hypothesis import given, settings
from hypothesis import strategies as st

from keyworks.errors import BadProofOfPossession, BadSubjectKey, MalformedRequest
from keyworks.x509.changed_names import ChangedNames
from keyworks.x509.der import sequence_of, values_of, wrap
from keyworks.x509.general_name import HardwareModule, SubjectAltName
from keyworks.x509.name import EMPTY_NAME
from keyworks.x509.template import KeyedTemplate, parse_certification_request
from tests.property.x509.mutation import check_sentence, mutated, one_octet_changes
from tests.unit.x509.chains import private_key, signature_of
from tests.unit.x509.requests import Plan, attribute, challenge_password, extension, extension_request, request

NAMES = SubjectAltName(
    dns=("pump.example",),
    ip=("192.0.2.7",),
    uri=("urn:example:pump",),
    hardware_modules=(HardwareModule("1.2.3", b"SN-0001"),),
).encode()
CHANGE_SUBJECT_NAME = bytes.fromhex("06082b06010505070724")
FULL = Plan(
    attributes=(
        challenge_password("secret"),
        attribute(CHANGE_SUBJECT_NAME, ChangedNames(EMPTY_NAME, SubjectAltName(dns=("new.example",))).encode()),
        extension_request(extension(17, NAMES), extension(19, b"\x30\x00"), extension(15, b"\x03\x02\x07\x80")),
    )
)
KEY_TYPES = ("P-256", "Ed25519", "ML-DSA-44", "rsa-2048")
VALID = {key_type: request(dataclasses.replace(FULL, key_type=key_type)) for key_type in KEY_TYPES}
SIGNED = values_of(VALID["P-256"], "request")[0]


def parsed(der: bytes) -> KeyedTemplate | None:
    """Return the template, or ``None`` where the request was refused as documented."""
    try:
        return parse_certification_request(der)
    except (MalformedRequest, BadSubjectKey, BadProofOfPossession) as refused:
        check_sentence(refused)
        return None


def check_signed(der: bytes, spki: bytes) -> None:
    """Check by cryptography alone that a request's signature verifies with the key, over these bytes."""
    info, _, bits = values_of(der, "request")
    signature = bits[-len(bits) + 2 + (0 if bits[1] < 0x80 else bits[1] - 0x80) + 1 :]
    match load_der_public_key(spki):
        case ec.EllipticCurvePublicKey() as key:
            key.verify(signature, info, ec.ECDSA(hashes.SHA256()))
        case rsa.RSAPublicKey() as key:
            key.verify(signature, info, padding.PKCS1v15(), hashes.SHA256())
        case ed25519.Ed25519PublicKey() | mldsa.MLDSA44PublicKey() as key:
            key.verify(signature, info)
        case other:
            raise AssertionError(other)


def check_faithful(template: KeyedTemplate, der: bytes) -> None:
    """Check that a template says what the request says, and nothing else."""
    _, subject, public_key, attributes = values_of(values_of(der, "request")[0], "info")
    assert template.der == der
    assert template.subject.der == subject
    assert template.public_key.spki == public_key
    assert all(one.value in attributes for one in template.extensions)
    assert (template.challenge_password or "").encode() in attributes


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_the_checks_below_hold_for_what_is_valid(key_type: str) -> None:
    template = parse_certification_request(VALID[key_type])
    check_signed(VALID[key_type], template.public_key.spki)
    check_faithful(template, VALID[key_type])


@settings(max_examples=1000)
@given(st.sampled_from(KEY_TYPES).flatmap(lambda key_type: mutated(VALID[key_type])))
def test_a_mutated_request_is_a_template_only_if_it_is_signed_as_it_stands(der: bytes) -> None:
    template = parsed(der)
    if template is not None:
        check_signed(der, template.public_key.spki)
        check_faithful(template, der)


@settings(max_examples=1500)
@given(mutated(SIGNED))
def test_a_mutated_request_that_is_signed_anew_is_read_as_it_stands(info: bytes) -> None:
    """Here the signature is right, so that everything behind it is reached."""
    signature = signature_of(private_key("P-256", "request"), info, "sha256")
    der = sequence_of([info, values_of(VALID["P-256"], "request")[1], wrap(0x03, b"\0" + signature)])
    template = parsed(der)
    if template is not None:
        check_signed(der, template.public_key.spki)
        check_faithful(template, der)


@pytest.mark.parametrize("key_type", ["P-256", "Ed25519"])
def test_no_change_of_one_octet_gives_a_template(key_type: str) -> None:
    assert [der.hex() for der in one_octet_changes(VALID[key_type]) if parsed(der) is not None] == []


def test_no_part_of_a_request_is_a_request() -> None:
    whole = VALID["P-256"]
    assert [size for size in range(len(whole)) if parsed(whole[:size]) is not None] == []


@given(st.binary(max_size=200))
def test_arbitrary_octets_are_refused(octets: bytes) -> None:
    assert parsed(octets) is None
    assert parsed(VALID["P-256"] + octets) is None or octets == b""


def test_parts_of_two_valid_requests_make_no_third() -> None:
    """Subject, key and attributes of one, signature of the other: whatever is combined."""
    first = values_of(VALID["P-256"], "request")
    second = values_of(request(dataclasses.replace(FULL, subject=b"\x30\x00")), "request")
    mixed = [
        sequence_of([signed[0], algorithm[1], signature[2]])
        for signed in (first, second)
        for algorithm in (first, second)
        for signature in (first, second)
        if signed is not signature
    ]
    assert [parsed(der) for der in mixed] == [None] * 4
