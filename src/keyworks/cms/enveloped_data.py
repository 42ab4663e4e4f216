"""EnvelopedData: a content for the holder of one certificate, or of one secret key.

RSA keys get the content's key by key transport (RSAES-OAEP, or PKCS #1 v1.5 for who knows no other),
elliptic curves by key agreement with a key made for this one message; under a secret key it is wrapped.

Source: RFC 5652 §6; RFC 3560 (OAEP); RFC 5753 §3.1 (ECDH, ephemeral-static); RFC 3565 (AES), RFC 3394 (its key
wrap).
"""

import secrets
from dataclasses import dataclass, field
from typing import Final, cast

from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from cryptography.x509 import ObjectIdentifier

from keyworks import oids
from keyworks.asn1 import rfc5280, rfc5652, rfc5753
from keyworks.cms.signing import content_info_of, issuer_and_serial_number
from keyworks.errors import BadSubjectKey, NotAuthorized
from keyworks.x509.certificate import Certificate
from keyworks.x509.der import encode, sequence_of, tlv, wrap

_BLOCK_BITS: Final = 128
_KEY_AGREEMENT_INFO: Final = 0xA1
_KEK_INFO: Final = 0xA2
_NULL: Final = b"\x05\x00"
_SHA256: Final = hashes.SHA256()
_OAEP: Final = padding.OAEP(mgf=padding.MGF1(_SHA256), algorithm=_SHA256, label=None)


@dataclass(frozen=True, slots=True)
class ContentCipher:
    """How contents are encrypted: AES-CBC, and the wrapping of its key with a key as long.

    Args:
        oid: Of the cipher.
        key_octets: Of its key.
        wrap_oid: Of the AES key wrap.
    """

    oid: str
    key_octets: int
    wrap_oid: str


