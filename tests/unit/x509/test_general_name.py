"""General names, held against cryptography's writing and reading of the same octets."""

import ipaddress

import pytest
from cryptography import x509

from keyworks import oids
from keyworks.errors import MalformedRequest, RejectedName
from keyworks.x509.der import sequence_of, wrap
from keyworks.x509.general_name import (
    MAX_NAMES,
    GeneralName,
    HardwareModule,
    SubjectAltName,
    certifiable,
    named,
    parse_general_names,
    server_names,
)
from keyworks.x509.name import Name

DNS, EMAIL, URI, IP, OTHER, DIRECTORY = 0x82, 0x81, 0x86, 0x87, 0xA0, 0xA4
ACME = Name.of((oids.ORGANIZATION_NAME, "Acme"))
HARDWARE_MODULE = bytes.fromhex("06082b06010505070804")


def read(*names: bytes) -> SubjectAltName:
    return SubjectAltName.of(parse_general_names(sequence_of(names), "subjectAltName"))


def by_cryptography(*names: x509.GeneralName) -> bytes:
    return x509.SubjectAlternativeName(names).public_bytes()


def test_every_kind_is_read_as_others_write_it_and_written_as_others_read_it() -> None:
    """RFC 5280 §4.2.1.6."""
    theirs = by_cryptography(
        x509.DNSName("*.plant.example"),
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("192.0.2.7")),
        x509.IPAddress(ipaddress.ip_address("2001:db8::7")),
        x509.UniformResourceIdentifier("urn:example:pump:7"),
        x509.RFC822Name("pki@example.com"),
        x509.DirectoryName(x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Acme")])),
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), bytes.fromhex("0c0161")),
    )
    ours = SubjectAltName(
        dns=("*.plant.example", "localhost"),
        ip=("192.0.2.7", "2001:db8::7"),
        uri=("urn:example:pump:7",),
        email=("pki@example.com",),
        directory_names=(ACME.der,),
        others=(bytes.fromhex("060a2b060104018237140203a0030c0161"),),
    )
    assert SubjectAltName.of(parse_general_names(theirs, "subjectAltName")) == ours
    assert ours.encode() == theirs


def test_a_hardware_module_name_is_the_other_name_of_rfc_4108() -> None:
    """RFC 4108 §5: HardwareModuleName ::= SEQUENCE { hwType OBJECT IDENTIFIER, hwSerialNum OCTET STRING }."""
    ours = SubjectAltName(hardware_modules=(HardwareModule("1.3.6.1.4.1.55555.7", b"SN-0001"),))
    [name] = x509.SubjectAlternativeName(
        [
            x509.OtherName(
                x509.ObjectIdentifier(oids.HARDWARE_MODULE_NAME),
                sequence_of([bytes.fromhex("06092b0601040183b20307"), wrap(0x04, b"SN-0001")]),
            )
        ]
    )
    assert ours.encode() == by_cryptography(name)
    assert SubjectAltName.of(parse_general_names(ours.encode(), "subjectAltName")) == ours


@pytest.mark.parametrize("serial_number", [b"", b"\x00\xff", b"x" * 300])
def test_a_hardware_serial_number_is_any_octets(serial_number: bytes) -> None:
    names = SubjectAltName(hardware_modules=(HardwareModule("1.2.3", serial_number),))
    assert SubjectAltName.of(parse_general_names(names.encode(), "subjectAltName")) == names


@pytest.mark.parametrize(
    "name", ["a.example", "a_b.example", "*.a.example", "x" * 63, "a-b", "127.0.0.1.example"]
)
def test_host_names_are_read(name: str) -> None:
    assert read(wrap(DNS, name.encode())).dns == (name,)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "-a",
        "a-",
        "x" * 64,
        "*",
        "a.*",
        "*a.b",
        "a b",
        "a\nb",
        "ä",
        f"{'a.' * 126}ab",
    ],
)
def test_what_is_no_host_name_is_refused(name: str) -> None:
    with pytest.raises(MalformedRequest, match="dns name that is"):
        read(wrap(DNS, name.encode()))


def test_a_host_name_has_at_most_253_characters() -> None:
    """RFC 1035 §2.3.4: 255 octets on the wire are 253 characters of text."""
    longest = "a." * 126 + "a"
    assert len(longest) == 253
    assert read(wrap(DNS, longest.encode())).dns == (longest,)


@pytest.mark.parametrize(
    ("tag", "octets", "complaint"),
    [
        (URI, b"no-scheme", "uri name that is none: 'no-scheme'"),
        (URI, b"http://a b", "uri name that is none"),
        (URI, "urn:ä".encode(), "uri name that is not ASCII"),
        (URI, b"a:" + b"x" * 2047, "uri name that is none"),
        (EMAIL, b"nobody", "email name that is none"),
        (EMAIL, b"a@b@c", "email name that is none"),
        (IP, bytes(3), "an IP address of 3 octets; 4 or 16 are right"),
        (IP, bytes(8), "an IP address of 8 octets"),
        (IP, b"", "an IP address of 0 octets"),
        (OTHER, b"", "malformed otherName"),
        (OTHER, b"\x0c\x01a", "malformed otherName"),
        (OTHER, HARDWARE_MODULE, "malformed otherName"),
        (OTHER, HARDWARE_MODULE + wrap(0xA0, b"\x05\x00") + b"\0", "malformed otherName"),
        (0x88, b"\x2a", "a kind that is not supported (tag 0x88)"),
        (0xA3, b"", "a kind that is not supported (tag 0xa3)"),
        (0xA2, b"a", "a kind that is not supported (tag 0xa2)"),
        (0x0C, b"a", "a kind that is not supported (tag 0xc)"),
    ],
)
def test_what_a_kind_does_not_allow_is_refused(tag: int, octets: bytes, complaint: str) -> None:
    with pytest.raises(MalformedRequest) as refused:
        read(wrap(tag, octets))
    assert refused.value.detail.startswith("subjectAltName has a")
    assert complaint in refused.value.detail


