"""Object identifiers in dotted form, each group with its source."""

from typing import Final

# RFC 5280 §4.2.1, §4.2.2: certificate extensions
SUBJECT_KEY_IDENTIFIER: Final = "2.5.29.14"
KEY_USAGE: Final = "2.5.29.15"
SUBJECT_ALT_NAME: Final = "2.5.29.17"
BASIC_CONSTRAINTS: Final = "2.5.29.19"
NAME_CONSTRAINTS: Final = "2.5.29.30"
CRL_DISTRIBUTION_POINTS: Final = "2.5.29.31"
AUTHORITY_KEY_IDENTIFIER: Final = "2.5.29.35"
EXTENDED_KEY_USAGE: Final = "2.5.29.37"
AUTHORITY_INFORMATION_ACCESS: Final = "1.3.6.1.5.5.7.1.1"

# RFC 6960 §4.2.2.2.1: of an OCSP responder, whose own status is not asked for
OCSP_NO_CHECK: Final = "1.3.6.1.5.5.7.48.1.5"

# RFC 8995 §2.3.2: where a device's manufacturer gives vouchers
MASA_URL: Final = "1.3.6.1.5.5.7.1.32"

# RFC 5280 §4.2.2.1: access methods
ACCESS_CA_ISSUERS: Final = "1.3.6.1.5.5.7.48.2"
ACCESS_OCSP: Final = "1.3.6.1.5.5.7.48.1"

# RFC 5280 §4.2.1.12; ipsecIKE: RFC 4945 §5.1.3.12; cmcRA: RFC 6402 §2.10; cmKGA: RFC 9480 §2.2
ANY_EXTENDED_KEY_USAGE: Final = "2.5.29.37.0"
KP_SERVER_AUTH: Final = "1.3.6.1.5.5.7.3.1"
KP_CLIENT_AUTH: Final = "1.3.6.1.5.5.7.3.2"
KP_CODE_SIGNING: Final = "1.3.6.1.5.5.7.3.3"
KP_TIME_STAMPING: Final = "1.3.6.1.5.5.7.3.8"
KP_OCSP_SIGNING: Final = "1.3.6.1.5.5.7.3.9"
KP_IPSEC_IKE: Final = "1.3.6.1.5.5.7.3.17"
KP_CMC_RA: Final = "1.3.6.1.5.5.7.3.28"
KP_CM_KGA: Final = "1.3.6.1.5.5.7.3.32"

# RFC 9809 §3: what is signed or protected in automation
KP_CONFIG_SIGNING: Final = "1.3.6.1.5.5.7.3.41"
KP_TRUST_ANCHOR_CONFIG_SIGNING: Final = "1.3.6.1.5.5.7.3.42"
KP_UPDATE_PACKAGE_SIGNING: Final = "1.3.6.1.5.5.7.3.43"
KP_SAFETY_COMMUNICATION: Final = "1.3.6.1.5.5.7.3.44"

# RFC 5280 appendix A.1: attribute types
COMMON_NAME: Final = "2.5.4.3"
SURNAME: Final = "2.5.4.4"
SERIAL_NUMBER: Final = "2.5.4.5"
COUNTRY_NAME: Final = "2.5.4.6"
LOCALITY_NAME: Final = "2.5.4.7"
STATE_OR_PROVINCE_NAME: Final = "2.5.4.8"
ORGANIZATION_NAME: Final = "2.5.4.10"
ORGANIZATIONAL_UNIT_NAME: Final = "2.5.4.11"
TITLE: Final = "2.5.4.12"
GIVEN_NAME: Final = "2.5.4.42"
DN_QUALIFIER: Final = "2.5.4.46"
DOMAIN_COMPONENT: Final = "0.9.2342.19200300.100.1.25"
EMAIL_ADDRESS: Final = "1.2.840.113549.1.9.1"

# RFC 4108 §5: the name of a hardware module in subjectAltName
HARDWARE_MODULE_NAME: Final = "1.3.6.1.5.5.7.8.4"

# MS-WCCE §2.2.2.7.7.4: a person's account in subjectAltName
USER_PRINCIPAL_NAME: Final = "1.3.6.1.4.1.311.20.2.3"

# RFC 2985 §5.4: attributes of a certification request
CHALLENGE_PASSWORD: Final = "1.2.840.113549.1.9.7"
EXTENSION_REQUEST: Final = "1.2.840.113549.1.9.14"

# RFC 9908 §3.4: what an EST server wants in a request
CERTIFICATION_REQUEST_INFO_TEMPLATE: Final = "1.2.840.113549.1.9.16.2.61"
EXTENSION_REQUEST_TEMPLATE: Final = "1.2.840.113549.1.9.16.2.62"

