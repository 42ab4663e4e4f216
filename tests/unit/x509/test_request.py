"""Requests made by our clients, read by others and by ourselves."""

import asyncio
import subprocess

import pytest
from cryptography import x509
from cryptography.x509.oid import AttributeOID

from keyworks import oids
from keyworks.testing import software_signer
from keyworks.x509.general_name import SubjectAltName
from keyworks.x509.name import EMPTY_NAME, Name
from keyworks.x509.request import encode_certification_request
from keyworks.x509.template import parse_certification_request

SUBJECT = Name.of((oids.ORGANIZATION_NAME, "Example"), (oids.SERIAL_NUMBER, "SN-0001"))
NAMES = SubjectAltName(dns=("pump.example",), ip=("192.0.2.7",))


@pytest.mark.parametrize("key_type", ["P-256", "P-384", "Ed25519", "ML-DSA-65", "rsa-2048"])
async def test_cryptography_reads_and_verifies_what_was_asked(key_type: str) -> None:
    signer = software_signer(key_type)
    theirs = x509.load_der_x509_csr(await encode_certification_request(SUBJECT, signer, NAMES, "secret"))
    assert theirs.is_signature_valid
    assert theirs.subject.public_bytes() == SUBJECT.der
    [names] = theirs.extensions
    assert names.value.public_bytes() == NAMES.encode()
    assert theirs.attributes.get_attribute_for_oid(AttributeOID.CHALLENGE_PASSWORD).value == b"secret"


def test_openssl_verifies_it() -> None:
    der = asyncio.run(encode_certification_request(SUBJECT, software_signer(), NAMES))
    command = ("openssl", "req", "-inform", "DER", "-verify", "-noout", "-text")
    verified = subprocess.run(command, input=der, check=True, capture_output=True)
    assert b"verify OK" in verified.stderr
    assert b"DNS:pump.example, IP Address:192.0.2.7" in verified.stdout


async def test_we_read_what_we_asked() -> None:
    signer = software_signer()
    template = parse_certification_request(await encode_certification_request(SUBJECT, signer, NAMES, "secret"))
    assert (template.subject, template.subject_alt_name) == (SUBJECT, NAMES)
    assert template.challenge_password == "secret"
    assert template.public_key == signer.public_key


async def test_alternative_names_are_critical_where_they_alone_name_the_subject() -> None:
    """RFC 5280 §4.2.1.6."""
    for subject in (SUBJECT, EMPTY_NAME):
        template = parse_certification_request(
            await encode_certification_request(subject, software_signer(), NAMES)
        )
        assert [one.critical for one in template.extensions] == [subject.is_empty]


async def test_nothing_is_asked_that_was_not_wanted() -> None:
    template = parse_certification_request(await encode_certification_request(SUBJECT, software_signer()))
    assert (template.extensions, template.challenge_password) == ((), None)
