"""Certs-only SignedData, read and written as OpenSSL and cryptography do."""

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs7

from keyworks.cms.signed_data import MAX_CERTIFICATES, MAX_OCTETS, certs_only, parse_certs_only
from keyworks.errors import MalformedRequest
from keyworks.x509.certificate import ders_of
from keyworks.x509.der import sequence_of, wrap
from tests.unit.x509.chains import GOOD_CA, GOOD_LEAF, made

ROOT = made("root")
ISSUING = made("issuing", GOOD_CA, ROOT)
CHAIN = [made("leaf", GOOD_LEAF, ISSUING), ISSUING, ROOT]
DERS = [one.der for one in CHAIN]
SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
DATA = bytes.fromhex("06092a864886f70d010701")


def openssl(*command: str, given: bytes) -> bytes:
    return subprocess.run(("openssl", *command), input=given, check=True, capture_output=True).stdout


@pytest.mark.parametrize("command", [("pkcs7",), ("cms", "-cmsout", "-noout", "-print")])
@pytest.mark.parametrize("count", [1, 3])
def test_openssl_reads_what_we_write(command: tuple[str, ...], count: int) -> None:
    """RFC 7030 §4.1.3; RFC 5652 §5.1."""
    message = certs_only(DERS[:count])
    if command[0] == "cms":
        printed = openssl(*command, "-inform", "DER", given=message).decode()
        assert printed.count("d.certificate:") == count
        assert "pkcs7-signedData" in printed
    else:
        printed_pem = openssl(*command, "-inform", "DER", "-print_certs", given=message)
        assert sorted(ders_of(printed_pem)) == sorted(DERS[:count])


def test_cryptography_reads_what_we_write() -> None:
    theirs = pkcs7.load_der_pkcs7_certificates(certs_only(DERS))
    assert sorted(one.public_bytes(Encoding.DER) for one in theirs) == sorted(DERS)


def test_the_set_is_sorted_whatever_the_order_given() -> None:
    """X.690 §11.6."""
    assert certs_only(DERS) == certs_only(DERS[::-1])
    assert certs_only(DERS) == pkcs7.serialize_certificates([one.certificate for one in CHAIN], Encoding.DER)
    assert list(parse_certs_only(certs_only(DERS))) == sorted(DERS)


def test_we_read_what_openssl_writes(tmp_path: Path) -> None:
    file = tmp_path / "chain.pem"
    file.write_bytes(b"".join(one.pem for one in CHAIN))
    message = openssl("crl2pkcs7", "-nocrl", "-certfile", str(file), "-outform", "DER", given=b"")
    assert sorted(parse_certs_only(message)) == sorted(DERS)


def message_of(
    certificates: bytes, content_type: bytes = SIGNED_DATA, signer_infos: bytes = b"\x31\x00"
) -> bytes:
    """Return a message by hand; ``certificates`` is the whole optional field."""
    content = sequence_of([b"\x02\x01\x01", b"\x31\x00", sequence_of([DATA]), certificates, signer_infos])
    return sequence_of([content_type, wrap(0xA0, content)])


def test_certificates_in_any_order_are_read_in_that_order() -> None:
    """RFC 5652 §10: BER will do, in which a SET OF has no order."""
    for ders in (DERS, DERS[::-1]):
        assert list(parse_certs_only(message_of(wrap(0xA0, b"".join(ders))))) == ders


def test_a_message_without_certificates_carries_none() -> None:
    assert parse_certs_only(message_of(b"")) == ()
    assert parse_certs_only(certs_only([])) == ()


def test_signed_data_with_a_signer_is_not_certs_only(tmp_path: Path) -> None:
    """Its certificates would be taken without looking at its signature."""
    certificate, key = tmp_path / "signer.pem", tmp_path / "key.pem"
    certificate.write_bytes(CHAIN[0].pem)
    key.write_bytes(CHAIN[0].key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    files = ("-signer", str(certificate), "-inkey", str(key))
    message = openssl("cms", "-sign", *files, "-outform", "DER", given=b"content")
    with pytest.raises(MalformedRequest, match="not certs-only SignedData"):
        parse_certs_only(message)


@pytest.mark.parametrize(
    "der",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x30\x00", id="an empty sequence"),
        pytest.param(DERS[0], id="a certificate"),
        pytest.param(certs_only(DERS)[:-1], id="truncated"),
        pytest.param(certs_only(DERS) + b"\0", id="trailing octet"),
        pytest.param(message_of(wrap(0xA0, DERS[0]), content_type=DATA), id="another content type"),
        pytest.param(message_of(wrap(0xA0, DERS[0] + b"\x30")), id="half a certificate"),
        pytest.param(message_of(wrap(0xA0, DERS[0]), signer_infos=b"\x31\x02\x30\x00"), id="a signer"),
    ],
)
def test_what_is_not_certs_only_is_refused(der: bytes) -> None:
    with pytest.raises(MalformedRequest, match="not certs-only SignedData"):
        parse_certs_only(der)


def test_the_number_of_certificates_is_bounded() -> None:
    assert len(parse_certs_only(certs_only([DERS[0]] * MAX_CERTIFICATES))) == MAX_CERTIFICATES
    with pytest.raises(MalformedRequest, match=f"has {MAX_CERTIFICATES + 1} certificates; at most"):
        parse_certs_only(certs_only([DERS[0]] * (MAX_CERTIFICATES + 1)))


def test_the_size_is_looked_at_before_anything_else() -> None:
    with pytest.raises(MalformedRequest, match=f"has {MAX_OCTETS + 1} octets; at most {MAX_OCTETS}"):
        parse_certs_only(bytes(MAX_OCTETS + 1))
    with pytest.raises(MalformedRequest, match="not certs-only"):
        parse_certs_only(bytes(MAX_OCTETS))
