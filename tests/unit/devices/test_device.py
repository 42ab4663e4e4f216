"""Devices as they are named."""

import pytest

from keyworks.devices.device import MAX_CHARACTERS, check_identity
from keyworks.errors import RejectedName


@pytest.mark.parametrize(
    ("manufacturer", "product", "serial_number"),
    [
        ("Example", "Pump 7", "S-0001"),
        ("Größe & Söhne", "Ventil/µ", "0"),
        ("x" * MAX_CHARACTERS, "y" * MAX_CHARACTERS, "9" * MAX_CHARACTERS),
        ("Example", "Pump", "A1 '()+,-./:=?"),
    ],
)
def test_words_that_can_stand_in_a_certificate_are_taken(
    manufacturer: str, product: str, serial_number: str
) -> None:
    """IEEE 802.1AR-2018 §8.6: the serialNumber is a PrintableString."""
    check_identity(manufacturer, product, serial_number)


@pytest.mark.parametrize(
    "word", ["", " x", "x ", "x\n", "a\x00b", "a\x7fb", "\ud800", "a\u202eb", "x" * (MAX_CHARACTERS + 1)]
)
@pytest.mark.parametrize("place", range(3))
def test_words_that_cannot_are_refused_by_their_name(word: str, place: int) -> None:
    words = ["Example", "Pump", "S-0001"]
    words[place] = word
    name = ("manufacturer", "product", "serial number")[place]
    with pytest.raises(RejectedName, match=f"cannot be a {name}") as refused:
        check_identity(*words)
    assert refused.value.detail.isprintable()


@pytest.mark.parametrize("serial_number", ["S_1", "S*1", "S@1", "Nr. Ö", "#1", "a&b", "S;1"])
def test_a_serial_number_has_the_characters_of_a_printable_string(serial_number: str) -> None:
    """X.680 §41.4: PrintableString."""
    with pytest.raises(RejectedName, match="cannot be a serial number"):
        check_identity("Example", "Pump", serial_number)


def test_a_refusal_does_not_repeat_what_nobody_wants_to_read() -> None:
    with pytest.raises(RejectedName) as refused:
        check_identity("Example", "Pump", "x" * 100_000)
    assert len(refused.value.detail) < 300
