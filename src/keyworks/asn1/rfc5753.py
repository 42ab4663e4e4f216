"""Elliptic curves in CMS. Source: RFC 5753 §7.2."""

from typing import Annotated

from cryptography.hazmat import asn1


@asn1.sequence
class SharedInfo:
    """ECC-CMS-SharedInfo without entityUInfo: what the key-encryption key depends on besides the secret."""

    key_info: asn1.TLV
    supp_pub_info: Annotated[bytes, asn1.Explicit(2)]
