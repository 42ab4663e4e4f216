"""Certificates, read as cryptography and OpenSSL read them."""

import subprocess
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from keyworks import oids
from keyworks.errors import MalformedRequest
from keyworks.x509.certificate import MAX_CERTIFICATE_OCTETS, Certificate, ders_of, pem_of, time_text
from keyworks.x509.der import sequence_of, values_of, wrap
from keyworks.x509.extensions import MAX_EXTENSIONS
from tests.unit.x509.chains import Made, Plan, made, resigned_with_sha_1

FULL = Plan(
    ca=True,
    path_length=3,
    usages=("digital_signature", "key_cert_sign", "crl_sign"),
    names=((NameOID.COUNTRY_NAME, "DE"), (NameOID.COMMON_NAME, "Größe")),
    extensions=(
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        (x509.SubjectAlternativeName([x509.DNSName("a.example")]), False),
    ),
)


def test_every_part_is_what_cryptography_reads() -> None:
    issuer = made("issuer")
    subject = made("subject", FULL, issuer)
    ours, theirs = subject.parsed, subject.certificate
    assert ours.der == subject.der
    assert ours.serial_number == theirs.serial_number
    assert ours.issuer.der == theirs.issuer.public_bytes()
    assert ours.subject.text == theirs.subject.rfc4514_string()
    assert ours.not_before == int(theirs.not_valid_before_utc.timestamp())
    assert ours.not_after == int(theirs.not_valid_after_utc.timestamp())
    assert ours.signature_algorithm.oid == theirs.signature_algorithm_oid.dotted_string
    assert ours.public_key.key_type == "P-256"
    assert [(one.oid, one.critical, one.value) for one in ours.extensions] == [
        (one.oid.dotted_string, one.critical, one.value.public_bytes()) for one in theirs.extensions
    ]


def test_the_extensions_that_matter_are_read() -> None:
    issuer = made("issuer")
    subject = made("subject", FULL, issuer).parsed
    assert (subject.is_ca, subject.path_length) == (True, 3)
    assert subject.key_usage == frozenset({"digitalSignature", "keyCertSign", "cRLSign"})
    assert subject.extended_key_usage == (oids.KP_CLIENT_AUTH,)
    assert subject.subject_alt_name is not None
    assert subject.subject_alt_name.dns == ("a.example",)
    assert subject.authority_key_identifier == issuer.parsed.subject_key_identifier
    assert subject.extension(oids.KEY_USAGE) in subject.extensions
    assert subject.extension(oids.NAME_CONSTRAINTS) is None


def test_what_is_not_there_is_none() -> None:
    bare = made("bare", Plan(ca=None, usages=None)).parsed
    assert (bare.is_ca, bare.path_length, bare.key_usage) == (False, None, None)
    assert (bare.extended_key_usage, bare.subject_alt_name) == (None, None)


@pytest.mark.parametrize("key", ["P-384", "P-521", "Ed25519", "Ed448", "ML-DSA-44", "ML-DSA-87", "rsa-2048"])
def test_certificates_of_every_key_type_are_read(key: str) -> None:
    assert made("subject", Plan(key=key)).parsed.public_key.key_type == key


@pytest.mark.parametrize(
    "not_after",
    [
        datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2050, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    ],
)
def test_times_are_read_on_both_sides_of_2050_and_to_the_last_second(not_after: datetime) -> None:
    """RFC 5280 §4.1.2.5."""
    assert made("subject", Plan(not_after=not_after)).parsed.not_after == int(not_after.timestamp())


def test_a_time_before_1970_is_read() -> None:
    assert made("old", Plan(not_before=datetime(1950, 1, 1, tzinfo=UTC))).parsed.not_before == -631152000


VERSION, SERIAL_NUMBER, SIGNATURE, ISSUER, VALIDITY, SUBJECT, PUBLIC_KEY, EXTENSIONS = range(8)


