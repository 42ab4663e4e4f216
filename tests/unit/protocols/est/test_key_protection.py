"""For whom a key is encrypted: what is said unclearly never passes for not being said."""

import hashlib

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyworks import oids
from keyworks.access.credential import PresentedChain
from keyworks.cms.enveloped_data import CIPHERS, ContentCipher, Recipient
from keyworks.errors import BadSubjectKey, KeyworksError, MalformedRequest, NotAuthorized
from keyworks.protocols.est.key_protection import MAX_CAPABILITIES, NamedKey, recipient_of
from keyworks.testing import presented_chain
from keyworks.x509.der import sequence_of, wrap
from tests.unit.x509.chains import GOOD_LEAF, Made, Plan, made

ROOT = made("protecting root")
AES_128 = bytes.fromhex("060960864801650304 0102".replace(" ", ""))
AES_256 = bytes.fromhex("060960864801650304012a")
AES_128_WRAP = bytes.fromhex("0609608648016503040105")
TRIPLE_DES = bytes.fromhex("06082a864886f70d0307")
RSA = bytes.fromhex("06092a864886f70d010101")
OAEP = bytes.fromhex("06092a864886f70d010107")


def client(key_type: str = "rsa-2048", *usages: str) -> Made:
    plan = Plan(ca=None, usages=usages or None, not_after=GOOD_LEAF.not_after, key=key_type)
    return made(f"protected {key_type}", plan, ROOT)


CLIENT = client()
PRESENTED = presented_chain(CLIENT.der, ROOT.der)
IDENTIFIER = CLIENT.parsed.subject_key_identifier or b""


def named(identifier: bytes, *more: tuple[str, bytes]) -> tuple[tuple[str, bytes], ...]:
    return ((oids.ASYMMETRIC_DECRYPT_KEY_ID, wrap(4, identifier)), *more)


def capable(*capabilities: bytes) -> tuple[str, bytes]:
    return oids.SMIME_CAPABILITIES, sequence_of([sequence_of([one]) for one in capabilities])


def test_who_names_no_key_relies_on_tls() -> None:
    """RFC 7030 §4.4.2: application/pkcs8."""
    assert recipient_of((), PRESENTED) is None
    assert recipient_of((capable(AES_256),), None) is None


def test_the_key_of_the_client_certificate_is_known_by_every_usual_identifier() -> None:
    """RFC 5280 §4.2.1.2 method 1; RFC 7093 §2 method 1."""
    bits = CLIENT.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    for identifier in (
        IDENTIFIER,
        hashlib.sha1(bits, usedforsecurity=False).digest(),
        hashlib.sha256(bits).digest()[:20],
    ):
        assert recipient_of(named(identifier), PRESENTED) == Recipient(CLIENT.parsed)


@pytest.mark.parametrize(
    ("capabilities", "cipher", "oaep"),
    [
        ((AES_256,), CIPHERS[0], True),
        ((TRIPLE_DES, AES_128), CIPHERS[2], True),
        ((AES_128, AES_256, RSA, OAEP), CIPHERS[0], True),
        ((AES_256, RSA), CIPHERS[0], False),
        ((RSA,), CIPHERS[0], False),
        ((OAEP,), CIPHERS[0], True),
        ((AES_128_WRAP,), CIPHERS[2], True),
        ((AES_128_WRAP, AES_256), CIPHERS[0], True),
    ],
)
def test_the_strongest_that_the_requester_can_read_is_taken(
    capabilities: tuple[bytes, ...], cipher: object, oaep: bool
) -> None:
    """RFC 7030 §4.4.1: "key encipherment algorithms", which may be all that is named; RFC 8551 §2.5.2."""
    found = recipient_of(named(IDENTIFIER, capable(*capabilities)), PRESENTED)
    assert isinstance(found, Recipient)
    assert (found.cipher, found.oaep) == (cipher, oaep)


