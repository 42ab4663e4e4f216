"""Whatever becomes of valid CSR attributes: wishes of a known kind, or a refusal."""

from hypothesis import given, settings
from hypothesis import strategies as st

from keyworks import oids
from keyworks.algorithms.registry import KEY_TYPES
from keyworks.errors import MalformedRequest
from keyworks.x509.csr_attributes import (
    CSRAttributes,
    WantedAttribute,
    WantedExtension,
    encode_csr_attributes,
    parse_csr_attributes,
)
from tests.property.x509.mutation import check_sentence, mutated, one_octet_changes

WISHES = st.builds(
    CSRAttributes,
    subject=st.lists(
        st.builds(
            WantedAttribute,
            st.sampled_from([oids.COMMON_NAME, oids.SERIAL_NUMBER, oids.ORGANIZATION_NAME]),
            st.none() | st.sampled_from(["SN-1", "Example Plant"]),
        ),
        max_size=4,
    ).map(tuple),
    key_type=st.none() | st.sampled_from(KEY_TYPES),
    extensions=st.lists(
        st.builds(
            WantedExtension,
            st.sampled_from([oids.SUBJECT_ALT_NAME, oids.KEY_USAGE, "1.2.3"]),
            st.booleans(),
            st.none() | st.binary(max_size=40),
        ),
        max_size=3,
        unique_by=lambda one: one.oid,
    ).map(tuple),
    challenge_password=st.booleans(),
)
WHOLE = encode_csr_attributes(
    CSRAttributes(
        (WantedAttribute(oids.ORGANIZATION_NAME, "Example Plant"), WantedAttribute(oids.SERIAL_NUMBER)),
        "rsa-2048",
        (WantedExtension(oids.KEY_USAGE, True, b"\x03\x02\x07\x80"), WantedExtension(oids.SUBJECT_ALT_NAME)),
        challenge_password=True,
    ),
    legacy=True,
    template=True,
)


def parsed(der: bytes) -> CSRAttributes | None:
    """Return the wishes, or ``None`` where they were refused as documented."""
    try:
        return parse_csr_attributes(der)
    except MalformedRequest as refused:
        check_sentence(refused)
        return None


@settings(max_examples=400)
@given(WISHES)
def test_a_template_says_what_was_wished(wanted: CSRAttributes) -> None:
    assert parse_csr_attributes(encode_csr_attributes(wanted, legacy=True, template=True)) == wanted


@settings(max_examples=1500)
@given(mutated(WHOLE))
def test_mutated_attributes_are_wishes_that_can_be_said_again_or_are_refused(der: bytes) -> None:
    read = parsed(der)
    if read is not None:
        assert parsed(encode_csr_attributes(read, legacy=False, template=True)) == read


def test_every_change_of_one_octet_is_read_or_refused() -> None:
    assert {type(parsed(der)) for der in one_octet_changes(WHOLE)} == {CSRAttributes, type(None)}


@given(st.binary(max_size=200))
def test_arbitrary_octets_are_refused(octets: bytes) -> None:
    assert parsed(octets) is None or octets == b"\x30\x00"
