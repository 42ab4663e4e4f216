"""Cryptographic Message Syntax. Source: RFC 5652 §3, §5; certs-only as in RFC 7030 §4.1.3."""

from typing import Annotated

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from keyworks.asn1.rfc2986 import Attribute
from keyworks.asn1.rfc5280 import SubjectPublicKeyInfo


@asn1.sequence
class EncapsulatedContentInfo:
    """EncapsulatedContentInfo without content."""

    e_content_type: ObjectIdentifier


@asn1.sequence
class CertsOnly:
    """SignedData that carries certificates and signs nothing.

    Both implicitly tagged sets are declared as lists, so that certificates in any order are read: senders need
    not sort them (RFC 5652 §10), though we do.
    """

    version: int
    digest_algorithms: asn1.SetOf[asn1.TLV]
    encap_content_info: EncapsulatedContentInfo
    certificates: Annotated[list[asn1.TLV] | None, asn1.Implicit(0)]
    crls: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]
    signer_infos: asn1.SetOf[asn1.TLV]


@asn1.sequence
class SignedDataContentInfo:
    """ContentInfo of SignedData."""

    content_type: ObjectIdentifier
    content: Annotated[CertsOnly, asn1.Explicit(0)]


@asn1.sequence
class IssuerAndSerialNumber:
    """IssuerAndSerialNumber (§10.2.4)."""

    issuer: asn1.TLV
    serial_number: int


@asn1.sequence
class EncapsulatedContent:
    """EncapsulatedContentInfo with content (§5.2)."""

    e_content_type: ObjectIdentifier
    e_content: Annotated[bytes, asn1.Explicit(0)]


@asn1.sequence
class SignerInfo:
    """SignerInfo with signed attributes, of a signer named by its certificate (§5.3)."""

    version: int
    sid: IssuerAndSerialNumber
    digest_algorithm: asn1.TLV
    signed_attrs: Annotated[asn1.SetOf[Attribute], asn1.Implicit(0)]
    signature_algorithm: asn1.TLV
    signature: bytes


@asn1.sequence
class SignedData:
    """SignedData with content, as we write it (§5.1)."""

    version: int
    digest_algorithms: asn1.SetOf[asn1.TLV]
    encap_content_info: EncapsulatedContent
    certificates: Annotated[list[asn1.TLV], asn1.Implicit(0)]
    signer_infos: asn1.SetOf[SignerInfo]


@asn1.sequence
class ContentInfo:
    """ContentInfo of any type (§3)."""

    content_type: ObjectIdentifier
    content: Annotated[asn1.TLV, asn1.Explicit(0)]


@asn1.sequence
class EncryptedContentInfo:
    """EncryptedContentInfo (§6.1)."""

    content_type: ObjectIdentifier
    content_encryption_algorithm: asn1.TLV
    encrypted_content: Annotated[bytes, asn1.Implicit(0)]


@asn1.sequence
class EnvelopedData:
    """EnvelopedData without originatorInfo and attributes (§6.1)."""

    version: int
    recipient_infos: asn1.SetOf[asn1.TLV]
    encrypted_content_info: EncryptedContentInfo


@asn1.sequence
class KeyTransRecipientInfo:
    """KeyTransRecipientInfo, of a recipient named by its certificate (§6.2.1)."""

    version: int
    rid: IssuerAndSerialNumber
    key_encryption_algorithm: asn1.TLV
    encrypted_key: bytes


@asn1.sequence
class OriginatorKey:
    """OriginatorIdentifierOrKey, the choice of originatorKey (§6.2.2)."""

    originator_key: Annotated[SubjectPublicKeyInfo, asn1.Implicit(1)]


@asn1.sequence
class RecipientEncryptedKey:
    """RecipientEncryptedKey, of a recipient named by its certificate (§6.2.2)."""

    rid: IssuerAndSerialNumber
    encrypted_key: bytes


@asn1.sequence
class KeyAgreeRecipientInfo:
    """KeyAgreeRecipientInfo with an ephemeral key (§6.2.2); its [1] tag in RecipientInfo is IMPLICIT.

    The tag around ``originator`` is explicit, so what stands in it is the SEQUENCE's content.
    """

    version: int
    originator: Annotated[OriginatorKey, asn1.Implicit(0)]
    key_encryption_algorithm: asn1.TLV
    recipient_encrypted_keys: list[RecipientEncryptedKey]


@asn1.sequence
class KEKIdentifier:
    """KEKIdentifier without date and other attribute (§6.2.3)."""

    key_identifier: bytes


@asn1.sequence
class KEKRecipientInfo:
    """KEKRecipientInfo (§6.2.3); its [2] tag in RecipientInfo is IMPLICIT."""

    version: int
    kekid: KEKIdentifier
    key_encryption_algorithm: asn1.TLV
    encrypted_key: bytes


@asn1.sequence
class AnySignerInfo:
    """SignerInfo as others write it: the signer named either way, attributes or not (§5.3)."""

    version: int
    sid: IssuerAndSerialNumber | Annotated[bytes, asn1.Implicit(0)]
    digest_algorithm: asn1.TLV
    signed_attrs: Annotated[asn1.SetOf[Attribute] | None, asn1.Implicit(0)]
    signature_algorithm: asn1.TLV
    signature: bytes
    unsigned_attrs: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]


@asn1.sequence
class AnySignedData:
    """SignedData with content, as others write it: certificates in any order (§5.1)."""

    version: int
    digest_algorithms: asn1.SetOf[asn1.TLV]
    encap_content_info: EncapsulatedContent
    certificates: Annotated[list[asn1.TLV] | None, asn1.Implicit(0)]
    crls: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]
    signer_infos: asn1.SetOf[AnySignerInfo]
