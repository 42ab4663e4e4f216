"""PKCS#10 requests become templates, or are refused with what is wrong."""

import dataclasses
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AttributeOID, NameOID

from keyworks import oids
from keyworks.algorithms.public_key import PublicKey
from keyworks.algorithms.registry import BY_NAME
from keyworks.errors import BadProofOfPossession, BadSubjectKey, MalformedRequest
from keyworks.x509.der import sequence_of, wrap
from keyworks.x509.extensions import MAX_EXTENSIONS, Extension
from keyworks.x509.name import EMPTY_NAME
from keyworks.x509.template import (
    MAX_ATTRIBUTES,
    MAX_REQUEST_OCTETS,
    parse_attributes,
    parse_certification_request,
    parse_key_request,
)
from tests.unit.x509.chains import private_key
from tests.unit.x509.requests import (
    CHALLENGE_PASSWORD,
    EXTENSION_REQUEST,
    Plan,
    attribute,
    challenge_password,
    extension,
    extension_request,
    request,
    spki_of,
    unknown_attribute,
)

DIGESTS: dict[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512] = {
    "P-256": hashes.SHA256(),
    "P-384": hashes.SHA384(),
    "P-521": hashes.SHA512(),
    "rsa-2048": hashes.SHA256(),
}
ACCEPTED = ("P-256", "P-384", "P-521", "Ed25519", "Ed448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87", "rsa-2048")


def by_cryptography(key_type: str) -> bytes:
    subject = [
        x509.NameAttribute(NameOID.COMMON_NAME, "Größe 7"),
        x509.NameAttribute(NameOID.SERIAL_NUMBER, "SN-0001"),
    ]
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name(subject))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("pump.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_attribute(AttributeOID.CHALLENGE_PASSWORD, b"one-time secret")
    )
    return builder.sign(private_key(key_type), DIGESTS.get(key_type)).public_bytes(Encoding.DER)


@pytest.mark.parametrize("key_type", ACCEPTED)
def test_a_request_by_others_is_read_whole(key_type: str) -> None:
    """RFC 2986 §4; RFC 2985 §5.4."""
    der = by_cryptography(key_type)
    template = parse_certification_request(der)
    assert template.subject.text == "serialNumber=SN-0001,CN=Größe 7"
    assert template.public_key.spki == spki_of(private_key(key_type))
    assert template.public_key.key_type == key_type
    assert template.subject_alt_name is not None
    assert template.subject_alt_name.dns == ("pump.example",)
    assert [(one.oid, one.critical) for one in template.extensions] == [
        (oids.SUBJECT_ALT_NAME, False),
        (oids.BASIC_CONSTRAINTS, True),
    ]
    assert template.challenge_password == "one-time secret"
    assert "secret" not in repr(template)
    assert template.der == der
    assert template.request_hash == hashlib.sha256(der).digest()


def test_a_request_for_nothing_but_a_key_is_read() -> None:
    template = parse_certification_request(request(Plan(subject=EMPTY_NAME.der)))
    assert template.subject == EMPTY_NAME
    assert (template.subject_alt_name, template.extensions, template.challenge_password) == (None, (), None)


def test_a_template_cannot_be_changed() -> None:
    template = parse_certification_request(request())
    with pytest.raises(dataclasses.FrozenInstanceError):
        template.subject = EMPTY_NAME  # type: ignore[misc]


def test_attributes_that_say_nothing_to_us_are_passed_over() -> None:
    plan = Plan(attributes=(unknown_attribute(1), challenge_password("secret"), unknown_attribute(2)))
    assert parse_certification_request(request(plan)).challenge_password == "secret"


@pytest.mark.parametrize("tag", [0x0C, 0x13, 0x16])
def test_a_password_comes_in_the_string_types_that_clients_send(tag: int) -> None:
    plan = Plan(attributes=(challenge_password("secret", tag),))
    assert parse_certification_request(request(plan)).challenge_password == "secret"


def malformed(der: bytes) -> str:
    with pytest.raises(MalformedRequest) as refused:
        parse_certification_request(der)
    return refused.value.detail


@pytest.mark.parametrize(
    "der",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x30\x00", id="an empty sequence"),
        pytest.param(b"GET / HTTP/1.1", id="HTTP"),
        pytest.param(request()[:-1], id="truncated"),
        pytest.param(request() + b"\0", id="trailing octet"),
        pytest.param(b"\x30\x80" + request()[3:] + b"\0\0", id="indefinite length"),
        pytest.param(b"\x30\x82\x00" + request()[2:], id="a longer length than needed"),
        pytest.param(wrap(0x31, request()[3:]), id="a SET"),
        pytest.param(request(Plan(version=b"")), id="no version"),
    ],
)
def test_what_is_no_request_is_refused(der: bytes) -> None:
    assert malformed(der) == "The body is not a PKCS#10 certification request (RFC 2986 §4)."


