"""Certificates made through the declared types, read by independent readers."""

import subprocess
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyworks import oids
from keyworks.algorithms.public_key import PublicKey
from keyworks.algorithms.registry import BY_NAME
from keyworks.x509 import extensions as x
from keyworks.x509.certificate import Certificate
from keyworks.x509.general_name import GeneralName, HardwareModule, SubjectAltName
from keyworks.x509.name import EMPTY_NAME, Name
from keyworks.x509.tbs import NO_EXPIRY, TBSCertificate, assemble
from tests.unit.x509.chains import private_key, signature_of

ISSUER = Name.of((oids.ORGANIZATION_NAME, "Beispiel Gerätebau"), (oids.COMMON_NAME, "IDevID issuing"))
SUBJECT = Name.of((oids.ORGANIZATION_NAME, "Beispiel Gerätebau"), (oids.SERIAL_NUMBER, "SN-0001"))
SPRING = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp())
LAST_OF_2049 = 2524607999


def public_key(key_type: str = "P-256", use: str = "") -> PublicKey:
    key = private_key(key_type, use).public_key()
    return PublicKey.parse(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def certificate(
    not_after: int = NO_EXPIRY,
    extensions: tuple[x.Extension, ...] = (),
    key_type: str = "P-256",
    subject: Name = SUBJECT,
) -> bytes:
    """Return a certificate issued by a key of the given type."""
    issuing = private_key(key_type, "tbs issuer")
    algorithm = public_key(key_type).signature_algorithm
    tbs = TBSCertificate(
        serial_number=0x6F << 128,
        signature=algorithm,
        issuer=ISSUER,
        subject=subject,
        not_before=SPRING,
        not_after=not_after,
        public_key=public_key(),
        extensions=extensions,
    ).encode()
    return assemble(tbs, algorithm, signature_of(issuing, tbs, algorithm.digest))


def read_by_openssl(der: bytes, *options: str) -> str:
    command = ("openssl", "x509", "-inform", "DER", "-noout", *options)
    return subprocess.run(command, input=der, check=True, capture_output=True).stdout.decode()


IDEVID = (
    x.subject_key_identifier(b"k" * 20),
    x.authority_key_identifier(b"i" * 20),
    x.key_usage(frozenset({"digitalSignature"})),
    x.extended_key_usage([oids.KP_CLIENT_AUTH]),
    x.basic_constraints(ca=False, path_length=None),
    x.name_constraints(permitted=[GeneralName("dns", "plant.example")]),
    x.subject_alt_name(
        SubjectAltName(
            dns=("pump.plant.example",), hardware_modules=(HardwareModule("1.3.6.1.4.1.55555.7", b"SN-0001"),)
        ),
        critical=False,
    ),
    x.crl_distribution_points(["http://pki.example/crl/1"]),
    x.authority_information_access(ca_issuers=["http://pki.example/ca"]),
)


def test_cryptography_reads_what_was_decided() -> None:
    theirs = x509.load_der_x509_certificate(certificate(extensions=IDEVID))
    assert theirs.version is x509.Version.v3
    assert theirs.serial_number == 0x6F << 128
    assert theirs.issuer.public_bytes() == ISSUER.der
    assert theirs.subject.public_bytes() == SUBJECT.der
    assert theirs.not_valid_before_utc == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert theirs.public_key() == private_key("P-256").public_key()
    assert [(one.oid.dotted_string, one.critical, one.value.public_bytes()) for one in theirs.extensions] == [
        (one.oid, one.critical, one.value) for one in IDEVID
    ]


def test_we_read_what_we_wrote() -> None:
    ours = Certificate.parse(certificate(extensions=IDEVID))
    assert (ours.issuer, ours.subject, ours.extensions) == (ISSUER, SUBJECT, IDEVID)
    assert (ours.not_before, ours.not_after) == (SPRING, NO_EXPIRY)
    assert ours.public_key == public_key()


@pytest.mark.parametrize(
    "line",
    [
        "Version: 3 (0x2)",
        "Signature Algorithm: ecdsa-with-SHA256",
        "Not Before: Mar  1 12:00:00 2026 GMT",
        "Not After : Dec 31 23:59:59 9999 GMT",
        "X509v3 Key Usage: critical",
        "Digital Signature",
        "TLS Web Client Authentication",
        "X509v3 Basic Constraints: critical",
        "CA:FALSE",
        "DNS:plant.example",
        "DNS:pump.plant.example",
        "URI:http://pki.example/crl/1",
        "CA Issuers - URI:http://pki.example/ca",
    ],
)
def test_openssl_reads_what_was_decided(line: str) -> None:
    assert line in read_by_openssl(certificate(extensions=IDEVID), "-text")


def test_openssl_finds_the_hardware_module_name() -> None:
    """RFC 4108 §5."""
    command = ("openssl", "asn1parse", "-inform", "DER")
    parsed = subprocess.run(command, input=IDEVID[6].value, check=True, capture_output=True).stdout.decode()
    assert ":1.3.6.1.5.5.7.8.4" in parsed
    assert ":1.3.6.1.4.1.55555.7" in parsed
    assert "OCTET STRING      :SN-0001" in parsed


@pytest.mark.parametrize(
    ("not_after", "encoded", "shown"),
    [
        (LAST_OF_2049, b"\x17\x0d491231235959Z", "Dec 31 23:59:59 2049 GMT"),
        (LAST_OF_2049 + 1, b"\x18\x0f20500101000000Z", "Jan  1 00:00:00 2050 GMT"),
        (NO_EXPIRY, b"\x18\x0f99991231235959Z", "Dec 31 23:59:59 9999 GMT"),
    ],
)
def test_times_change_their_type_with_the_year_2050(not_after: int, encoded: bytes, shown: str) -> None:
    """RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050; 99991231235959Z for no expiry."""
    der = certificate(not_after)
    assert encoded in der
    assert read_by_openssl(der, "-enddate") == f"notAfter={shown}\n"
    assert Certificate.parse(der).not_after == not_after


@pytest.mark.parametrize("key_type", ["P-256", "P-384", "P-521", "Ed25519", "Ed448", "ML-DSA-65", "rsa-2048"])
def test_a_signature_of_every_kind_is_where_others_look_for_it(key_type: str) -> None:
    theirs = x509.load_der_x509_certificate(certificate(key_type=key_type))
    issuing = public_key(key_type, "tbs issuer")
    algorithm = Certificate.parse(certificate(key_type=key_type)).signature_algorithm
    issuing.verify(theirs.signature, theirs.tbs_certificate_bytes, algorithm)
    assert algorithm in BY_NAME.values()


def test_a_certificate_without_extensions_or_subject_is_well_formed() -> None:
    theirs = x509.load_der_x509_certificate(certificate(subject=EMPTY_NAME))
    assert list(theirs.extensions) == []
    assert theirs.subject == x509.Name([])
