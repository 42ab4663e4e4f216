"""Extensions: what we build is what cryptography builds; what cryptography builds, we read."""

import ipaddress

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from keyworks import oids
from keyworks.asn1 import rfc5280
from keyworks.errors import MalformedRequest
from keyworks.x509 import extensions as x
from keyworks.x509.general_name import GeneralName, SubjectAltName
from tests.unit.x509.chains import key_usage

USAGES = {
    "digitalSignature": "digital_signature",
    "nonRepudiation": "content_commitment",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
}


def uris(*urls: str) -> list[x509.GeneralName]:
    return [x509.UniformResourceIdentifier(url) for url in urls]


def described(method: x509.ObjectIdentifier, url: str) -> x509.AccessDescription:
    return x509.AccessDescription(method, x509.UniformResourceIdentifier(url))


OCSP, CA_ISSUERS = AuthorityInformationAccessOID.OCSP, AuthorityInformationAccessOID.CA_ISSUERS
BUILT: list[tuple[x.Extension, bool, x509.ExtensionType]] = [
    (x.basic_constraints(ca=True, path_length=None), True, x509.BasicConstraints(ca=True, path_length=None)),
    (x.basic_constraints(ca=True, path_length=0), True, x509.BasicConstraints(ca=True, path_length=0)),
    (x.basic_constraints(ca=False, path_length=None), True, x509.BasicConstraints(ca=False, path_length=None)),
    (x.subject_key_identifier(b"k" * 20), False, x509.SubjectKeyIdentifier(b"k" * 20)),
    (x.authority_key_identifier(b"k" * 20), False, x509.AuthorityKeyIdentifier(b"k" * 20, None, None)),
    (
        x.extended_key_usage([oids.KP_CLIENT_AUTH, oids.KP_SERVER_AUTH]),
        False,
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
    ),
    (
        x.extended_key_usage([oids.KP_TIME_STAMPING], critical=True),
        True,
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]),
    ),
    (
        x.subject_alt_name(SubjectAltName(dns=("a.example",)), critical=True),
        True,
        x509.SubjectAlternativeName([x509.DNSName("a.example")]),
    ),
    (
        x.crl_distribution_points(["http://a.example/1.crl", "http://b.example/1.crl"]),
        False,
        x509.CRLDistributionPoints(
            [x509.DistributionPoint(uris("http://a.example/1.crl", "http://b.example/1.crl"), None, None, None)]
        ),
    ),
    (
        x.authority_information_access(ca_issuers=["http://a.example/ca"], ocsp=["http://a.example/ocsp"]),
        False,
        x509.AuthorityInformationAccess(
            [described(OCSP, "http://a.example/ocsp"), described(CA_ISSUERS, "http://a.example/ca")]
        ),
    ),
    (x.ocsp_no_check(), False, x509.OCSPNoCheck()),
    (
        x.masa_url("https://masa.example"),
        False,
        x509.UnrecognizedExtension(x509.ObjectIdentifier(oids.MASA_URL), b"\x16\x14https://masa.example"),
    ),
    (
        x.name_constraints(
            permitted=[GeneralName("dns", "plant.example"), GeneralName("ip", "10.0.0.0/8")],
            excluded=[GeneralName("ip", "2001:db8::/32")],
        ),
        True,
        x509.NameConstraints(
            [x509.DNSName("plant.example"), x509.IPAddress(ipaddress.ip_network("10.0.0.0/8"))],
            [x509.IPAddress(ipaddress.ip_network("2001:db8::/32"))],
        ),
    ),
]


@pytest.mark.parametrize(("ours", "critical", "theirs"), BUILT)
def test_an_extension_is_built_as_others_build_it(
    ours: x.Extension, critical: bool, theirs: x509.ExtensionType
) -> None:
    assert ours == x.Extension(theirs.oid.dotted_string, critical, theirs.public_bytes())


@pytest.mark.parametrize(
    "names", [*((name,) for name in USAGES), tuple(USAGES), ("digitalSignature", "cRLSign")]
)
def test_key_usage_is_built_and_read_as_others_do(names: tuple[str, ...]) -> None:
    """RFC 5280 §4.2.1.3; X.690 §11.2.2 (no trailing zero bits)."""
    theirs = key_usage(*(USAGES[name] for name in names)).public_bytes()
    assert x.key_usage(frozenset(names)) == x.Extension(oids.KEY_USAGE, critical=True, value=theirs)
    assert x.parse_key_usage(theirs) == frozenset(names)


