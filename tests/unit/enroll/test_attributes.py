"""What a channel wants in a request, and what of it is followed."""

import base64
from datetime import UTC, datetime

import pytest

from keyworks import errors
from keyworks.enroll.answer import Answer
from keyworks.enroll.attributes import KEY_TYPE, attributes_in, key_type_for
from keyworks.x509.csr_attributes import CSRAttributes, encode_csr_attributes

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def _answer(status: int, body: bytes = b"") -> Answer:
    return Answer(status, "application/csrattrs", None, body)


@pytest.mark.parametrize("form", ["legacy", "template"])
@pytest.mark.parametrize("key_type", ["P-384", "rsa-3072", "Ed25519"])
def test_the_type_of_key_is_read_in_both_forms(form: str, key_type: str) -> None:
    """RFC 7030 §4.5.2; RFC 9908 §3.4."""
    wanted = CSRAttributes(key_type=key_type)
    der = encode_csr_attributes(wanted, legacy=form == "legacy", template=form == "template")
    read = attributes_in(_answer(200, base64.encodebytes(der)), NOW)
    assert read is not None
    assert key_type_for(None, read) == key_type


@pytest.mark.parametrize("status", [204, 404])
def test_a_channel_need_not_say_what_it_wants(status: int) -> None:
    """RFC 7030 §4.5.2."""
    assert attributes_in(_answer(status), NOW) is None


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (_answer(200, b"<html>"), errors.MalformedRequest),
        (_answer(200, base64.b64encode(b"\x30\x80")), errors.MalformedRequest),
        (_answer(200, b""), errors.MalformedRequest),
        (_answer(503), errors.Unavailable),
        (_answer(401), errors.AuthenticationFailed),
    ],
)
def test_what_is_no_answer_has_its_cause(answer: Answer, cause: type[errors.KeyworksError]) -> None:
    with pytest.raises(cause):
        attributes_in(answer, NOW)


@pytest.mark.parametrize(
    ("wished", "wanted", "made"),
    [
        (None, None, KEY_TYPE),
        (None, CSRAttributes(), KEY_TYPE),
        (None, CSRAttributes(key_type="P-521"), "P-521"),
        ("P-384", CSRAttributes(key_type="P-521"), "P-384"),
        ("ML-DSA-44", CSRAttributes(key_type="P-521"), "ML-DSA-44"),
        (None, CSRAttributes(key_type="ML-DSA-44"), KEY_TYPE),
        (None, CSRAttributes(key_type="rsa-8192"), KEY_TYPE),
    ],
)
def test_a_wish_goes_first_then_the_channel_s_if_it_can_be_made_and_renewed(
    wished: str | None, wanted: CSRAttributes | None, made: str
) -> None:
    assert key_type_for(wished, wanted) == made
