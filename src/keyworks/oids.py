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

# RFC 5280 §4.2.2.1: access methods
ACCESS_CA_ISSUERS: Final = "1.3.6.1.5.5.7.48.2"
ACCESS_OCSP: Final = "1.3.6.1.5.5.7.48.1"

# RFC 5280 §4.2.1.12; cmcRA: RFC 6402 §2.10
ANY_EXTENDED_KEY_USAGE: Final = "2.5.29.37.0"
KP_SERVER_AUTH: Final = "1.3.6.1.5.5.7.3.1"
KP_CLIENT_AUTH: Final = "1.3.6.1.5.5.7.3.2"
KP_CODE_SIGNING: Final = "1.3.6.1.5.5.7.3.3"
KP_TIME_STAMPING: Final = "1.3.6.1.5.5.7.3.8"
KP_CMC_RA: Final = "1.3.6.1.5.5.7.3.28"

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

# RFC 2985 §5.4: attributes of a certification request
CHALLENGE_PASSWORD: Final = "1.2.840.113549.1.9.7"
EXTENSION_REQUEST: Final = "1.2.840.113549.1.9.14"

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