def with_part(place: int, part: bytes, certificate: Made | None = None) -> bytes:
    """Return a certificate with one part of its TBS exchanged; its signature is not looked at here."""
    tbs, algorithm, signature = values_of((certificate or made("subject")).der, "certificate")
    parts = values_of(tbs, "tbs")
    parts[place] = part
    return sequence_of([sequence_of(parts), algorithm, signature])


def validity(not_after: bytes) -> bytes:
    return sequence_of([wrap(0x17, b"260101000000Z"), not_after])


@pytest.mark.parametrize(
    "not_after",
    [
        pytest.param(wrap(0x18, b"20500101000000.5Z"), id="fractional seconds"),
        pytest.param(wrap(0x18, b"20500101000000"), id="local time"),
        pytest.param(wrap(0x18, b"20500101000000+0100"), id="an offset"),
        pytest.param(wrap(0x18, b"205001010000Z"), id="no seconds"),
        pytest.param(wrap(0x18, b"20500230000000Z"), id="no such day"),
        pytest.param(wrap(0x18, b"00000101000000Z"), id="year 0"),
        pytest.param(wrap(0x17, b"4901010000Z"), id="UTCTime without seconds"),
        pytest.param(wrap(0x16, b"490101000000Z"), id="a string"),
    ],
)
def test_times_that_rfc_5280_does_not_allow_are_refused(not_after: bytes) -> None:
    """RFC 5280 §4.1.2.5.1, §4.1.2.5.2: seconds, no fractions of them, expressed in GMT."""
    assert (
        Certificate.parse(with_part(VALIDITY, validity(wrap(0x18, b"20500101000000Z")))).not_after == 2524608000
    )
    with pytest.raises(MalformedRequest, match="malformed"):
        Certificate.parse(with_part(VALIDITY, validity(not_after)))


def test_the_serial_number_has_at_most_20_octets() -> None:
    """RFC 5280 §4.1.2.2: and other authorities' zero and negative ones have to be lived with."""
    longest = wrap(0x02, b"\x7f" + bytes(19))
    assert Certificate.parse(with_part(SERIAL_NUMBER, longest)).serial_number == 0x7F << 152
    assert Certificate.parse(with_part(SERIAL_NUMBER, wrap(0x02, b"\x00"))).serial_number == 0
    assert Certificate.parse(with_part(SERIAL_NUMBER, wrap(0x02, b"\xff"))).serial_number == -1
    for longer in (b"\x00\x80" + bytes(19), b"\x7f" + bytes(5000)):
        with pytest.raises(MalformedRequest, match="longer than 20 octets"):
            Certificate.parse(with_part(SERIAL_NUMBER, wrap(0x02, longer)))


def test_only_version_3_is_accepted() -> None:
    with pytest.raises(MalformedRequest, match="not version 3"):
        Certificate.parse(with_part(VERSION, wrap(0xA0, b"\x02\x01\x01")))


def test_both_signature_algorithms_have_to_say_the_same() -> None:
    """RFC 5280 §4.1.1.2."""
    other = sequence_of([bytes.fromhex("06082a8648ce3d040303")])
    with pytest.raises(MalformedRequest, match="algorithm that is not accepted"):
        Certificate.parse(with_part(SIGNATURE, other))


def test_a_signature_by_sha_1_is_not_accepted() -> None:
    with pytest.raises(MalformedRequest, match="algorithm that is not accepted"):
        Certificate.parse(resigned_with_sha_1(made("subject", Plan(key="rsa-2048"))))


@pytest.mark.parametrize(
    ("key", "complaint"),
    [("rsa-1024", "1024 bits"), ("brainpoolP256r1", "not certified"), ("secp256k1", "not certified")],
)
def test_a_key_that_is_not_accepted_is_named(key: str, complaint: str) -> None:
    with pytest.raises(MalformedRequest, match=f"certificate's key is not accepted: .*{complaint}"):
        Certificate.parse(made("subject", Plan(key=key), made("issuer")).der)