CIPHERS: Final = (
    ContentCipher(oids.AES256_CBC, 32, oids.AES256_WRAP),
    ContentCipher(oids.AES192_CBC, 24, oids.AES192_WRAP),
    ContentCipher(oids.AES128_CBC, 16, oids.AES128_WRAP),
)
"""The strongest first."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """For whom a content is encrypted, and how.

    Args:
        certificate: The recipient's.
        cipher: For the content.
        oaep: Of an RSA key: whether the recipient knows RSAES-OAEP.
    """

    certificate: Certificate
    cipher: ContentCipher = CIPHERS[0]
    oaep: bool = True


@dataclass(frozen=True, slots=True)
class KEKRecipient:
    """Who shares a key-encryption key with us.

    Args:
        identifier: What both call the key.
        key: 16, 24 or 32 octets; never shown.
        cipher: For the content.
    """

    identifier: bytes
    key: bytes = field(repr=False)
    cipher: ContentCipher = CIPHERS[0]


_WRAPS: Final = {one.key_octets: one.wrap_oid for one in CIPHERS}
_AGREEMENTS: Final = {
    "P-256": (oids.ECDH_SHA256_KDF, hashes.SHA256()),
    "P-384": (oids.ECDH_SHA384_KDF, hashes.SHA384()),
    "P-521": (oids.ECDH_SHA512_KDF, hashes.SHA512()),
}


def enveloped_data(content_type: str, content: bytes, recipient: Recipient | KEKRecipient) -> bytes:
    """Return a DER ContentInfo with a content that only the recipient can read.

    Args:
        content_type: Object identifier of the content.
        content: Its octets: of SignedData the SignedData itself, without a ContentInfo around it.
        recipient: For whom.

    Raises:
        BadSubjectKey: With the recipient's key nothing can be encrypted.
        NotAuthorized: The recipient's certificate says that its key is not for encryption.
    """
    key, iv = secrets.token_bytes(recipient.cipher.key_octets), secrets.token_bytes(_BLOCK_BITS // 8)
    version, info = _recipient_info(key, recipient)
    enveloped = rfc5652.EnvelopedData(
        version=version,
        recipient_infos=asn1.SetOf([tlv(info)]),
        encrypted_content_info=rfc5652.EncryptedContentInfo(
            content_type=ObjectIdentifier(content_type),
            content_encryption_algorithm=tlv(_algorithm(recipient.cipher.oid, encode(iv))),
            encrypted_content=_encrypted(content, key, iv),
        ),
    )
    return content_info_of(oids.CMS_ENVELOPED_DATA, encode(enveloped))


def check_recipient(recipient: Recipient) -> None:
    """Refuse a key that only signs, or that its certificate keeps for something else.

    Raises:
        BadSubjectKey: With the recipient's key nothing can be encrypted.
        NotAuthorized: The recipient's certificate says that its key is not for encryption.

    Source: RFC 7030 §4.4.1.2; RFC 5280 §4.2.1.3.
    """
    key_type, usage = recipient.certificate.public_key.key_type, recipient.certificate.key_usage
    transported = key_type.startswith("rsa-")
    if not transported and key_type not in _AGREEMENTS:
        raise BadSubjectKey(
            f"Nothing can be encrypted with a key of type {key_type}; "
            "use a certificate with an RSA key or one on P-256, P-384 or P-521."
        )
    needed = "keyEncipherment" if transported else "keyAgreement"
    if usage is not None and needed not in usage:
        raise NotAuthorized(
            f"The certificate's key usage does not allow {needed}, so nothing is encrypted with its key; "
            "use another certificate."
        )


def _recipient_info(key: bytes, recipient: Recipient | KEKRecipient) -> tuple[int, bytes]:
    """Return the version that EnvelopedData has with it (RFC 5652 §6.1), and the RecipientInfo."""
    if isinstance(recipient, KEKRecipient):
        return 2, _wrapped(key, recipient)
    check_recipient(recipient)
    public = load_der_public_key(recipient.certificate.public_key.spki)
    if isinstance(public, rsa.RSAPublicKey):
        return 0, _transported(public, key, recipient)
    return 2, _agreed(cast("ec.EllipticCurvePublicKey", public), key, recipient)


def _algorithm(oid: str, *parameters: bytes) -> bytes:
    return sequence_of([asn1.encode_der(ObjectIdentifier(oid)), *parameters])


def _encrypted(content: bytes, key: bytes, iv: bytes) -> bytes:
    padder = PKCS7(_BLOCK_BITS).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()


def _transported(public: rsa.RSAPublicKey, key: bytes, recipient: Recipient) -> bytes:
    if recipient.oaep:
        sha256 = _algorithm(oids.SHA256)
        parameters = sequence_of([wrap(0xA0, sha256), wrap(0xA1, _algorithm(oids.MGF1, sha256))])
        algorithm = _algorithm(oids.RSAES_OAEP, parameters)
        encrypted = public.encrypt(key, _OAEP)
    else:
        algorithm = _algorithm(oids.RSA_ENCRYPTION, _NULL)
        encrypted = public.encrypt(key, padding.PKCS1v15())
    return encode(
        rfc5652.KeyTransRecipientInfo(
            version=0,
            rid=issuer_and_serial_number(recipient.certificate),
            key_encryption_algorithm=tlv(algorithm),
            encrypted_key=encrypted,
        )
    )


def _agreed(public: ec.EllipticCurvePublicKey, key: bytes, recipient: Recipient) -> bytes:
    ephemeral = ec.generate_private_key(public.curve)
    oid, digest = _AGREEMENTS[recipient.certificate.public_key.key_type]
    wrapping = _algorithm(recipient.cipher.wrap_oid)
    bits = (8 * recipient.cipher.key_octets).to_bytes(4, "big")
    shared = encode(rfc5753.SharedInfo(key_info=tlv(wrapping), supp_pub_info=bits))
    secret = ephemeral.exchange(ec.ECDH(), public)
    key_encryption_key = X963KDF(digest, recipient.cipher.key_octets, shared).derive(secret)
    spki = ephemeral.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    info = encode(
        rfc5652.KeyAgreeRecipientInfo(
            version=3,
            originator=rfc5652.OriginatorKey(
                originator_key=asn1.decode_der(rfc5280.SubjectPublicKeyInfo, spki)
            ),
            key_encryption_algorithm=tlv(_algorithm(oid, wrapping)),
            recipient_encrypted_keys=[
                rfc5652.RecipientEncryptedKey(
                    rid=issuer_and_serial_number(recipient.certificate),
                    encrypted_key=aes_key_wrap(key_encryption_key, key),
                )
            ],
        )
    )
    return _tagged(_KEY_AGREEMENT_INFO, info)


def _wrapped(key: bytes, recipient: KEKRecipient) -> bytes:
    info = encode(
        rfc5652.KEKRecipientInfo(
            version=4,
            kekid=rfc5652.KEKIdentifier(key_identifier=recipient.identifier),
            key_encryption_algorithm=tlv(_algorithm(_WRAPS[len(recipient.key)])),
            encrypted_key=aes_key_wrap(recipient.key, key),
        )
    )
    return _tagged(_KEK_INFO, info)


def _tagged(tag: int, sequence: bytes) -> bytes:
    """Return a choice of RecipientInfo, whose tag takes the place of SEQUENCE."""
    return bytes((tag,)) + sequence[1:]
