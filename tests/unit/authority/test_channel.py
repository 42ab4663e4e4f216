"""Labels of channels."""

import pytest

from keyworks.authority.channel import RESERVED_LABELS, check_label
from keyworks.errors import OperatorError


@pytest.mark.parametrize("label", ["idevid", "ldevid", "a", "7", "line-2", "a" * 32, "x" + "-" * 30 + "x"])
def test_a_label_stands_in_a_path_as_it_is(label: str) -> None:
    assert check_label(label) == label


@pytest.mark.parametrize("label", sorted(RESERVED_LABELS))
def test_a_word_of_a_protocol_is_no_label(label: str) -> None:
    """RFC 7030 §3.2.2, RFC 9811 §3.3: the path would be ambiguous."""
    with pytest.raises(OperatorError, match="a word of an enrollment protocol"):
        check_label(label)


@pytest.mark.parametrize(
    "label", ["", "-a", "a-", "IDevID", "a/b", "a b", "a.b", "ä", "a" * 33, "a\n", "a%2fb", "٣"]
)
def test_what_a_path_could_not_hold_is_no_label(label: str) -> None:
    with pytest.raises(OperatorError, match="cannot be a label"):
        check_label(label)
