"""What an EST server wants in a request. Source: RFC 9908 §3.4, appendix A; RFC 8951 §3.3 (CsrAttrs)."""

from typing import Annotated

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from keyworks.asn1.rfc2986 import Attribute


@asn1.sequence
class CsrAttrs:
    """CsrAttrs inside an outer SEQUENCE; each element is an OBJECT IDENTIFIER or an Attribute."""

    elements: list[asn1.TLV]


@asn1.sequence
class TypeAlone:
    """SingleAttributeTemplate without a value: the client fills it in. With one it is AttributeTypeAndValue."""

    type: ObjectIdentifier


@asn1.sequence
class SubjectPublicKeyInfoTemplate:
    """SubjectPublicKeyInfoTemplate; a key stands there only to say how long an RSA modulus is to be."""

    algorithm: asn1.TLV
    subject_public_key: asn1.BitString | None


@asn1.sequence
class CertificationRequestInfoTemplate:
    """CertificationRequestInfoTemplate."""

    version: int
    subject: list[asn1.SetOf[asn1.TLV]] | None
    subject_pk_info: Annotated[SubjectPublicKeyInfoTemplate | None, asn1.Implicit(0)]
    attributes: Annotated[asn1.SetOf[Attribute], asn1.Implicit(1)]


@asn1.sequence
class ExtensionTemplate:
    """ExtensionTemplate; without a value the client fills it in."""

    extn_id: ObjectIdentifier
    critical: Annotated[bool, asn1.Default(False)]
    extn_value: bytes | None


@asn1.sequence
class RSAPublicKey:
    """RSAPublicKey (RFC 8017 A.1.1)."""

    modulus: int
    public_exponent: int
