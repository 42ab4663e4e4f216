"""A key that the server has made."""

import base64
from datetime import UTC, datetime

import pytest

from keyworks import errors
from keyworks.cms.signed_data import certs_only
from keyworks.enroll.answer import Answer
from keyworks.enroll.server_key import server_key_in
from tests.unit.enroll.multipart import CERTIFICATE, KEY, KEY_DER, LEAF, SIGNER, answer, body_of, part
from tests.unit.enroll.small_pki import certify, issuing

NOW = datetime(2026, 11, 25, tzinfo=UTC)
WHOLE = body_of(KEY, CERTIFICATE)


@pytest.mark.parametrize(
    "body",
    [
        WHOLE,
        body_of(CERTIFICATE, KEY),
        WHOLE.replace(b"\r\n", b"\n"),
        b"This is a message in several parts.\r\n" + WHOLE + b"And its end.",
        WHOLE.replace(b"Content-Type:", b"content-type:"),
    ],
    ids=["as sent", "the other order", "line feeds alone", "text around", "lower case"],
)
def test_a_key_and_its_certificate_are_read(body: bytes) -> None:
    """RFC 7030 §4.4.2; RFC 2046 §5.1."""
    read = server_key_in(answer(body), NOW)
    assert read.signer.public_key == SIGNER.public_key
    assert read.granted.der == LEAF
    assert "Private" not in repr(read)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "two parts"),
        (KEY, "two parts"),
        (body_of(KEY), "two parts"),
        (body_of(KEY, CERTIFICATE, CERTIFICATE), "two parts"),
        (WHOLE[:-6], "two parts"),
        (body_of(KEY, KEY), "no certificate beside the key"),
        (body_of(CERTIFICATE, CERTIFICATE), "encrypted, or none"),
        (
            body_of(part("application/pkcs7-mime; smime-type=server-generated-key", b"0\x00"), CERTIFICATE),
            "encrypted",
        ),
        (body_of(part("application/pkcs8", b"0\x00"), CERTIFICATE), "no private key that can be used"),
        (body_of(KEY, part("application/pkcs7-mime", b"0\x00")), "holds no certificates"),
        (
            body_of(KEY, part("application/pkcs7-mime", certs_only((LEAF, issuing().der)))),
            "2 certificates",
        ),
        (
            body_of(KEY, part("application/pkcs7-mime", certs_only((certify("other", issuing()).der,)))),
            "do not belong together",
        ),
    ],
)
def test_what_is_no_key_with_its_certificate_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(errors.MalformedRequest, match=says) as caught:
        server_key_in(answer(body), NOW)
    assert KEY_DER.hex() not in str(caught.value) + caught.value.private


def test_the_key_is_in_no_text_of_the_answer() -> None:
    assert base64.b64encode(KEY_DER)[:40].decode() not in repr(answer(WHOLE))


def test_an_answer_in_one_part_or_a_refusal_is_none() -> None:
    with pytest.raises(errors.MalformedRequest, match="two parts"):
        server_key_in(Answer(200, "application/pkcs7-mime", None, WHOLE), NOW)
    with pytest.raises(errors.NotAuthorized, match="makes no keys"):
        server_key_in(Answer(403, "text/plain", None, b"The server makes no keys.\n"), NOW)
