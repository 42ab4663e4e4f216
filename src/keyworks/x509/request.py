"""Making a request for a certificate: the requester's side of ``template``.

Source: RFC 2986 §4.
"""

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from keyworks import oids
from keyworks.algorithms.signer import Signer
from keyworks.asn1 import rfc2986, rfc5280
from keyworks.x509.changed_names import ChangedNames
from keyworks.x509.der import encode, sequence_of, tlv
from keyworks.x509.general_name import SubjectAltName
from keyworks.x509.name import Name


async def encode_certification_request(
    subject: Name,
    signer: Signer,
    subject_alt_name: SubjectAltName | None = None,
    challenge_password: str | None = None,
    changed_names: ChangedNames | None = None,
) -> bytes:
    """Return a DER PKCS#10 request, signed with the key to be certified.

    Args:
        subject: The name asked for; may be empty.
        signer: Holds the key to be certified.
        subject_alt_name: Alternative names asked for.
        challenge_password: RFC 2985's.
        changed_names: What a certificate's successor shall be called, while the subject is as it was.
    """
    attributes = []
    if subject_alt_name is not None:
        extension = rfc5280.Extension(
            extn_id=ObjectIdentifier(oids.SUBJECT_ALT_NAME),
            critical=subject.is_empty,
            extn_value=subject_alt_name.encode(),
        )
        attributes.append(_attribute(oids.EXTENSION_REQUEST, sequence_of([encode(extension)])))
    if challenge_password is not None:
        attributes.append(_attribute(oids.CHALLENGE_PASSWORD, encode(challenge_password)))
    if changed_names is not None:
        attributes.append(_attribute(oids.CMC_CHANGE_SUBJECT_NAME, changed_names.encode()))
    unsigned = encode(
        rfc2986.CertificationRequestInfo(
            version=0,
            subject=tlv(subject.der),
            subject_pk_info=tlv(signer.public_key.spki),
            attributes=asn1.SetOf(attributes),
        )
    )
    return encode(
        rfc2986.CertificationRequest(
            certification_request_info=tlv(unsigned),
            signature_algorithm=tlv(signer.algorithm.identifier),
            signature=asn1.BitString(await signer.sign(unsigned), 0),
        )
    )


def _attribute(oid: str, value: bytes) -> rfc2986.Attribute:
    return rfc2986.Attribute(type=ObjectIdentifier(oid), values=asn1.SetOf([tlv(value)]))
