"""Distinguished names, held against cryptography's reading and writing of the same octets."""

import pytest
from cryptography import x509

from keyworks import oids
from keyworks.errors import MalformedRequest, RejectedName
from keyworks.x509.der import encode, sequence_of, wrap
from keyworks.x509.name import BY_SHORT_NAME, EMPTY_NAME, MAX_NAME_OCTETS, MAX_RDNS, Name

COMMON_NAME = bytes.fromhex("0603550403")
UTF8, PRINTABLE, TELETEX, IA5, UNIVERSAL, BMP = 0x0C, 0x13, 0x14, 0x16, 0x1C, 0x1E
UPPER_BOUNDS = {
    "CN": 64,
    "serialNumber": 64,
    "O": 64,
    "OU": 64,
    "title": 64,
    "L": 128,
    "ST": 128,
    "emailAddress": 255,
    "DC": 256,
    "SN": 256,
}


def name_of(*attributes: bytes) -> bytes:
    """Return a name of single attributes, each given as its encoded type and value."""
    return sequence_of([wrap(0x31, sequence_of([attribute])) for attribute in attributes])


def common_name(tag: int, value: bytes) -> bytes:
    return name_of(COMMON_NAME + wrap(tag, value))


def by_cryptography(*pairs: tuple[str, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.ObjectIdentifier(oid), value) for oid, value in pairs])


DEVICE = (
    (oids.COUNTRY_NAME, "DE"),
    (oids.ORGANIZATION_NAME, "Beispiel Gerätebau"),
    (oids.ORGANIZATIONAL_UNIT_NAME, "Pump 7"),
    (oids.DOMAIN_COMPONENT, "example"),
    (oids.SERIAL_NUMBER, "SN-0001"),
    (oids.EMAIL_ADDRESS, "pki@supplier.example"),
)


def test_a_name_is_encoded_as_others_encode_it() -> None:
    """RFC 5280 §4.1.2.4: UTF8String or PrintableString; appendix A.1: IA5String for dc and emailAddress."""
    assert Name.of(*DEVICE).der == by_cryptography(*DEVICE).public_bytes()


def test_what_is_encoded_is_read_back() -> None:
    made = Name.of(*DEVICE)
    assert Name.parse(made.der) == made
    assert [(one.oid, one.value) for rdn in made.rdns for one in rdn] == list(DEVICE)
    assert made.values(oids.ORGANIZATIONAL_UNIT_NAME) == ("Pump 7",)
    assert made.values(oids.TITLE) == ()


@pytest.mark.parametrize(
    ("tag", "octets", "text"),
    [
        (UTF8, "Größe 日本".encode(), "Größe 日本"),
        (PRINTABLE, b"Pump (7)", "Pump (7)"),
        (IA5, b"pump@example", "pump@example"),
        (TELETEX, b"Gr\xf6\xdfe", "Größe"),
        (BMP, "Größe".encode("utf-16-be"), "Größe"),
    ],
)
def test_every_string_type_from_the_field_is_read(tag: int, octets: bytes, text: str) -> None:
    der = common_name(tag, octets)
    assert Name.parse(der).values(oids.COMMON_NAME) == (text,)
    assert Name.parse(der).der == der


def test_names_that_say_the_same_are_equal_however_encoded() -> None:
    assert Name.parse(common_name(UTF8, b"Pump")) == Name.parse(common_name(PRINTABLE, b"Pump"))
    assert Name.parse(common_name(UTF8, b"Pump")) != Name.parse(common_name(UTF8, b"pump"))


@pytest.mark.parametrize(
    "der",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x31\x00", id="a SET"),
        pytest.param(b"\x30\x02\x31\x00", id="an RDN of nothing"),
        pytest.param(name_of(COMMON_NAME), id="a type without a value"),
        pytest.param(common_name(UTF8, b""), id="an empty value"),
        pytest.param(common_name(UTF8, b"\xff"), id="no UTF-8"),
        pytest.param(common_name(UTF8, b"\xed\xa0\x80"), id="a surrogate"),
        pytest.param(common_name(UTF8, b"bank\0.example"), id="a NUL"),
        pytest.param(common_name(UTF8, b"a\r\nSet-Cookie: b"), id="a line of its own"),
        pytest.param(common_name(IA5, b"\x1b[31m"), id="an escape sequence"),
        pytest.param(common_name(UTF8, b"\xc2\x85"), id="a C1 control character"),
        pytest.param(common_name(PRINTABLE, b"\xe4"), id="no ASCII"),
        pytest.param(common_name(BMP, b"\x00"), id="half a character"),
        pytest.param(common_name(UNIVERSAL, b"\0\0\0A"), id="a UniversalString"),
        pytest.param(common_name(0x02, b"\x01"), id="an integer"),
        pytest.param(name_of(wrap(0x06, b"\x80") + wrap(UTF8, b"x")), id="no object identifier"),
        pytest.param(common_name(UTF8, b"x") + b"\0", id="trailing octet"),
        pytest.param(common_name(UTF8, b"x")[:-1], id="truncated"),
        pytest.param(
            name_of(bytes.fromhex("0603550406") + wrap(PRINTABLE, b"D")), id="a country of one letter"
        ),
    ],
)
def test_what_is_no_name_is_refused(der: bytes) -> None:
    with pytest.raises(MalformedRequest, match="distinguished name"):
        Name.parse(der)