def test_only_version_1_is_accepted() -> None:
    assert malformed(request(Plan(version=b"\x02\x01\x01"))) == "The request is not PKCS#10 version 1."


@pytest.mark.parametrize(
    ("attributes", "complaint"),
    [
        pytest.param((attribute(EXTENSION_REQUEST),), "there once, with one value", id="no value"),
        pytest.param(
            (attribute(EXTENSION_REQUEST, b"\x30\x00", b"\x30\x01\x05"),), "there once", id="two values"
        ),
        pytest.param((extension_request(extension(17)),) * 2, "there once, with one value", id="twice"),
        pytest.param(
            (challenge_password("a"), challenge_password("b")), "there once, with one value", id="two passwords"
        ),
        pytest.param((extension_request(),), "extensionRequest is empty", id="no extension"),
        pytest.param((attribute(EXTENSION_REQUEST, b"\x05\x00"),), "extensionRequest is malformed", id="NULL"),
        pytest.param(
            (extension_request(b"\x05\x00"),), "extensionRequest is malformed", id="no extension in it"
        ),
        pytest.param(
            (extension_request(extension(15), extension(15)),), "appears twice", id="doubled extension"
        ),
        pytest.param(
            (extension_request(extension(17)),), "subjectAltName is malformed", id="no alternative name"
        ),
        pytest.param(
            (extension_request(extension(17, b"\x30\x00")),), "subjectAltName is empty", id="none at all"
        ),
        pytest.param((challenge_password("x", 0x1E),), "challengePassword is not a string", id="BMPString"),
        pytest.param((attribute(CHALLENGE_PASSWORD, b"\x0c\x01\xff"),), "is not a string", id="no UTF-8"),
        pytest.param((attribute(CHALLENGE_PASSWORD, b"\x30\x00"),), "is not a string", id="a sequence"),
    ],
)
def test_attributes_that_cannot_be_understood_are_refused(
    attributes: tuple[bytes, ...], complaint: str
) -> None:
    assert complaint in malformed(request(Plan(attributes=attributes)))


def test_a_subject_that_is_no_name_is_refused() -> None:
    assert "distinguished name is malformed" in malformed(request(Plan(subject=sequence_of([b"\x05\x00"]))))


def test_the_number_of_attributes_is_bounded() -> None:
    most = tuple(unknown_attribute(number) for number in range(MAX_ATTRIBUTES))
    assert parse_certification_request(request(Plan(attributes=most))).extensions == ()
    more = (*most, unknown_attribute(MAX_ATTRIBUTES))
    assert malformed(request(Plan(attributes=more))) == (
        f"The request has {MAX_ATTRIBUTES + 1} attributes; at most {MAX_ATTRIBUTES} are looked at."
    )


def test_the_number_of_extensions_is_bounded() -> None:
    numbers = [number for number in range(100) if number != 17]
    most = extension_request(*map(extension, numbers[:MAX_EXTENSIONS]))
    assert len(parse_certification_request(request(Plan(attributes=(most,)))).extensions) == MAX_EXTENSIONS
    more = extension_request(*map(extension, numbers[: MAX_EXTENSIONS + 1]))
    assert f"at most {MAX_EXTENSIONS} are looked at" in malformed(request(Plan(attributes=(more,))))


def test_the_length_of_a_password_is_bounded() -> None:
    """RFC 2985 §5.4.1: pkcs-9-ub-challengePassword ::= 255."""
    longest = Plan(attributes=(challenge_password("ä" * 255),))
    assert parse_certification_request(request(longest)).challenge_password == "ä" * 255
    longer = Plan(attributes=(challenge_password("ä" * 256),))
    assert malformed(request(longer)).endswith("challengePassword is longer than 255 characters.")


def test_the_size_is_bounded_and_looked_at_before_anything_else() -> None:
    assert malformed(bytes(MAX_REQUEST_OCTETS + 1)) == (
        f"The request has {MAX_REQUEST_OCTETS + 1} octets; at most {MAX_REQUEST_OCTETS} are looked at."
    )
    assert "not a PKCS#10" in malformed(bytes(MAX_REQUEST_OCTETS))
    plan = Plan(key_type="Ed25519", attributes=(extension_request(extension(99, bytes(65_000))),))
    missing = MAX_REQUEST_OCTETS - len(request(plan))
    plan = dataclasses.replace(plan, attributes=(extension_request(extension(99, bytes(65_000 + missing))),))
    assert len(request(plan)) == MAX_REQUEST_OCTETS
    template = parse_certification_request(request(plan))
    assert template.extensions == (Extension("2.5.29.99", critical=False, value=bytes(65_000 + missing)),)


