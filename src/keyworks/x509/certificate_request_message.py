"""Requests for certificates in CRMF, whose sender proves possession by signing with the key itself.

Source: RFC 4211 §3 to §5. RFC 4211's other proofs (by decryption, by a registration authority's word) and its
controls are refused: none may pass for having been looked at.
"""

from dataclasses import dataclass
from typing import Final

from cryptography.hazmat import asn1

from keyworks import oids
from keyworks.algorithms.public_key import PublicKey
from keyworks.algorithms.registry import BY_IDENTIFIER
from keyworks.asn1 import rfc4211
from keyworks.errors import BadProofOfPossession, BadSignature, MalformedRequest
from keyworks.x509.der import octets_of, sequence_of
from keyworks.x509.extensions import extensions_of, parse_subject_alt_name
from keyworks.x509.name import Name
from keyworks.x509.template import MAX_REQUEST_OCTETS, KeyedTemplate

_V3: Final = 2


@dataclass(frozen=True, slots=True)
class _Decoded:
    message: rfc4211.CertReqMsg
    signed: bytes
    request: rfc4211.CertRequest


def parse_certificate_request_message(der: bytes) -> KeyedTemplate:
    """Return what a CRMF request asks for, its proof of possession checked.

    Raises:
        MalformedRequest: It is no CertReqMsg, larger than anybody needs, or asks for what only an issuer says.
        BadSubjectKey: The key is weak, malformed, or of a type that is not certified.
        BadProofOfPossession: Its signature does not verify with its key, or it has another proof, or none.
    """
    decoded = _decode(der)
    wanted = decoded.request.cert_template
    _check_template(wanted)
    if decoded.request.controls is not None:
        raise MalformedRequest("Controls of a CRMF request are not understood here; leave them out.")
    if wanted.subject is None or wanted.public_key is None:
        raise MalformedRequest(
            "The CRMF template has to name the subject (it may be empty) and the public key (RFC 4211 §4.1)."
        )
    subject = sequence_of([octets_of(one) for one in wanted.subject])
    public_key = PublicKey.parse(sequence_of([octets_of(one) for one in wanted.public_key]))
    extensions = extensions_of(wanted.extensions)
    names = next((one.value for one in extensions if one.oid == oids.SUBJECT_ALT_NAME), None)
    template = KeyedTemplate(
        subject=Name.parse(subject),
        public_key=public_key,
        subject_alt_name=parse_subject_alt_name(names) if names is not None else None,
        extensions=extensions,
        challenge_password=None,
        der=der,
    )
    _check_possession(public_key, decoded)
    return template


def cert_req_id_of(der: bytes) -> int:
    """Return what a CRMF request is called in its message.

    Raises:
        MalformedRequest: It is no CertReqMsg.
    """
    return _decode(der).request.cert_req_id


def _decode(der: bytes) -> _Decoded:
    if len(der) > MAX_REQUEST_OCTETS:
        raise MalformedRequest(
            f"The request has {len(der)} octets; at most {MAX_REQUEST_OCTETS} are looked at."
        )
    try:
        message = asn1.decode_der(rfc4211.CertReqMsg, der)
        signed = octets_of(message.cert_req)
        return _Decoded(message, signed, asn1.decode_der(rfc4211.CertRequest, signed))
    except ValueError as error:
        raise MalformedRequest("The request is not a CRMF CertReqMsg (RFC 4211 §3).") from error


def _check_template(wanted: rfc4211.CertTemplate) -> None:
    """Refuse fields that MUST be omitted (§5); issuer and validity are wishes, and the profile decides."""
    if wanted.version not in (None, _V3):
        raise MalformedRequest("The CRMF template asks for another certificate than one of version 3.")
    forbidden = (wanted.serial_number, wanted.signing_alg, wanted.issuer_uid, wanted.subject_uid)
    if any(one is not None for one in forbidden):
        raise MalformedRequest(
            "The CRMF template has a serial number, signature algorithm or unique identifier; "
            "leave those out (RFC 4211 §5)."
        )


def _check_possession(public_key: PublicKey, decoded: _Decoded) -> None:
    proof = decoded.message.popo
    if not isinstance(proof, rfc4211.POPOSigningKey):
        raise BadProofOfPossession(
            "The CRMF request has no proof of possession by signature; sign it with the device's own key."
        )
    if proof.poposk_input is not None:
        raise BadProofOfPossession(
            "The CRMF request is signed over poposkInput; with subject and key in the template, "
            "sign the CertRequest itself (RFC 4211 §4.1)."
        )
    algorithm = BY_IDENTIFIER.get(octets_of(proof.algorithm_identifier))
    if algorithm is None or proof.signature.padding_bits():
        raise BadProofOfPossession(
            "The CRMF request is signed with an algorithm that proves nothing today; "
            "use SHA-256 or better with RSA or ECDSA, Ed25519, Ed448 or ML-DSA."
        )
    try:
        public_key.verify(proof.signature.as_bytes(), decoded.signed, algorithm)
    except BadSignature as error:
        raise BadProofOfPossession(
            "The CRMF request's signature does not verify with the key in it; "
            "sign it with the device's own key."
        ) from error
