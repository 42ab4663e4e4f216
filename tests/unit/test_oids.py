"""Object identifiers, held against the lists of cryptography and pyasn1."""

import re

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import oid as theirs
from pyasn1_alt_modules import rfc6402, rfc8995, rfc9480, rfc9809

from keyworks import oids

OURS = {name: value for name, value in vars(oids).items() if name.isupper()}
_LISTS = (
    theirs.ExtensionOID,
    theirs.NameOID,
    theirs.ExtendedKeyUsageOID,
    theirs.SignatureAlgorithmOID,
    theirs.PublicKeyAlgorithmOID,
    theirs.AttributeOID,
    ec.EllipticCurveOID,
)
_OTHER_NAMES = {
    "ACCESS_CA_ISSUERS": theirs.AuthorityInformationAccessOID.CA_ISSUERS,
    "ACCESS_OCSP": theirs.AuthorityInformationAccessOID.OCSP,
    "AUTHORITY_INFORMATION_ACCESS": theirs.ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
    "SUBJECT_ALT_NAME": theirs.ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    "SHA256_WITH_RSA": theirs.SignatureAlgorithmOID.RSA_WITH_SHA256,
    "SHA384_WITH_RSA": theirs.SignatureAlgorithmOID.RSA_WITH_SHA384,
    "SHA512_WITH_RSA": theirs.SignatureAlgorithmOID.RSA_WITH_SHA512,
    "RSA_ENCRYPTION": theirs.PublicKeyAlgorithmOID.RSAES_PKCS1_v1_5,
    "EC_PUBLIC_KEY": theirs.PublicKeyAlgorithmOID.EC_PUBLIC_KEY,
}
_UNKNOWN_TO_CRYPTOGRAPHY = {
    "CMS_ENVELOPED_DATA": "1.2.840.113549.1.7.3",
    "CONTENT_TYPE": "1.2.840.113549.1.9.3",
    "MESSAGE_DIGEST": "1.2.840.113549.1.9.4",
    "KEY_PACKAGE": "2.16.840.1.101.2.1.2.78.5",
    "DECRYPT_KEY_ID": "1.2.840.113549.1.9.16.2.37",
    "ASYMMETRIC_DECRYPT_KEY_ID": "1.2.840.113549.1.9.16.2.54",
    "SMIME_CAPABILITIES": "1.2.840.113549.1.9.15",
    "SHA256": "2.16.840.1.101.3.4.2.1",
    "SHA384": "2.16.840.1.101.3.4.2.2",
    "SHA512": "2.16.840.1.101.3.4.2.3",
    "AES128_CBC": "2.16.840.1.101.3.4.1.2",
    "AES192_CBC": "2.16.840.1.101.3.4.1.22",
    "AES256_CBC": "2.16.840.1.101.3.4.1.42",
    "AES128_WRAP": "2.16.840.1.101.3.4.1.5",
    "AES192_WRAP": "2.16.840.1.101.3.4.1.25",
    "AES256_WRAP": "2.16.840.1.101.3.4.1.45",
    "RSAES_OAEP": "1.2.840.113549.1.1.7",
    "MGF1": "1.2.840.113549.1.1.8",
    "ECDH_SHA256_KDF": "1.3.132.1.11.1",
    "ECDH_SHA384_KDF": "1.3.132.1.11.2",
    "ECDH_SHA512_KDF": "1.3.132.1.11.3",
    "CERTIFICATION_REQUEST_INFO_TEMPLATE": "1.2.840.113549.1.9.16.2.61",
    "EXTENSION_REQUEST_TEMPLATE": "1.2.840.113549.1.9.16.2.62",
    "CMS_DATA": "1.2.840.113549.1.7.1",
    "CMS_SIGNED_DATA": "1.2.840.113549.1.7.2",
    "EXTENSION_REQUEST": "1.2.840.113549.1.9.14",
    "HARDWARE_MODULE_NAME": "1.3.6.1.5.5.7.8.4",
    "KP_CMC_RA": "1.3.6.1.5.5.7.3.28",
    "USER_PRINCIPAL_NAME": "1.3.6.1.4.1.311.20.2.3",
    "SHAKE256": "2.16.840.1.101.3.4.2.12",
}
_IN_PYASN1 = {
    "KP_CM_KGA": rfc9480.id_kp_cmKGA,
    "KP_CONFIG_SIGNING": rfc9809.id_kp_configSigning,
    "KP_SAFETY_COMMUNICATION": rfc9809.id_kp_safetyCommunication,
    "KP_TRUST_ANCHOR_CONFIG_SIGNING": rfc9809.id_kp_trustAnchorConfigSigning,
    "KP_UPDATE_PACKAGE_SIGNING": rfc9809.id_kp_updatePackageSigning,
    "MASA_URL": rfc8995.id_pe_masa_url,
    "CCT_PKI_DATA": rfc6402.id_cct_PKIData,
    "CCT_PKI_RESPONSE": rfc6402.id_cct_PKIResponse,
    "CMC_CHANGE_SUBJECT_NAME": rfc6402.id_cmc_changeSubjectName,
    "CMC_IDENTIFICATION": rfc6402.id_cmc_identification,
    "CMC_IDENTITY_PROOF": rfc6402.id_cmc_identityProof,
    "CMC_DATA_RETURN": rfc6402.id_cmc_dataReturn,
    "CMC_TRANSACTION_ID": rfc6402.id_cmc_transactionId,
    "CMC_SENDER_NONCE": rfc6402.id_cmc_senderNonce,
    "CMC_RECIPIENT_NONCE": rfc6402.id_cmc_recipientNonce,
    "CMC_LRA_POP_WITNESS": rfc6402.id_cmc_lraPOPWitness,
    "CMC_REVOKE_REQUEST": rfc6402.id_cmc_revokeRequest,
    "CMC_REG_INFO": rfc6402.id_cmc_regInfo,
    "CMC_QUERY_PENDING": rfc6402.id_cmc_queryPending,
    "CMC_POP_LINK_RANDOM": rfc6402.id_cmc_popLinkRandom,
    "CMC_POP_LINK_WITNESS": rfc6402.id_cmc_popLinkWitness,
    "CMC_STATUS_INFO_V2": rfc6402.id_cmc_statusInfoV2,
    "CMC_IDENTITY_PROOF_V2": rfc6402.id_cmc_identityProofV2,
    "CMC_POP_LINK_WITNESS_V2": rfc6402.id_cmc_popLinkWitnessV2,
}


def _in_cryptography(name: str) -> str | None:
    if name in _IN_PYASN1:
        return str(_IN_PYASN1[name])
    if name in _OTHER_NAMES:
        return _OTHER_NAMES[name].dotted_string
    for kind in _LISTS:
        found = getattr(kind, name.removeprefix("KP_"), None)
        if found is not None:
            return str(found.dotted_string)
    return _UNKNOWN_TO_CRYPTOGRAPHY.get(name)


@pytest.mark.parametrize("name", OURS)
def test_every_identifier_is_what_others_know_under_its_name(name: str) -> None:
    assert OURS[name] == _in_cryptography(name)


def test_no_identifier_has_two_names() -> None:
    assert len(set(OURS.values())) == len(OURS)
    assert all(re.fullmatch(r"[012](\.(0|[1-9][0-9]*))+", value) for value in OURS.values())
