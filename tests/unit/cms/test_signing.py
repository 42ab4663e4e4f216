"""SignedData with a content, as OpenSSL verifies it."""

import asyncio
import hashlib
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat import asn1

from keyworks import oids
from keyworks.asn1.rfc5652 import SignedData
from keyworks.cms.signing import content_info_of, signed_data
from keyworks.errors import IntegrityFailure
from keyworks.keys.software import signer_of
from keyworks.testing import WrongSigner
from keyworks.x509.der import encode, wrap
from tests.unit.x509.chains import GOOD_LEAF, Made, Plan, made

ROOT = made("signing root")
CONTENT = b"a content that is signed"


def signer_named(key_type: str) -> Made:
    plan = Plan(ca=None, usages=("digital_signature",), not_after=GOOD_LEAF.not_after, key=key_type)
    return made(f"signer {key_type}", plan, ROOT)


def message(own: Made, content_type: str = oids.CMS_DATA) -> bytes:
    made_of = signed_data(content_type, CONTENT, signer_of(own.key), [own.der, ROOT.der])
    return content_info_of(oids.CMS_SIGNED_DATA, asyncio.run(made_of))


def verified(folder: Path, der: bytes) -> subprocess.CompletedProcess[bytes]:
    anchor = folder / "root.pem"
    anchor.write_bytes(ROOT.pem)
    time = ("-attime", str(int(GOOD_LEAF.not_before.timestamp()) + 10))
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-CAfile", str(anchor), "-purpose", "any", *time]
    return subprocess.run([*command, "-binary"], input=der, capture_output=True, check=False)


@pytest.mark.parametrize("key_type", ["P-256", "P-384", "P-521", "rsa-2048"])
@pytest.mark.parametrize("content_type", [oids.CMS_DATA, oids.KEY_PACKAGE])
def test_openssl_verifies_what_we_sign(tmp_path: Path, key_type: str, content_type: str) -> None:
    """RFC 5652 §5.4, §5.6."""
    run = verified(tmp_path, message(signer_named(key_type), content_type))
    assert run.returncode == 0, run.stderr.decode()
    assert run.stdout == CONTENT


@pytest.mark.parametrize("key_type", ["Ed25519", "ML-DSA-44"])
async def test_who_signs_messages_whole_signs_the_attributes_whole(key_type: str) -> None:
    """RFC 8419 §3, RFC 9882 §3: the attributes hold a SHA-512 digest of the content."""
    own = signer_named(key_type)
    der = await signed_data(oids.CMS_DATA, CONTENT, signer_of(own.key), [own.der])
    [info] = asn1.decode_der(SignedData, der).signer_infos.as_list()
    attributes = wrap(0x31, b"".join(encode(one) for one in info.signed_attrs.as_list()))
    own.parsed.public_key.verify(info.signature, attributes, signer_of(own.key).algorithm)
    assert hashlib.sha512(CONTENT).digest() in attributes


def test_another_content_does_not_verify(tmp_path: Path) -> None:
    der = message(signer_named("P-256")).replace(CONTENT, CONTENT[::-1])
    assert verified(tmp_path, der).returncode != 0


@pytest.mark.parametrize(
    ("content_type", "version"), [(oids.CMS_DATA, b"\x02\x01\x01"), (oids.KEY_PACKAGE, b"\x02\x01\x03")]
)
async def test_the_version_says_whether_the_content_is_data(content_type: str, version: bytes) -> None:
    """RFC 5652 §5.1."""
    own = signer_named("P-256")
    der = await signed_data(content_type, CONTENT, signer_of(own.key), [own.der])
    assert der[4:7] == version


async def test_a_signature_that_does_not_verify_is_never_sent() -> None:
    own = signer_named("P-256")
    with pytest.raises(IntegrityFailure):
        await signed_data(oids.CMS_DATA, CONTENT, WrongSigner(signer_of(own.key)), [own.der])