@pytest.mark.parametrize("key_type", ["rsa-1024", "secp256k1", "brainpoolP256r1"])
def test_a_key_that_is_not_certified_is_refused_as_a_bad_key(key_type: str) -> None:
    with pytest.raises(BadSubjectKey):
        parse_certification_request(request(Plan(public_key=spki_of(private_key(key_type)))))


def no_possession(der: bytes) -> str:
    with pytest.raises(BadProofOfPossession) as refused:
        parse_certification_request(der)
    return refused.value.detail


@pytest.mark.parametrize("key_type", ACCEPTED)
def test_a_request_for_somebody_elses_key_is_refused(key_type: str) -> None:
    """RFC 2986 §3: the signature proves possession of the private key."""
    foreign = spki_of(private_key(key_type, "foreign"))
    detail = no_possession(request(Plan(key_type=key_type, public_key=foreign)))
    assert detail.startswith("The request's signature does not verify with the key in it;")


def test_a_key_of_another_type_than_the_signature_is_refused() -> None:
    assert "does not verify" in no_possession(request(Plan(public_key=spki_of(private_key("Ed25519")))))


@pytest.mark.parametrize(
    ("algorithm", "complaint"),
    [
        pytest.param("06072a8648ce3d0401", "proves nothing today", id="ecdsa-with-SHA1"),
        pytest.param("06092a864886f70d010105", "proves nothing today", id="sha1WithRSAEncryption"),
        pytest.param("06082a8648ce3d0403020500", "proves nothing today", id="ecdsa-with-SHA256 with NULL"),
        pytest.param("06082a8648ce3d040303", "does not verify", id="ecdsa-with-SHA384"),
        pytest.param("06092a864886f70d01010b0500", "does not verify", id="sha256WithRSAEncryption"),
    ],
)
def test_a_signature_by_another_algorithm_proves_nothing(algorithm: str, complaint: str) -> None:
    identifier = sequence_of([bytes.fromhex(algorithm)])
    assert complaint in no_possession(request(Plan(algorithm=identifier)))


def test_a_signature_is_a_whole_number_of_octets() -> None:
    assert "no whole number of octets" in no_possession(request(Plan(unused_bits=1)))


def test_every_registered_algorithm_can_prove_possession() -> None:
    proven = {
        parse_certification_request(by_cryptography(one)).public_key.signature_algorithm for one in ACCEPTED
    }
    only_by_choice = {"sha384WithRSAEncryption", "sha512WithRSAEncryption"}
    assert {algorithm.name for algorithm in proven} == set(BY_NAME) - only_by_choice


def test_a_request_for_a_key_says_nothing_by_its_own_key_and_signature() -> None:
    """RFC 7030 §4.4.1: both are to be ignored."""
    made = PublicKey.parse(spki_of(private_key("P-384", "made")))
    plain = request(Plan(attributes=(challenge_password("abc"),)))
    for der in (
        plain,
        plain[:-4] + bytes(4),
        request(Plan(public_key=spki_of(private_key("secp256k1", "weak")))),
    ):
        template = parse_key_request(der)
        assert template.der == der
        assert template.keyed(made).public_key == made
        assert template.subject.text == "serialNumber=SN-0001,O=Example"
    assert parse_key_request(plain).challenge_password == "abc"


def test_what_is_no_request_asks_for_no_key_either() -> None:
    for der in (
        b"",
        b"\x30\x00",
        request() + b"\0",
        bytes(MAX_REQUEST_OCTETS + 1),
        request(Plan(version=b"\x02\x01\x01")),
    ):
        with pytest.raises(MalformedRequest):
            parse_key_request(der)


def test_every_value_of_every_attribute_is_found_and_so_is_one_that_has_none() -> None:
    first, second = (
        attribute(wrap(6, b"\x2a\x03" + bytes((one,))), *values)
        for one, values in ((4, ()), (5, (b"\x02\x01\x01", b"\x02\x01\x02")))
    )
    assert parse_attributes(request(Plan(attributes=(first, second)))) == (
        ("1.2.3.4", b""),
        ("1.2.3.5", b"\x02\x01\x01"),
        ("1.2.3.5", b"\x02\x01\x02"),
    )
    with pytest.raises(MalformedRequest, match=f"at most {MAX_ATTRIBUTES}"):
        parse_attributes(
            request(Plan(attributes=tuple(unknown_attribute(one) for one in range(MAX_ATTRIBUTES + 1))))
        )