@pytest.mark.parametrize(
    ("more", "cipher"),
    [((), CIPHERS[0]), ((capable(TRIPLE_DES, AES_128),), CIPHERS[2]), ((capable(AES_256, RSA),), CIPHERS[0])],
)
def test_a_secret_key_is_named_and_the_cipher_chosen_as_for_a_certificate(
    more: tuple[tuple[str, bytes], ...], cipher: ContentCipher
) -> None:
    """RFC 7030 §4.4.1.1; RFC 4108 §2.2.5. No client certificate is needed for it."""
    assert recipient_of(((oids.DECRYPT_KEY_ID, wrap(4, b"key 1")), *more), None) == NamedKey(b"key 1", cipher)


@pytest.mark.parametrize(
    ("attributes", "presented", "cause", "sentence"),
    [
        pytest.param(named(b"another"), PRESENTED, BadSubjectKey, "not known here", id="another key"),
        pytest.param(named(IDENTIFIER), None, BadSubjectKey, "not known here", id="no client certificate"),
        pytest.param(
            named(IDENTIFIER) * 2, PRESENTED, MalformedRequest, "more than one value", id="two identifiers"
        ),
        pytest.param(
            ((oids.ASYMMETRIC_DECRYPT_KEY_ID, b""),), PRESENTED, MalformedRequest, "OCTET STRING", id="no value"
        ),
        pytest.param(
            ((oids.ASYMMETRIC_DECRYPT_KEY_ID, b"\x05\x00"),),
            PRESENTED,
            MalformedRequest,
            "OCTET STRING",
            id="another type",
        ),
        pytest.param(
            ((oids.DECRYPT_KEY_ID, wrap(2, b"k")),),
            PRESENTED,
            MalformedRequest,
            "DecryptKeyIdentifier has to be an OCTET STRING",
            id="an INTEGER",
        ),
        pytest.param(
            ((oids.DECRYPT_KEY_ID, wrap(4, b"k")),) * 2,
            PRESENTED,
            MalformedRequest,
            "more than one value",
            id="two secret keys",
        ),
        pytest.param(
            ((oids.DECRYPT_KEY_ID, wrap(4, b"k")), capable(TRIPLE_DES)),
            PRESENTED,
            BadSubjectKey,
            "no cipher",
            id="an old cipher for a secret key",
        ),
        pytest.param(
            named(IDENTIFIER, capable(TRIPLE_DES, RSA, AES_128_WRAP)),
            PRESENTED,
            BadSubjectKey,
            "no cipher",
            id="an old cipher with key encipherments",
        ),
        pytest.param(
            named(IDENTIFIER, (oids.DECRYPT_KEY_ID, b"")),
            PRESENTED,
            MalformedRequest,
            "names two keys",
            id="both kinds",
        ),
        pytest.param(
            named(IDENTIFIER, capable(TRIPLE_DES)), PRESENTED, BadSubjectKey, "no cipher", id="an old cipher"
        ),
        pytest.param(
            named(IDENTIFIER, capable(*[AES_256] * (MAX_CAPABILITIES + 1))),
            PRESENTED,
            MalformedRequest,
            "at most",
            id="too many capabilities",
        ),
        pytest.param(
            named(IDENTIFIER, (oids.SMIME_CAPABILITIES, sequence_of([sequence_of([b"\x05\x00"])]))),
            PRESENTED,
            MalformedRequest,
            "SMIMECapabilities is malformed",
            id="capabilities without names",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_made(
    attributes: tuple[tuple[str, bytes], ...],
    presented: PresentedChain | None,
    cause: type[KeyworksError],
    sentence: str,
) -> None:
    """RFC 7030 §4.4.1.1, §4.4.1.2: an error, and no key."""
    with pytest.raises(cause, match=sentence):
        recipient_of(attributes, presented)


def test_a_certificate_whose_key_only_signs_is_refused() -> None:
    """RFC 7030 §4.4.1.2."""
    signing = client("P-256", "digital_signature")
    named_key = named(signing.parsed.subject_key_identifier or b"")
    with pytest.raises(NotAuthorized, match="does not allow keyAgreement"):
        recipient_of(named_key, presented_chain(signing.der))