# RFC 3279 §2.3, RFC 5480 §2.1, RFC 8410 §3, RFC 9881 §2: public keys
RSA_ENCRYPTION: Final = "1.2.840.113549.1.1.1"
EC_PUBLIC_KEY: Final = "1.2.840.10045.2.1"
SECP256R1: Final = "1.2.840.10045.3.1.7"
SECP384R1: Final = "1.3.132.0.34"
SECP521R1: Final = "1.3.132.0.35"
ED25519: Final = "1.3.101.112"
ED448: Final = "1.3.101.113"
ML_DSA_44: Final = "2.16.840.1.101.3.4.3.17"
ML_DSA_65: Final = "2.16.840.1.101.3.4.3.18"
ML_DSA_87: Final = "2.16.840.1.101.3.4.3.19"

# RFC 4055 §5, RFC 5758 §3.2: signatures
SHA256_WITH_RSA: Final = "1.2.840.113549.1.1.11"
SHA384_WITH_RSA: Final = "1.2.840.113549.1.1.12"
SHA512_WITH_RSA: Final = "1.2.840.113549.1.1.13"
ECDSA_WITH_SHA256: Final = "1.2.840.10045.4.3.2"
ECDSA_WITH_SHA384: Final = "1.2.840.10045.4.3.3"
ECDSA_WITH_SHA512: Final = "1.2.840.10045.4.3.4"

# RFC 5652 §4, §5
CMS_DATA: Final = "1.2.840.113549.1.7.1"
CMS_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
CMS_ENVELOPED_DATA: Final = "1.2.840.113549.1.7.3"

# RFC 5652 §11: signed attributes
CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"

# RFC 5958 §2: private keys as CMS content
KEY_PACKAGE: Final = "2.16.840.1.101.2.1.2.78.5"

# RFC 4108 §2.2.5, RFC 7030 §4.4.1.2, RFC 8551 §2.5.2: how a key made for the requester is to be encrypted
DECRYPT_KEY_ID: Final = "1.2.840.113549.1.9.16.2.37"
ASYMMETRIC_DECRYPT_KEY_ID: Final = "1.2.840.113549.1.9.16.2.54"
SMIME_CAPABILITIES: Final = "1.2.840.113549.1.9.15"

# RFC 5754 §2: digests
SHA256: Final = "2.16.840.1.101.3.4.2.1"
SHA384: Final = "2.16.840.1.101.3.4.2.2"
SHA512: Final = "2.16.840.1.101.3.4.2.3"

# RFC 3565 §2.3, §4.1: AES, and AES key wrap
AES128_CBC: Final = "2.16.840.1.101.3.4.1.2"
AES192_CBC: Final = "2.16.840.1.101.3.4.1.22"
AES256_CBC: Final = "2.16.840.1.101.3.4.1.42"
AES128_WRAP: Final = "2.16.840.1.101.3.4.1.5"
AES192_WRAP: Final = "2.16.840.1.101.3.4.1.25"
AES256_WRAP: Final = "2.16.840.1.101.3.4.1.45"

# RFC 8017 A.2.1, RFC 5753 §7.1.4: key transport, key agreement
RSAES_OAEP: Final = "1.2.840.113549.1.1.7"
MGF1: Final = "1.2.840.113549.1.1.8"
ECDH_SHA256_KDF: Final = "1.3.132.1.11.1"
ECDH_SHA384_KDF: Final = "1.3.132.1.11.2"
ECDH_SHA512_KDF: Final = "1.3.132.1.11.3"

# RFC 5272 §3.2, §6: Certificate Management over CMS
CCT_PKI_DATA: Final = "1.3.6.1.5.5.7.12.2"
CCT_PKI_RESPONSE: Final = "1.3.6.1.5.5.7.12.3"
CMC_IDENTIFICATION: Final = "1.3.6.1.5.5.7.7.2"
CMC_IDENTITY_PROOF: Final = "1.3.6.1.5.5.7.7.3"
CMC_DATA_RETURN: Final = "1.3.6.1.5.5.7.7.4"
CMC_TRANSACTION_ID: Final = "1.3.6.1.5.5.7.7.5"
CMC_SENDER_NONCE: Final = "1.3.6.1.5.5.7.7.6"
CMC_RECIPIENT_NONCE: Final = "1.3.6.1.5.5.7.7.7"
CMC_LRA_POP_WITNESS: Final = "1.3.6.1.5.5.7.7.11"
CMC_REVOKE_REQUEST: Final = "1.3.6.1.5.5.7.7.17"
CMC_REG_INFO: Final = "1.3.6.1.5.5.7.7.18"
CMC_QUERY_PENDING: Final = "1.3.6.1.5.5.7.7.21"
CMC_POP_LINK_RANDOM: Final = "1.3.6.1.5.5.7.7.22"
CMC_POP_LINK_WITNESS: Final = "1.3.6.1.5.5.7.7.23"
CMC_STATUS_INFO_V2: Final = "1.3.6.1.5.5.7.7.25"
CMC_CHANGE_SUBJECT_NAME: Final = "1.3.6.1.5.5.7.7.36"
CMC_IDENTITY_PROOF_V2: Final = "1.3.6.1.5.5.7.7.34"
CMC_POP_LINK_WITNESS_V2: Final = "1.3.6.1.5.5.7.7.33"

# RFC 8419 §2.3: the digest of what is signed with Ed448
SHAKE256: Final = "2.16.840.1.101.3.4.2.12"