def test_key_usage_of_nine_bits_takes_two_octets() -> None:
    names = frozenset({"keyAgreement", "decipherOnly"})
    assert x.key_usage(names).value == key_usage("key_agreement", "decipher_only").public_bytes()
    assert x.parse_key_usage(x.key_usage(names).value) == names


@pytest.mark.parametrize(("ca", "path_length"), [(True, None), (True, 0), (True, 7), (False, None)])
def test_basic_constraints_are_read(ca: bool, path_length: int | None) -> None:
    theirs = x509.BasicConstraints(ca=ca, path_length=path_length).public_bytes()
    assert x.parse_basic_constraints(theirs) == (ca, path_length)


def test_a_path_length_is_a_number_that_a_path_could_have() -> None:
    longest = bytes.fromhex("30090101ff02047fffffff")
    assert x.parse_basic_constraints(longest) == (True, (1 << 31) - 1)
    for beyond in ("300a0101ff02050080000000", "30060101ff0201ff"):
        with pytest.raises(MalformedRequest, match="pathLenConstraint is negative, or longer than any path"):
            x.parse_basic_constraints(bytes.fromhex(beyond))


def test_key_identifiers_are_read() -> None:
    assert x.parse_subject_key_identifier(x509.SubjectKeyIdentifier(b"12345").public_bytes()) == b"12345"
    full = x509.AuthorityKeyIdentifier(
        b"12345", [x509.DirectoryName(x509.Name([]))], authority_cert_serial_number=7
    )
    assert x.parse_authority_key_identifier(full.public_bytes()) == b"12345"
    assert x.parse_authority_key_identifier(b"\x30\x00") is None


def test_purposes_are_read_in_order() -> None:
    purposes = [ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.CLIENT_AUTH]
    value = x509.ExtendedKeyUsage(purposes).public_bytes()
    assert x.parse_extended_key_usage(value) == (oids.KP_CODE_SIGNING, oids.KP_CLIENT_AUTH)


def test_access_locations_are_read() -> None:
    elsewhere = x509.AccessDescription(CA_ISSUERS, x509.DirectoryName(x509.Name([])))
    value = x509.AuthorityInformationAccess([described(OCSP, "http://a.example/"), elsewhere]).public_bytes()
    assert x.parse_authority_information_access(value) == ((oids.ACCESS_OCSP, "http://a.example/"),)


def test_distribution_points_are_read() -> None:
    points = [
        x509.DistributionPoint(uris("http://a.example/1.crl", "ldap://a.example/x"), None, None, None),
        x509.DistributionPoint(uris("http://b.example/1.crl"), None, None, None),
    ]
    value = x509.CRLDistributionPoints(points).public_bytes()
    assert x.parse_crl_distribution_points(value) == (
        "http://a.example/1.crl",
        "ldap://a.example/x",
        "http://b.example/1.crl",
    )


PARSERS = [
    x.parse_basic_constraints,
    x.parse_key_usage,
    x.parse_extended_key_usage,
    x.parse_subject_key_identifier,
    x.parse_authority_key_identifier,
    x.parse_subject_alt_name,
    x.parse_authority_information_access,
    x.parse_crl_distribution_points,
]


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize(
    "value", ["", "00", "0500", "3001", "30800000", "31020500", "30020500", "30030101ff00"]
)
def test_what_is_no_such_extension_is_refused_as_malformed(parser: object, value: str) -> None:
    assert callable(parser)
    with pytest.raises(MalformedRequest, match=r"malformed|not supported \(tag 0x5\)"):
        parser(bytes.fromhex(value))


def listed(*numbers: int) -> list[rfc5280.Extension]:
    return [
        rfc5280.Extension(extn_id=x509.ObjectIdentifier(f"1.2.{number}"), critical=False, extn_value=b"")
        for number in numbers
    ]


def test_the_number_of_extensions_is_bounded() -> None:
    assert len(x.extensions_of(listed(*range(x.MAX_EXTENSIONS)))) == x.MAX_EXTENSIONS
    with pytest.raises(MalformedRequest, match=f"There are {x.MAX_EXTENSIONS + 1} extensions; at most"):
        x.extensions_of(listed(*range(x.MAX_EXTENSIONS + 1)))


def test_an_extension_comes_once() -> None:
    """RFC 5280 §4.2: MUST NOT include more than one instance."""
    with pytest.raises(MalformedRequest, match="An extension appears twice"):
        x.extensions_of(listed(1, 2, 1))
    assert x.extensions_of(None) == ()
