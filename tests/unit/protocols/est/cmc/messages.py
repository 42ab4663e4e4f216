"""Full PKI Requests made by hand, and Full PKI Responses read by pyasn1."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from cryptography.x509 import ObjectIdentifier
from pyasn1.codec.der import decoder
from pyasn1_alt_modules import rfc6402

from keyworks import oids
from keyworks.algorithms.signer import Signer
from keyworks.cms.signing import content_info_of, signed_data
from keyworks.cms.verification import parse_signed_data
from keyworks.keys.software import SoftwareSigner
from keyworks.x509.certificate import Certificate
from keyworks.x509.der import encode, sequence_of, wrap
from keyworks.x509.name import Name

SHA256 = sequence_of([encode(ObjectIdentifier(oids.SHA256))])
NONCE = wrap(0x04, b"0123456789abcdef")
TRANSACTION = b"\x02\x02\x10\x01"


def control(number: int, oid: str, *values: bytes) -> bytes:
    return sequence_of([encode(number), encode(ObjectIdentifier(oid)), wrap(0x31, b"".join(sorted(values)))])


def tcr(number: int, der: bytes) -> bytes:
    """Return a PKCS#10 request as a part of a message."""
    return wrap(0xA0, encode(number) + der)


def crm(der: bytes) -> bytes:
    """Return a CRMF request as a part of a message; it carries its number itself."""
    return b"\xa1" + der[1:]


def revoke_request(number: int, certificate: Certificate, reason: int = 1, more: bytes = b"") -> bytes:
    """Return a control that asks for a certificate's revocation."""
    named = [certificate.issuer.der, encode(certificate.serial_number), wrap(0x0A, bytes((reason,))), more]
    return control(number, oids.CMC_REVOKE_REQUEST, sequence_of(named))


def pki_data(
    requests: Sequence[bytes] = (),
    controls: Sequence[bytes] = (),
    cms: bytes = b"\x30\x00",
    other: bytes = b"\x30\x00",
) -> bytes:
    return sequence_of([sequence_of(controls), sequence_of(requests), cms, other])


async def by_certificate(
    content: bytes, signer: Signer, *certificates: bytes, content_type: str = oids.CCT_PKI_DATA
) -> bytes:
    """Return the message, signed with a certificate; the signer's comes first."""
    return content_info_of(oids.CMS_SIGNED_DATA, await signed_data(content_type, content, signer, certificates))


def sha1_identifier(signer: SoftwareSigner) -> bytes:
    """Return the key identifier of RFC 5280 §4.2.1.2 (1)."""
    key: Any = load_der_public_key(signer.public_key.spki)
    return x509.SubjectKeyIdentifier.from_public_key(key).digest


async def by_key(content: bytes, signer: SoftwareSigner, identifier: bytes | None = None) -> bytes:
    """Return the message, signed with a P-256 key that has no certificate, named by its identifier."""
    attributes = sorted(
        [
            sequence_of(
                [
                    encode(ObjectIdentifier(oids.CONTENT_TYPE)),
                    wrap(0x31, encode(ObjectIdentifier(oids.CCT_PKI_DATA))),
                ]
            ),
            sequence_of(
                [
                    encode(ObjectIdentifier(oids.MESSAGE_DIGEST)),
                    wrap(0x31, wrap(4, hashlib.sha256(content).digest())),
                ]
            ),
        ]
    )
    signature = await signer.sign(wrap(0x31, b"".join(attributes)))
    info = sequence_of(
        [
            encode(3),
            wrap(0x80, identifier if identifier is not None else sha1_identifier(signer)),
            SHA256,
            wrap(0xA0, b"".join(attributes)),
            signer.algorithm.identifier,
            wrap(0x04, signature),
        ]
    )
    inside = sequence_of([encode(ObjectIdentifier(oids.CCT_PKI_DATA)), wrap(0xA0, wrap(0x04, content))])
    signed = sequence_of([encode(3), wrap(0x31, SHA256), inside, wrap(0x31, info)])
    return content_info_of(oids.CMS_SIGNED_DATA, signed)


@dataclass(frozen=True)
class Status:
    """CMCStatusInfoV2 as pyasn1 reads it."""

    status: str
    fail_info: str | None
    sentence: str
    pending: bool


@dataclass(frozen=True)
class Response:
    """A Full PKI Response whose signature was verified.

    Args:
        parts: What became of each part.
        controls: The values of the other controls, DER, by object identifier.
        certificates: All that came.
        signer: Whose key signed.
    """

    parts: Mapping[int, Status]
    controls: Mapping[str, bytes]
    certificates: tuple[bytes, ...]
    signer: Certificate

    def certificate_of(self, signer: SoftwareSigner) -> Certificate:
        """Return the certificate over a key."""
        [found] = [
            der
            for der in self.certificates
            if x509.load_der_x509_certificate(der)
            .public_key()
            .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            == signer.public_key.spki
        ]
        return Certificate.parse(found)


def response_of(body: bytes) -> Response:
    """Return what a reply says, its one signature verified with a certificate in it."""
    message = parse_signed_data(base64.b64decode(body))
    assert message.content_type == oids.CCT_PKI_RESPONSE
    [info] = message.signer_infos
    known = [Certificate.parse(der) for der in message.certificates]
    [signer] = [one for one in known if info.certificate == (one.issuer.der, one.serial_number)]
    info.verify(signer.public_key)
    content, rest = decoder.decode(message.content, asn1Spec=rfc6402.PKIResponse())
    assert rest == b""
    parts: dict[int, Status] = {}
    controls: dict[str, bytes] = {}
    for one in content["controlSequence"]:
        [value] = one["attrValues"]
        if str(one["attrType"]) != oids.CMC_STATUS_INFO_V2:
            controls[str(one["attrType"])] = bytes(value)
            continue
        read, rest = decoder.decode(bytes(value), asn1Spec=rfc6402.CMCStatusInfoV2())
        assert rest == b""
        [part] = read["bodyList"]
        parts[int(part["bodyPartID"])] = _status(read)
    return Response(parts, controls, message.certificates, signer)


def _status(read: Any) -> Status:
    other = read["otherInfo"].getName() if read["otherInfo"].hasValue() else None
    return Status(
        read["cMCStatus"].prettyPrint(),
        read["otherInfo"]["failInfo"].prettyPrint() if other == "failInfo" else None,
        str(read["statusString"]) if read["statusString"].hasValue() else "",
        other == "pendInfo",
    )


def name(serial_number: str) -> Name:
    return Name.of((oids.SERIAL_NUMBER, serial_number))
