"""Whatever a file with a key-encryption key contains: a key that AES has, or a refusal."""

from hypothesis import given, settings
from hypothesis import strategies as st

from keyworks.access.key_encryption_key import LENGTHS, MAX_KEY_FILE_OCTETS, parse_identifier, parse_key
from keyworks.errors import OperatorError
from tests.property.x509.mutation import check_sentence, one_octet_changes

KEY = bytes(range(0xA0, 0xC0))
WRITTEN = KEY.hex().encode() + b"\n"


def read(octets: bytes) -> bytes | None:
    """Return the key, or nothing of what is refused."""
    try:
        return parse_key(octets)
    except OperatorError as refused:
        check_sentence(refused)
        shown = str(refused).encode()
        assert len(octets) < 4 or octets not in shown
        return None


@given(st.sampled_from(LENGTHS).flatmap(lambda length: st.binary(min_size=length, max_size=length)), st.data())
def test_every_key_comes_back_from_hexadecimal(key: bytes, data: st.DataObject) -> None:
    around = st.text(alphabet=" \t\r\n", max_size=3)
    text = data.draw(around) + data.draw(st.sampled_from((key.hex(), key.hex().upper()))) + data.draw(around)
    assert read(text.encode()) == key


DIGITS = st.text(alphabet="0123456789abcdefABCDEF \n", max_size=MAX_KEY_FILE_OCTETS).map(str.encode)


@settings(max_examples=1000)
@given(st.one_of(st.binary(max_size=MAX_KEY_FILE_OCTETS), DIGITS))
def test_what_is_read_is_a_key_that_the_file_has(octets: bytes) -> None:
    key = read(octets)
    if key is not None:
        assert len(key) in LENGTHS
        assert key == octets or octets.strip().lower() == key.hex().encode()


def test_every_change_of_one_octet_is_another_key_or_refused() -> None:
    for octets in one_octet_changes(WRITTEN):
        key = read(octets)
        assert key is None or octets.strip().lower() == key.hex().encode()


@given(st.text(max_size=200))
def test_an_identifier_is_hexadecimal_or_refused(text: str) -> None:
    try:
        identifier = parse_identifier(text)
    except OperatorError as refused:
        check_sentence(refused)
    else:
        assert identifier.hex() == text.lower()
