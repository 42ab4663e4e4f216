"""CRMF requests: what is asked is read as it stands, and only with proof that the key is the requester's."""

from pathlib import Path

import pytest

from keyworks import oids
from keyworks.errors import BadProofOfPossession, BadSubjectKey, MalformedRequest
from keyworks.x509.certificate_request_message import cert_req_id_of, parse_certificate_request_message
from keyworks.x509.der import sequence_of, wrap
from keyworks.x509.name import EMPTY_NAME, Name
from keyworks.x509.template import MAX_REQUEST_OCTETS
from tests.unit.x509.chains import private_key
from tests.unit.x509.crmf import Plan, crmf, openssl_crmf
from tests.unit.x509.requests import SUBJECT, extension, spki_of

KEY_TYPES = ["P-256", "P-384", "P-521", "rsa-2048", "Ed25519", "Ed448", "ML-DSA-44"]


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_what_is_asked_is_read_as_it_stands(key_type: str) -> None:
    """RFC 4211 §3 to §5."""
    wanted = wrap(0xA9, extension(15, b"\x03\x02\x07\x80"))
    der = crmf(Plan(key_type=key_type, fields=(b"", wanted)))
    template = parse_certificate_request_message(der)
    assert template.subject.der == SUBJECT
    assert template.public_key.spki == spki_of(private_key(key_type, "request"))
    assert [(one.oid, one.value) for one in template.extensions] == [(oids.KEY_USAGE, b"\x03\x02\x07\x80")]
    assert (template.subject_alt_name, template.challenge_password, template.der) == (None, None, der)
    assert cert_req_id_of(der) == 7


@pytest.mark.parametrize("key_type", ["P-256", "rsa-2048"])
def test_what_openssl_asks_for_is_read(tmp_path: Path, key_type: str) -> None:
    key = private_key(key_type, "openssl")
    names = ("-subject", "/O=Example/serialNumber=SN-1", "-sans", "pump.example", "-days", "30")
    template = parse_certificate_request_message(openssl_crmf(tmp_path, key, *names))
    assert (
        template.subject.rdns == Name.of((oids.ORGANIZATION_NAME, "Example"), (oids.SERIAL_NUMBER, "SN-1")).rdns
    )
    assert template.subject_alt_name is not None
    assert template.subject_alt_name.dns == ("pump.example",)
    assert template.public_key.spki == spki_of(key)


@pytest.mark.parametrize("popo", ["-1", "0", "2"])
def test_another_proof_of_openssl_s_is_refused(tmp_path: Path, popo: str) -> None:
    """RFC 4211 §4: none, an RA's word, key encipherment."""
    der = openssl_crmf(tmp_path, private_key("rsa-2048", "openssl"), "-subject", "/CN=a", "-popo", popo)
    with pytest.raises(BadProofOfPossession, match="no proof of possession by signature"):
        parse_certificate_request_message(der)


def test_an_empty_subject_is_a_subject() -> None:
    assert parse_certificate_request_message(crmf(Plan(subject=b"\x30\x00"))).subject == EMPTY_NAME


def test_issuer_and_validity_are_wishes() -> None:
    """RFC 4211 §5: the profile decides."""
    before = wrap(0x80, b"\x02") + wrap(0xA3, SUBJECT) + wrap(0xA4, wrap(0xA1, b"\x17\x0d300101000000Z"))
    assert parse_certificate_request_message(crmf(Plan(fields=(before, b"")))).subject.der == SUBJECT


@pytest.mark.parametrize(
    ("plan", "error", "sentence"),
    [
        (Plan(proof=b""), BadProofOfPossession, "no proof of possession by signature"),
        (Plan(proof=b"\x80\x00"), BadProofOfPossession, "no proof of possession by signature"),
        (Plan(proof=wrap(0xA3, b"\x81\x01\x00")), BadProofOfPossession, "no proof of possession by signature"),
        (Plan(poposk_input=wrap(0xA0, b"\x05\x00")), BadProofOfPossession, "signed over poposkInput"),
        (Plan(algorithm=sequence_of([b"\x06\x01\x2a"])), BadProofOfPossession, "proves nothing today"),
        (Plan(public_key=spki_of(private_key("P-256", "other"))), BadProofOfPossession, "does not verify"),
        (Plan(public_key=sequence_of([b"\x05\x00", b"\x03\x01\x00"])), BadSubjectKey, "not certified"),
        (Plan(subject=None), MalformedRequest, "has to name the subject"),
        (Plan(after=sequence_of([b"\x05\x00"])), MalformedRequest, "Controls of a CRMF request"),
        (Plan(fields=(b"\x80\x01\x00", b"")), MalformedRequest, "version 3"),
        (Plan(fields=(b"\x81\x01\x05", b"")), MalformedRequest, "leave those out"),
        (Plan(fields=(wrap(0xA2, b"\x06\x01\x2a"), b"")), MalformedRequest, "leave those out"),
        (Plan(fields=(b"", b"\x87\x02\x00\x01")), MalformedRequest, "leave those out"),
        (Plan(fields=(b"", b"\x88\x02\x00\x01")), MalformedRequest, "leave those out"),
        (Plan(fields=(b"", wrap(0xA9, extension(15) * 2))), MalformedRequest, "appears twice"),
    ],
)
def test_what_proves_nothing_or_asks_too_much_is_refused(
    plan: Plan, error: type[Exception], sentence: str
) -> None:
    """RFC 4211 §4, §5."""
    with pytest.raises(error, match=sentence):
        parse_certificate_request_message(crmf(plan))


def test_what_is_no_crmf_request_is_refused() -> None:
    der = crmf()
    for damaged in (b"", b"\x30\x00", der[:-1], der + b"\0", SUBJECT):
        for read in (parse_certificate_request_message, cert_req_id_of):
            with pytest.raises(MalformedRequest, match="not a CRMF CertReqMsg"):
                read(damaged)
    with pytest.raises(MalformedRequest, match="at most"):
        cert_req_id_of(bytes(MAX_REQUEST_OCTETS + 1))