def test_a_directory_name_is_read_as_a_name() -> None:
    assert read(wrap(DIRECTORY, ACME.der)).directory_names == (ACME.der,)
    with pytest.raises(MalformedRequest, match="distinguished name is malformed"):
        read(wrap(DIRECTORY, b"\x30\x01"))


def test_a_refusal_repeats_no_control_character() -> None:
    with pytest.raises(MalformedRequest) as refused:
        read(wrap(DNS, b"a\r\nSet-Cookie: b"))
    assert refused.value.detail.isprintable()


def test_a_hardware_module_name_of_another_shape_stays_an_other_name() -> None:
    odd = HARDWARE_MODULE + wrap(0xA0, b"\x0c\x01a")
    assert read(wrap(OTHER, odd)) == SubjectAltName(others=(odd,))


def test_the_number_of_names_is_bounded() -> None:
    assert len(read(*[wrap(DNS, b"a")] * MAX_NAMES).dns) == MAX_NAMES
    with pytest.raises(MalformedRequest, match=f"has {MAX_NAMES + 1} names; at most {MAX_NAMES}"):
        read(*[wrap(DNS, b"a")] * (MAX_NAMES + 1))


@pytest.mark.parametrize(
    ("constraint", "octets"),
    [
        (GeneralName("ip", "10.0.0.0/8"), "87080a000000ff000000"),
        (GeneralName("ip", "2001:db8::/32"), "872020010db8" + "00" * 12 + "ffffffff" + "00" * 12),
        (GeneralName("dns", ".example"), "82082e6578616d706c65"),
    ],
)
def test_a_constraint_on_addresses_has_a_mask(constraint: GeneralName, octets: str) -> None:
    """RFC 5280 §4.2.1.10."""
    assert constraint.encode(constraint=True) == bytes.fromhex(octets)


def test_server_names_are_told_apart() -> None:
    assert server_names(["pki.example", "::1", "127.0.0.1"]) == SubjectAltName(
        dns=("pki.example",), ip=("::1", "127.0.0.1")
    )
    with pytest.raises(RejectedName, match="'no name' is neither a host name nor an IP address"):
        server_names(["no name"])


@pytest.mark.parametrize("upn", ["operator@plant.example", "\u00fc@plant.example"])
def test_a_user_principal_name_is_the_other_name_that_domain_controllers_read(upn: str) -> None:
    """MS-WCCE §2.2.2.7.7.4: szOID_NT_PRINCIPAL_NAME with a UTF8String."""
    theirs = by_cryptography(
        x509.OtherName(x509.ObjectIdentifier(oids.USER_PRINCIPAL_NAME), wrap(0x0C, upn.encode()))
    )
    ours = SubjectAltName(upn=(upn,))
    assert SubjectAltName.of(parse_general_names(theirs, "subjectAltName")) == ours
    assert ours.encode() == theirs


@pytest.mark.parametrize("value", ["0c0161", "1603614062", "0c0361406200", "30050c03614062", "0c0361c362", ""])
def test_a_user_principal_name_of_another_shape_stays_an_other_name(value: str) -> None:
    octets = bytes.fromhex("060a2b060104018237140203") + wrap(0xA0, bytes.fromhex(value))
    found = SubjectAltName.of([GeneralName("other", octets.hex())])
    assert (found.upn, found.others) == ((), (octets,))


def test_names_are_certified_sorted_by_kind_and_each_once() -> None:
    listed = [
        ("uri", "urn:a:1"),
        ("dns", "b.example"),
        ("ip", "2001:DB8:0::7"),
        ("dns", "a.example"),
        ("dns", "b.example"),
        ("hardware_module", "1.3.6.1.4.1.99999.1:SN-1"),
        ("upn", "a@b.example"),
        ("email", "a@b.example"),
    ]
    assert named(listed) == SubjectAltName(
        dns=("b.example", "a.example"),
        ip=("2001:db8::7",),
        uri=("urn:a:1",),
        email=("a@b.example",),
        hardware_modules=(HardwareModule("1.3.6.1.4.1.99999.1", b"SN-1"),),
        upn=("a@b.example",),
    )
    assert named([]) is None
    with pytest.raises(RejectedName, match=f"at most {MAX_NAMES} alternative names"):
        named([("dns", f"{number}.example") for number in range(MAX_NAMES + 1)])


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        ("dns", "a b", "is not a host name"),
        ("dns", "a." * 127 + "a", "is not a host name"),
        ("ip", "192.0.2.256", "is not an IP address"),
        ("ip", "fe80::1%eth0", "it has a zone"),
        ("uri", "urn:a b", "is not a URI"),
        ("uri", "plant.example", "is not a URI"),
        ("email", "a@", "is not a mail address"),
        ("email", "\u00fc@b.example", "is not a mail address"),
        ("upn", "a@b@c", "is not a user principal name"),
        ("upn", "a@b\u202ec", "is not a user principal name"),
        ("hardware_module", "1.2.3", "is not a hardware module name"),
        ("hardware_module", "1.99.3:SN-1", "is not a hardware module name"),
        ("hardware_module", "1.2.3:", "is not a hardware module name"),
    ],
)
def test_what_is_no_name_of_its_kind_is_not_certified(kind: str, text: str, sentence: str) -> None:
    with pytest.raises(RejectedName, match=sentence):
        certifiable(kind, text)
