"""Names as people type them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyworks import oids
from keyworks.enroll.subject import parse_subject
from keyworks.errors import OperatorError
from keyworks.x509.name import EMPTY_NAME, Name


def test_the_first_part_is_the_last_rdn() -> None:
    """RFC 4514 §2.1."""
    assert parse_subject("serialNumber=SN-1, CN=SN-1,O=Example") == Name.of(
        (oids.ORGANIZATION_NAME, "Example"), (oids.COMMON_NAME, "SN-1"), (oids.SERIAL_NUMBER, "SN-1")
    )


@pytest.mark.parametrize("text", ["", "  "])
def test_no_text_is_the_empty_name(text: str) -> None:
    assert parse_subject(text) == EMPTY_NAME


@pytest.mark.parametrize("kind", ["cn", "CN", "2.5.4.3"])
def test_attributes_have_names_in_any_case_or_object_identifiers(kind: str) -> None:
    assert parse_subject(f"{kind}=line-1").values(oids.COMMON_NAME) == ("line-1",)


def test_escapes_mean_what_they_mean_in_rfc_4514() -> None:
    """RFC 4514 §2.4, §4."""
    assert parse_subject(r"O=Sue\, Grabbit and Runn\C4\8D").values(oids.ORGANIZATION_NAME) == (
        "Sue, Grabbit and Runnč",
    )


@pytest.mark.parametrize(
    "text",
    [
        "line-1",
        "=x",
        "XX=x",
        "CN=",
        "CN=x,",
        ",CN=x",
        "CN=x,,O=y",
        "CN=x\\",
        "9.9.9=x",
        "2.5=x",
        "0.99.1=x",
        "C=Germany",
        "serialNumber=SN_1",
        r"CN=\ff",
        "CN=\udcff",
        "CN=" + "x" * 65,
    ],
)
def test_what_cannot_be_a_name_is_refused(text: str) -> None:
    with pytest.raises(OperatorError):
        parse_subject(text)


_VALUES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=30)


@given(st.lists(st.tuples(st.sampled_from([oids.COMMON_NAME, oids.ORGANIZATION_NAME]), _VALUES), max_size=4))
def test_what_is_shown_of_a_name_can_be_typed(pairs: list[tuple[str, str]]) -> None:
    name = Name.of(*pairs)
    assert parse_subject(name.text) == name


@given(st.text(max_size=60))
def test_whatever_is_typed_is_a_name_or_an_operator_s_error(text: str) -> None:
    with suppress(OperatorError):
        assert isinstance(parse_subject(text), Name)
