"""CRMF: what OpenSSL and others encode is decoded and encoded again octet for octet."""

from pathlib import Path

import pytest
from cryptography.hazmat import asn1

from keyworks.asn1 import rfc4211
from keyworks.x509.der import octets_of
from tests.unit.x509.chains import private_key
from tests.unit.x509.crmf import openssl_crmf


@pytest.mark.parametrize("popo", ["-1", "0", "1", "2"])
def test_a_request_of_openssl_s_comes_back_octet_for_octet(tmp_path: Path, popo: str) -> None:
    """RFC 4211 §3, §4 (each proof of possession), §5."""
    names = ("-subject", "/CN=a", "-sans", "a.example", "-days", "30", "-issuer", "/CN=CA")
    der = openssl_crmf(tmp_path, private_key("rsa-2048", "openssl"), *names, "-popo", popo)
    read = asn1.decode_der(rfc4211.CertReqMsg, der)
    assert asn1.encode_der(read) == der
    request = asn1.decode_der(rfc4211.CertRequest, octets_of(read.cert_req))
    assert asn1.encode_der(request) == octets_of(read.cert_req)
    assert isinstance(read.popo, rfc4211.POPOSigningKey) == (popo == "1")
    wanted = request.cert_template
    assert all(part is not None for part in (wanted.validity, wanted.subject, wanted.public_key, wanted.issuer))
    assert len(wanted.extensions or ()) == 1
