"""Keys as servers send them: each of two parts with its header, between boundaries."""

import base64

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from keyworks.cms.signed_data import certs_only
from keyworks.enroll.answer import Answer
from keyworks.testing import software_signer
from tests.unit.enroll.small_pki import certify, issuing

BOUNDARY = "keyworks-1"
CONTENT_TYPE = f'Multipart/Mixed; charset=x; boundary="{BOUNDARY}"'
SIGNER = software_signer()
LEAF = certify("device", issuing(), spki=SIGNER.public_key.spki).der
KEY_DER = SIGNER.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def part(content_type: str, der: bytes) -> bytes:
    head = f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head.encode() + base64.encodebytes(der).replace(b"\n", b"\r\n")


KEY = part("application/pkcs8", KEY_DER)
CERTIFICATE = part("application/pkcs7-mime; smime-type=certs-only", certs_only((LEAF,)))


def body_of(*parts: bytes) -> bytes:
    return b"".join(f"--{BOUNDARY}\r\n".encode() + one for one in parts) + f"--{BOUNDARY}--\r\n".encode()


def answer(body: bytes, status: int = 200, boundary: str = BOUNDARY) -> Answer:
    return Answer(status, "multipart/mixed", None, body, boundary=boundary)
