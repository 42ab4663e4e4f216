"""ChangeSubjectName: both parts are optional and start alike."""

import pytest
from pyasn1.codec.der import decoder, encoder
from pyasn1_alt_modules import rfc6402

from keyworks import oids
from keyworks.errors import MalformedRequest
from keyworks.x509.changed_names import ChangedNames
from keyworks.x509.der import sequence_of
from keyworks.x509.general_name import server_names
from keyworks.x509.name import EMPTY_NAME, Name

SUBJECT = Name.of((oids.ORGANIZATION_NAME, "Example"), (oids.SERIAL_NUMBER, "SN-1"))
NAMES = server_names(["pump.example", "192.0.2.7"])
EVERY = [
    ChangedNames(SUBJECT),
    ChangedNames(EMPTY_NAME),
    ChangedNames(subject_alt_name=NAMES),
    ChangedNames(SUBJECT, NAMES),
    ChangedNames(EMPTY_NAME, NAMES),
]


@pytest.mark.parametrize("changed", EVERY)
def test_what_is_written_is_read(changed: ChangedNames) -> None:
    """RFC 6402 §2.8."""
    assert ChangedNames.parse(changed.encode()) == changed


@pytest.mark.parametrize("before", [b"", SUBJECT.der, EMPTY_NAME.der])
def test_alternative_names_are_known_without_their_tag(before: bytes) -> None:
    """RFC 6402 §2.8 writes the type without the tag that its module has, and so do some clients."""
    assert ChangedNames.parse(sequence_of([before, NAMES.encode()])).subject_alt_name == NAMES


def test_another_library_reads_it() -> None:
    value, rest = decoder.decode(ChangedNames(SUBJECT, NAMES).encode(), asn1Spec=rfc6402.ChangeSubjectName())
    assert rest == b""
    assert encoder.encode(value["subject"]) == SUBJECT.der
    assert encoder.encode(value["subjectAlt"])[1:] == NAMES.encode()[1:]


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x05\x00",
        sequence_of([]),
        sequence_of([b"\x05\x00"]),
        sequence_of([SUBJECT.der] * 3),
        sequence_of([NAMES.encode(), SUBJECT.der]),
        sequence_of([sequence_of([b"\x02\x01\x00"])]),
        ChangedNames(SUBJECT).encode()[:-1],
        ChangedNames(SUBJECT).encode() + b"\x00",
    ],
)
def test_what_is_something_else_is_refused(der: bytes) -> None:
    with pytest.raises(MalformedRequest):
        ChangedNames.parse(der)
