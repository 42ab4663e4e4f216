"""CSR attributes: both forms say the same, and what others say is read."""

import base64
import subprocess

import pytest

from keyworks import oids
from keyworks.errors import MalformedRequest
from keyworks.x509 import extensions as x
from keyworks.x509.csr_attributes import (
    MAX_ELEMENTS,
    MAX_OCTETS,
    CSRAttributes,
    WantedAttribute,
    WantedExtension,
    encode_csr_attributes,
    parse_csr_attributes,
)
from keyworks.x509.der import sequence_of, wrap
from tests.unit.x509.requests import attribute

USAGE = x.key_usage(frozenset({"digitalSignature"}))
GIVEN = WantedExtension(USAGE.oid, USAGE.critical, USAGE.value)
OPEN = WantedExtension(oids.SUBJECT_ALT_NAME)
WANTED = CSRAttributes(
    subject=(WantedAttribute(oids.ORGANIZATION_NAME, "Example Plant"), WantedAttribute(oids.SERIAL_NUMBER)),
    key_type="P-384",
    extensions=(GIVEN, OPEN),
    challenge_password=True,
)
TEMPLATE = bytes.fromhex("060b2a864886f70d010910023d")
KEY_TYPES = ("P-256", "P-384", "P-521", "Ed25519", "Ed448", "ML-DSA-44", "ML-DSA-87", "rsa-2048", "rsa-3072")
EXAMPLE = "MEEGCSqGSIb3DQEJBzASBgcqhkjOPQIBMQcGBSuBBAAiMBYGCSqGSIb3DQEJDjEJBgcrBgEBAQEWBggqhkjOPQQDAw=="
"""RFC 7030 §4.5.2."""


def printed(der: bytes) -> str:
    command = ["openssl", "asn1parse", "-inform", "DER"]
    return subprocess.run(command, input=der, check=True, capture_output=True).stdout.decode()


@pytest.mark.parametrize("legacy", [True, False])
def test_the_template_comes_back_as_it_was_meant(legacy: bool) -> None:
    """RFC 9908 §4: who understands the template ignores everything else."""
    der = encode_csr_attributes(WANTED, legacy=legacy, template=True)
    assert parse_csr_attributes(der) == WANTED


def test_openssl_finds_every_wish_in_the_template() -> None:
    """RFC 9908 §3.4."""
    said = printed(encode_csr_attributes(WANTED, legacy=False, template=True))
    for words in (
        "1.2.840.113549.1.9.16.2.61",
        "1.2.840.113549.1.9.16.2.62",
        "organizationName",
        "Example Plant",
        "serialNumber",
        "secp384r1",
        "challengePassword",
        "X509v3 Key Usage",
        "X509v3 Subject Alternative Name",
    ):
        assert said.count(words) == 1, words


def test_extensions_that_all_have_their_value_are_an_ordinary_extension_request() -> None:
    """RFC 9908 §3.4: id-aa-extensionReqTemplate only where a value is left to the client."""
    der = encode_csr_attributes(CSRAttributes(extensions=(GIVEN,)), legacy=False, template=True)
    said = printed(der)
    assert "Extension Request" in said
    assert "1.2.840.113549.1.9.16.2.62" not in said
    assert parse_csr_attributes(der).extensions == (GIVEN,)


def test_the_list_says_key_password_and_extensions_with_a_value() -> None:
    """RFC 9908 §3.2; a list cannot give subjects."""
    der = encode_csr_attributes(WANTED, legacy=True, template=False)
    assert TEMPLATE not in der
    read = parse_csr_attributes(der)
    assert (read.key_type, read.challenge_password, read.extensions) == ("P-384", True, (GIVEN,))
    said = printed(der)
    assert ":serialNumber" in said
    assert "Example Plant" not in said
    assert "ecdsa-with-SHA384" in said


@pytest.mark.parametrize("key_type", KEY_TYPES)
@pytest.mark.parametrize("template", [True, False])
def test_every_key_type_can_be_asked_for_in_both_forms(key_type: str, template: bool) -> None:
    """RFC 9908 §3.2, §3.4 (the length of an RSA key by a placeholder)."""
    der = encode_csr_attributes(CSRAttributes(key_type=key_type), legacy=not template, template=template)
    assert parse_csr_attributes(der).key_type == key_type


def test_the_example_of_the_older_rfc_is_read() -> None:
    """RFC 7030 §4.5.2: its extensionRequest holds no extensions, which later RFCs put right."""
    read = parse_csr_attributes(base64.b64decode(EXAMPLE))
    assert read == CSRAttributes(key_type="P-384", challenge_password=True)


def test_our_list_has_the_parts_of_that_example_in_its_very_octets() -> None:
    wanted = CSRAttributes(key_type="P-384", challenge_password=True)
    der = encode_csr_attributes(wanted, legacy=True, template=False)
    example = base64.b64decode(EXAMPLE)
    without = attribute(bytes.fromhex("06092a864886f70d01090e"), bytes.fromhex("06072b060101010116"))
    assert der[2:] == example[2:].replace(without, b"")


def test_nothing_wanted_is_an_empty_sequence() -> None:
    """RFC 8951 §3.3: SEQUENCE SIZE (0..MAX)."""
    der = encode_csr_attributes(CSRAttributes(), legacy=True, template=True)
    assert der == b"\x30\x00"
    assert parse_csr_attributes(der) == CSRAttributes()


def test_what_is_not_known_is_ignored() -> None:
    """RFC 7030 §4.5.2."""
    unknown = wrap(6, b"\x2a\x03\x04")
    der = sequence_of([unknown, attribute(unknown, b"\x05\x00")])
    assert parse_csr_attributes(der) == CSRAttributes()


def _with_template(inside: str, *more: bytes) -> bytes:
    return sequence_of([attribute(TEMPLATE, bytes.fromhex(inside), *more)])


@pytest.mark.parametrize(
    "der",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x31\x00", id="a set"),
        pytest.param(sequence_of([b"\x02\x01\x00"]), id="a number among them"),
        pytest.param(_with_template("3005020101a100"), id="template of another version"),
        pytest.param(_with_template("3003020100"), id="template without attributes"),
        pytest.param(_with_template("3005020100a100", b"\x30\x00"), id="two templates"),
        pytest.param(_with_template("3005020100a100") * 2, id="trailing octets"),
        pytest.param(_with_template("30140201003009300a" + "30050603550403" + "a100"), id="wrong lengths"),
        pytest.param(_with_template("3007020100a000a100"), id="a key without algorithm"),
    ],
)
def test_what_are_no_csr_attributes_is_refused(der: bytes) -> None:
    with pytest.raises(MalformedRequest):
        parse_csr_attributes(der)


def test_size_and_number_are_bounded() -> None:
    with pytest.raises(MalformedRequest, match=f"have {MAX_OCTETS + 1} octets"):
        parse_csr_attributes(bytes(MAX_OCTETS + 1))
    many = sequence_of([wrap(6, b"\x2a\x03")] * (MAX_ELEMENTS + 1))
    with pytest.raises(MalformedRequest, match=f"are {MAX_ELEMENTS + 1} CSR attributes"):
        parse_csr_attributes(many)