def test_an_extension_that_is_malformed_or_doubled_is_refused() -> None:
    constraints = bytes.fromhex("30090603551d1304020500")
    usage = bytes.fromhex("300b0603551d0f040403020780")
    for extensions, complaint in (
        ([constraints], "basicConstraints is malformed"),
        ([usage] * 2, "appears twice"),
    ):
        with pytest.raises(MalformedRequest, match=complaint):
            Certificate.parse(with_part(EXTENSIONS, wrap(0xA3, sequence_of(extensions))))


def test_the_number_of_extensions_is_bounded() -> None:
    def unknown(count: int) -> tuple[tuple[x509.ExtensionType, bool], ...]:
        numbers = range(count)
        return tuple(
            (x509.UnrecognizedExtension(x509.ObjectIdentifier(f"1.2.{n}"), b""), False) for n in numbers
        )

    most = MAX_EXTENSIONS - len(made("few").parsed.extensions)
    assert len(made("many", Plan(extensions=unknown(most))).parsed.extensions) == MAX_EXTENSIONS
    with pytest.raises(MalformedRequest, match=f"at most {MAX_EXTENSIONS} are looked at"):
        Certificate.parse(made("more", Plan(extensions=unknown(most + 1))).der)


@pytest.mark.parametrize(
    "damage", [b"", b"\x30\x00", b"no DER", made("subject").der[:-1], made("x").der + b"\0"]
)
def test_what_is_no_certificate_is_refused(damage: bytes) -> None:
    with pytest.raises(MalformedRequest, match="malformed"):
        Certificate.parse(damage)


def filled(octets: int) -> Made:
    """Return a certificate, a bit longer than ``octets``; always of the same length for the same number."""
    filler = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), bytes(octets))
    return made("filled", Plan(key="Ed25519", extensions=((filler, False),)))


def test_the_size_is_looked_at_before_anything_else() -> None:
    with pytest.raises(MalformedRequest, match=f"A certificate of {MAX_CERTIFICATE_OCTETS + 1} octets"):
        Certificate.parse(bytes(MAX_CERTIFICATE_OCTETS + 1))
    filler = (
        MAX_CERTIFICATE_OCTETS - len(filled(MAX_CERTIFICATE_OCTETS - 1000).der) + MAX_CERTIFICATE_OCTETS - 1000
    )
    largest = filled(filler)
    assert len(largest.der) == MAX_CERTIFICATE_OCTETS
    assert largest.parsed.der == largest.der


@pytest.mark.parametrize("count", [1, 2])
def test_pem_is_what_openssl_writes_and_reads(count: int) -> None:
    """RFC 7468 §2, §5."""
    ders = [made(f"pem {number}").der for number in range(count)]
    for der in ders:
        command = ["openssl", "x509", "-inform", "DER"]
        assert subprocess.run(command, input=der, check=True, capture_output=True).stdout.decode() == pem_of(
            der
        )
    with_text = "".join(f"Subject: {number}\r\n{pem_of(der)}" for number, der in enumerate(ders))
    assert ders_of(with_text.replace("\n", "\r\n").encode()) == tuple(ders)


@pytest.mark.parametrize(
    ("pem", "complaint"),
    [
        (b"", "no certificate"),
        (b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "no certificate"),
        (pem_of(b"key", "PRIVATE KEY").encode(), "no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n", "not base64"),
        (b"-----BEGIN CERTIFICATE-----\nAA=A\n-----END CERTIFICATE-----\n", "not base64"),
        (b"-----BEGIN CERTIFICATE-----\n" + b" " * 50_000, "no certificate"),
    ],
)
def test_what_is_no_pem_is_refused(pem: bytes, complaint: str) -> None:
    with pytest.raises(MalformedRequest, match=complaint):
        ders_of(pem)


def test_an_instant_is_shown_in_utc() -> None:
    assert time_text(253402300799) == "9999-12-31T23:59:59Z"
    assert time_text(0) == "1970-01-01T00:00:00Z"
