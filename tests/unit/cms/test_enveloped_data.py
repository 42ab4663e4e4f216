"""EnvelopedData: OpenSSL decrypts what we encrypt, for keys that are meant for it."""

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from keyworks import oids
from keyworks.cms.enveloped_data import CIPHERS, ContentCipher, KEKRecipient, Recipient, enveloped_data
from keyworks.errors import BadSubjectKey, NotAuthorized
from keyworks.x509.der import sequence_of, values_of, wrap
from tests.unit.x509.chains import GOOD_LEAF, Made, Plan, made

ROOT = made("enveloping root")
CONTENT = b"for one pair of eyes " * 3


def holder(key_type: str, *usages: str) -> Made:
    plan = Plan(ca=None, usages=usages or None, not_after=GOOD_LEAF.not_after, key=key_type)
    return made(f"recipient {key_type}", plan, ROOT)


def decrypted(folder: Path, der: bytes, own: Made) -> subprocess.CompletedProcess[bytes]:
    certificate, key = folder / "own.pem", folder / "own.key"
    certificate.write_bytes(own.pem)
    key.write_bytes(own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    files = ("-recip", str(certificate), "-inkey", str(key))
    command = ["openssl", "cms", "-decrypt", "-inform", "DER", "-binary", *files]
    return subprocess.run(command, input=der, capture_output=True, check=False)


@pytest.mark.parametrize("cipher", CIPHERS, ids=lambda one: f"aes-{8 * one.key_octets}")
@pytest.mark.parametrize("key_type", ["rsa-2048", "P-256", "P-384", "P-521"])
def test_openssl_decrypts_it(tmp_path: Path, key_type: str, cipher: ContentCipher) -> None:
    """RFC 5652 §6.2.1, §6.2.2; RFC 5753 §3.1; RFC 3560."""
    own = holder(key_type)
    run = decrypted(tmp_path, enveloped_data(oids.CMS_DATA, CONTENT, Recipient(own.parsed, cipher)), own)
    assert run.returncode == 0, run.stderr.decode()
    assert run.stdout == CONTENT


def test_openssl_decrypts_it_where_oaep_is_not_known(tmp_path: Path) -> None:
    """RFC 3370 §4.2.1."""
    own = holder("rsa-2048", "key_encipherment")
    der = enveloped_data(oids.CMS_DATA, CONTENT, Recipient(own.parsed, oaep=False))
    assert decrypted(tmp_path, der, own).stdout == CONTENT
    assert bytes.fromhex("06092a864886f70d010107") not in der


def decrypted_with(der: bytes, key: bytes, identifier: bytes) -> subprocess.CompletedProcess[bytes]:
    named = ("-secretkey", key.hex(), "-secretkeyid", identifier.hex())
    command = ["openssl", "cms", "-decrypt", "-inform", "DER", "-binary", *named]
    return subprocess.run(command, input=der, capture_output=True, check=False)


@pytest.mark.parametrize("cipher", CIPHERS, ids=lambda one: f"aes-{8 * one.key_octets}")
@pytest.mark.parametrize("length", [16, 24, 32])
def test_openssl_decrypts_with_the_secret_key_that_the_recipient_shares(
    cipher: ContentCipher, length: int
) -> None:
    """RFC 5652 §6.2.3; RFC 3565 §2.3.3: AES key wrap, as long as the key-encryption key."""
    key = bytes(range(length))
    der = enveloped_data(oids.CMS_DATA, CONTENT, KEKRecipient(b"key 1", key, cipher))
    run = decrypted_with(der, key, b"key 1")
    assert (run.returncode, run.stdout) == (0, CONTENT), run.stderr.decode()
    for other in ((key[::-1], b"key 1"), (key, b"key 2")):
        assert decrypted_with(der, *other).stdout != CONTENT
    assert key not in der


def inside(der: bytes, tag: int = 0x30) -> list[bytes]:
    """Return the parts of a constructed value."""
    assert der[0] == tag
    return values_of(b"\x30" + der[1:], "a message of our own")


def test_a_message_for_a_shared_key_is_of_the_versions_that_say_so() -> None:
    """RFC 5652 §6.1 (2: not all RecipientInfos are of version 0), §6.2.3 (always 4; [2] in RecipientInfo)."""
    der = enveloped_data(oids.CMS_DATA, CONTENT, KEKRecipient(b"key 1", bytes(16)))
    [_, content] = inside(der)
    [enveloped] = inside(content, 0xA0)
    version, infos, _ = inside(enveloped)
    [info] = inside(infos, 0x31)
    parts = inside(info, 0xA2)
    assert (version, parts[0], parts[1]) == (b"\x02\x01\x02", b"\x02\x01\x04", b"\x30\x07\x04\x05key 1")
    assert parts[2] == sequence_of([wrap(6, bytes.fromhex("608648016503040105"))])


def test_a_shared_key_is_in_no_text_of_its_recipient() -> None:
    assert "SECRET" not in repr(KEKRecipient(b"key 1", b"SECRET" * 4))


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17])
def test_contents_of_any_length_come_back(tmp_path: Path, length: int) -> None:
    """RFC 5652 §6.3 (padding)."""
    own = holder("P-256", "key_agreement")
    der = enveloped_data(oids.CMS_DATA, CONTENT[:length], Recipient(own.parsed))
    assert decrypted(tmp_path, der, own).stdout == CONTENT[:length]


def test_nobody_else_decrypts_it(tmp_path: Path) -> None:
    der = enveloped_data(oids.CMS_DATA, CONTENT, Recipient(holder("P-256").parsed))
    other = Made(holder("P-256").certificate, holder("P-384").key)
    assert decrypted(tmp_path, der, other).stdout != CONTENT
    assert CONTENT[:20] not in der


def test_no_two_messages_share_a_key() -> None:
    recipient = Recipient(holder("P-256").parsed)
    first, second = (enveloped_data(oids.CMS_DATA, CONTENT, recipient) for _ in range(2))
    assert first[-64:] != second[-64:]
    assert first[20:200] != second[20:200]


@pytest.mark.parametrize(
    ("key_type", "usage", "needed"),
    [
        ("rsa-2048", "digital_signature", "keyEncipherment"),
        ("P-256", "digital_signature", "keyAgreement"),
        ("P-256", "key_encipherment", "keyAgreement"),
    ],
)
def test_a_key_for_something_else_is_left_alone(key_type: str, usage: str, needed: str) -> None:
    """RFC 7030 §4.4.1.2: explicitly for key transport or agreement, or unrestricted."""
    with pytest.raises(NotAuthorized, match=f"does not allow {needed}"):
        enveloped_data(oids.CMS_DATA, CONTENT, Recipient(holder(key_type, usage).parsed))


@pytest.mark.parametrize("key_type", ["Ed25519", "ML-DSA-44"])
def test_a_key_that_only_signs_is_refused(key_type: str) -> None:
    with pytest.raises(BadSubjectKey, match=f"key of type {key_type}"):
        enveloped_data(oids.CMS_DATA, CONTENT, Recipient(holder(key_type).parsed))
