"""SignedData of others: what OpenSSL and we ourselves sign is read, and verifies with the right key alone."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from keyworks import oids
from keyworks.cms.signed_data import certs_only
from keyworks.cms.signing import content_info_of, signed_data
from keyworks.cms.verification import MAX_CERTIFICATES, MAX_OCTETS, SignedMessage, parse_signed_data
from keyworks.errors import BadSignature, MalformedRequest
from keyworks.keys.software import signer_of
from keyworks.x509.certificate import Certificate
from keyworks.x509.der import sequence_of, values_of, wrap
from tests.unit.x509.chains import GOOD_LEAF, Made, Plan, made

CONTENT = b"a content that is signed"
SHA256_BY_OID = bytes.fromhex("0609608648016503040201")
SHA384_BY_OID = bytes.fromhex("0609608648016503040202")


def signer_named(key_type: str) -> Made:
    plan = Plan(ca=None, usages=("digital_signature",), not_after=GOOD_LEAF.not_after, key=key_type)
    return made(f"verified {key_type}", plan, made("verification root"))


async def message(own: Made, content_type: str = oids.CCT_PKI_DATA, certificates: int = 1) -> bytes:
    signed = await signed_data(content_type, CONTENT, signer_of(own.key), [own.der] * certificates)
    return content_info_of(oids.CMS_SIGNED_DATA, signed)


def openssl_signed(folder: Path, owners: list[Made], *options: str) -> bytes:
    command = ["openssl", "cms", "-sign", "-binary", "-nodetach", "-noindef", "-outform", "DER", *options]
    for place, own in enumerate(owners):
        certificate, key = folder / f"{place}.pem", folder / f"{place}.key"
        certificate.write_bytes(own.pem)
        key.write_bytes(own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        command += ["-signer", str(certificate), "-inkey", str(key)]
    return subprocess.run(command, input=CONTENT, capture_output=True, check=True).stdout


def verify(read: SignedMessage, *owners: Certificate) -> None:
    """Verify each signature with the key of the signer that it names."""
    by_name = {(one.issuer.der, one.serial_number): one for one in owners}
    by_key = {one.subject_key_identifier: one for one in owners}
    for info in read.signer_infos:
        own = by_name[info.certificate] if info.certificate is not None else by_key[info.key_identifier]
        info.verify(own.public_key)


@pytest.mark.parametrize("options", [(), ("-md", "sha512"), ("-keyid",), ("-nocerts",), ("-nosmimecap",)])
@pytest.mark.parametrize("key_type", ["P-256", "rsa-2048"])
def test_what_openssl_signs_verifies(tmp_path: Path, key_type: str, options: tuple[str, ...]) -> None:
    """RFC 5652 §5.3, §5.4; of RSA, OpenSSL names the key's algorithm alone (RFC 5754 §3.2)."""
    own = signer_named(key_type)
    read = parse_signed_data(openssl_signed(tmp_path, [own], *options))
    assert (read.content_type, read.content) == (oids.CMS_DATA, CONTENT)
    assert read.certificates == (() if "-nocerts" in options else (own.der,))
    verify(read, own.parsed)
    with pytest.raises(BadSignature, match="does not verify"):
        verify(read, replace(own.parsed, public_key=signer_named("P-384").parsed.public_key))


def test_every_signer_of_several_verifies(tmp_path: Path) -> None:
    owners = [signer_named("P-256"), signer_named("rsa-2048"), signer_named("P-384")]
    read = parse_signed_data(openssl_signed(tmp_path, owners))
    assert len(read.signer_infos) == 3
    verify(read, *(own.parsed for own in owners))


@pytest.mark.parametrize("key_type", ["P-256", "P-384", "P-521", "rsa-2048", "Ed25519", "ML-DSA-44"])
async def test_what_we_sign_verifies(key_type: str) -> None:
    own = signer_named(key_type)
    read = parse_signed_data(await message(own))
    assert (read.content_type, read.content) == (oids.CCT_PKI_DATA, CONTENT)
    verify(read, own.parsed)


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        (("-noattr",), MalformedRequest, "no signed attributes"),
        (("-md", "sha1"), BadSignature, "proves nothing today"),
    ],
)
def test_a_weak_signature_is_refused(
    tmp_path: Path, options: tuple[str, ...], error: type[Exception], sentence: str
) -> None:
    """RFC 5652 §5.3: signed attributes MUST be there where the content is not ``data``."""
    with pytest.raises(error, match=sentence):
        parse_signed_data(openssl_signed(tmp_path, [signer_named("P-256")], *options))


async def test_signed_attributes_are_about_this_content_and_this_type() -> None:
    """RFC 5652 §11.1, §11.2: otherwise the signature of one message would serve for another."""
    der = await message(signer_named("P-256"))
    with pytest.raises(BadSignature, match="message digest is not that of the message's content"):
        parse_signed_data(der.replace(CONTENT, CONTENT[::-1]))
    data, response = bytes.fromhex("06082b06010505070c02"), bytes.fromhex("06082b06010505070c03")
    assert der.count(data) == 2
    with pytest.raises(BadSignature, match="another content type"):
        parse_signed_data(der.replace(data, response, 1))


async def test_the_digest_is_the_one_that_the_signature_is_made_with() -> None:
    """RFC 5754 §3: two hashes are no stronger than the weaker."""
    der = await message(signer_named("P-256"))
    with pytest.raises(BadSignature, match="proves nothing today"):
        parse_signed_data(der.replace(SHA256_BY_OID, SHA384_BY_OID))


async def test_what_is_no_signed_message_is_refused() -> None:
    der = await message(signer_named("P-256"))
    for damaged in (b"", b"\x30\x00", der[:-1], der + b"\0", signer_named("P-256").der):
        with pytest.raises(MalformedRequest, match="not SignedData"):
            parse_signed_data(damaged)
    with pytest.raises(MalformedRequest, match="not SignedData"):
        parse_signed_data(content_info_of(oids.CMS_DATA, wrap(0x04, CONTENT)))
    with pytest.raises(MalformedRequest, match="not SignedData with its content inside"):
        parse_signed_data(certs_only([signer_named("P-256").der]))


async def test_a_message_nobody_signed_is_refused() -> None:
    own = signer_named("P-256")
    signed = await signed_data(oids.CCT_PKI_DATA, CONTENT, signer_of(own.key), [own.der])
    *parts, _ = values_of(signed, "SignedData")
    unsigned = sequence_of([*parts, b"\x31\x00"])
    with pytest.raises(MalformedRequest, match="The message is not signed"):
        parse_signed_data(content_info_of(oids.CMS_SIGNED_DATA, unsigned))


async def test_sizes_are_bounded() -> None:
    own = signer_named("P-256")
    with pytest.raises(MalformedRequest, match=f"has {MAX_OCTETS + 1} octets; at most"):
        parse_signed_data(bytes(MAX_OCTETS + 1))
    assert len(parse_signed_data(await message(own, certificates=MAX_CERTIFICATES)).certificates) == 16
    with pytest.raises(MalformedRequest, match="has 17 certificates; at most 16"):
        parse_signed_data(await message(own, certificates=MAX_CERTIFICATES + 1))


def test_the_number_of_signers_is_bounded(tmp_path: Path) -> None:
    owners = [signer_named(kind) for kind in ("P-256", "P-384", "P-521", "rsa-2048", "rsa-3072")]
    with pytest.raises(MalformedRequest, match="has 5 signers; at most 4"):
        parse_signed_data(openssl_signed(tmp_path, owners))