@pytest.mark.parametrize(("short", "bound"), UPPER_BOUNDS.items())
def test_upper_bounds_hold_when_reading_and_when_making(short: str, bound: int) -> None:
    """RFC 5280 appendix A.1."""
    oid = BY_SHORT_NAME[short.lower()]
    at_bound = by_hand(oid, "x" * bound)
    assert Name.of((oid, "x" * bound)).values(oid) == Name.parse(at_bound).values(oid) == ("x" * bound,)
    with pytest.raises(MalformedRequest, match="malformed"):
        Name.parse(by_hand(oid, "x" * (bound + 1)))
    with pytest.raises(RejectedName, match=f"cannot be {short}: 1 to {bound} printable characters"):
        Name.of((oid, "x" * (bound + 1)))


def by_hand(oid: str, value: str) -> bytes:
    tag = IA5 if oid in (oids.EMAIL_ADDRESS, oids.DOMAIN_COMPONENT) else PRINTABLE
    return name_of(encode(x509.ObjectIdentifier(oid)) + wrap(tag, value.encode()))


@pytest.mark.parametrize("value", ["", " x", "x ", "a\nb", "a\x00b", "\ud800"])
def test_values_nobody_could_read_are_not_made(value: str) -> None:
    with pytest.raises(RejectedName, match="printable characters"):
        Name.of((oids.COMMON_NAME, value))


@pytest.mark.parametrize(
    ("oid", "value", "complaint"),
    [
        (oids.SERIAL_NUMBER, "SN_1", "only letters, digits, spaces"),
        (oids.COUNTRY_NAME, "D", "cannot be C: 2 printable characters"),
        (oids.COUNTRY_NAME, "DEU", "cannot be C: 2 printable characters"),
        (oids.EMAIL_ADDRESS, "ä@example", "only ASCII"),
        (oids.DOMAIN_COMPONENT, "bücher", "only ASCII"),
    ],
)
def test_values_that_their_type_does_not_allow_are_not_made(oid: str, value: str, complaint: str) -> None:
    with pytest.raises(RejectedName, match=complaint):
        Name.of((oid, value))


def test_the_number_of_attributes_is_bounded() -> None:
    one = COMMON_NAME + wrap(UTF8, b"x")
    assert len(Name.parse(name_of(*[one] * MAX_RDNS)).rdns) == MAX_RDNS
    with pytest.raises(MalformedRequest, match=f"more than {MAX_RDNS} attributes"):
        Name.parse(name_of(*[one] * (MAX_RDNS + 1)))


def test_attributes_inside_one_rdn_count_as_well() -> None:
    values = sorted(sequence_of([COMMON_NAME + wrap(UTF8, b"%02d" % n)]) for n in range(MAX_RDNS + 1))
    assert len(Name.parse(sequence_of([wrap(0x31, b"".join(values[:-1]))])).rdns[0]) == MAX_RDNS
    with pytest.raises(MalformedRequest, match="attributes"):
        Name.parse(sequence_of([wrap(0x31, b"".join(values))]))


def test_the_size_is_looked_at_before_anything_else() -> None:
    with pytest.raises(MalformedRequest, match=f"A name of {MAX_NAME_OCTETS + 1} octets is not looked at"):
        Name.parse(bytes(MAX_NAME_OCTETS + 1))
    with pytest.raises(MalformedRequest, match="is malformed"):
        Name.parse(bytes(MAX_NAME_OCTETS))


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "a,b+c",
        'q"uo"te',
        "back\\slash",
        "<angle>;semi",
        "#lead",
        "in#side",
        " lead",
        "trail ",
        "ö",
        "=",
        " ",
        "  ",
        "# ",
    ],
)
def test_text_escapes_as_others_do(value: str) -> None:
    """RFC 4514 §2.4; a raw '=' need not be escaped, but may be."""
    name = by_cryptography((oids.ORGANIZATION_NAME, "Example"), (oids.COMMON_NAME, value))
    theirs = name.rfc4514_string()
    assert Name.parse(name.public_bytes()).text.replace("\\=", "=") == theirs
    assert x509.Name.from_rfc4514_string(Name.parse(name.public_bytes()).text) == name


def test_text_puts_the_last_rdn_first_and_joins_one_rdn_by_plus() -> None:
    """RFC 4514 §2.1, §2.2."""
    name = x509.Name(
        [
            x509.RelativeDistinguishedName([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Example")]),
            x509.RelativeDistinguishedName(
                [
                    x509.NameAttribute(x509.NameOID.COMMON_NAME, "Pump"),
                    x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, "7"),
                ]
            ),
        ]
    )
    assert Name.parse(name.public_bytes()).text == "serialNumber=7+CN=Pump,O=Example"


def test_text_shows_what_would_not_be_seen() -> None:
    shown = Name.parse(common_name(UTF8, "pump\u202e7\u200b".encode())).text
    assert shown == "CN=pump\\E2\\80\\AE7\\E2\\80\\8B"


def test_a_type_without_a_name_is_shown_by_its_identifier() -> None:
    assert Name.of(("1.2.3", "x")).text == "1.2.3=x"


def test_the_empty_name_is_empty() -> None:
    """RFC 5280 §4.1.2.6: an empty sequence where the subjectAltName names the subject."""
    assert Name.parse(b"\x30\x00") == EMPTY_NAME
    assert EMPTY_NAME.is_empty
    assert EMPTY_NAME.text == ""
    assert not Name.of((oids.COMMON_NAME, "x")).is_empty
