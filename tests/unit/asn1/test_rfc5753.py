"""What a key-encryption key depends on."""

from cryptography.hazmat import asn1

from keyworks.asn1.rfc5753 import SharedInfo
from keyworks.x509.der import tlv


def test_the_length_is_tagged_explicitly() -> None:
    """RFC 5753 §7.2: keyInfo, suppPubInfo [2] EXPLICIT OCTET STRING."""
    info = SharedInfo(key_info=tlv(bytes.fromhex("3003060100")), supp_pub_info=bytes.fromhex("00000100"))
    assert asn1.encode_der(info).hex() == "300d3003060100a206040400000100"
