"""Whatever a server sends as a key or as CSR attributes is read, or refused with a cause of ours."""

import base64
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from keyworks.enroll.answer import Answer
from keyworks.enroll.attributes import KEY_TYPE, attributes_in, key_type_for
from keyworks.enroll.server_key import server_key_in
from keyworks.errors import KeyworksError
from keyworks.x509.csr_attributes import CSRAttributes, encode_csr_attributes
from tests.unit.enroll.multipart import BOUNDARY, CERTIFICATE, KEY, KEY_DER, LEAF, SIGNER, answer, body_of, part

NOW = datetime(2026, 11, 25, tzinfo=UTC)
WHOLE = body_of(KEY, CERTIFICATE)
ATTRIBUTES = encode_csr_attributes(
    CSRAttributes(key_type="P-384", challenge_password=True), legacy=True, template=True
)


def _changed(octets: bytes, place: int, octet: int) -> bytes:
    place %= len(octets)
    return octets[:place] + bytes((octet,)) + octets[place + 1 :]


_PLACES, _OCTETS = st.integers(0, 100_000), st.integers(0, 255)
_BODIES = st.one_of(
    st.builds(_changed, st.just(WHOLE), _PLACES, _OCTETS),
    st.builds(lambda end: WHOLE[: end % len(WHOLE)], _PLACES),
    st.builds(
        lambda place, octet: body_of(part("application/pkcs8", _changed(KEY_DER, place, octet)), CERTIFICATE),
        _PLACES,
        _OCTETS,
    ),
    st.lists(
        st.sampled_from([KEY, CERTIFICATE, b"", b"\r\n\r\n", b"--", f"--{BOUNDARY}".encode()]), max_size=5
    ).map(lambda parts: body_of(*parts)),
    st.binary(max_size=200),
)


@given(_BODIES, st.sampled_from([BOUNDARY, BOUNDARY, "", "x", "ß", "--"]))
def test_a_key_belongs_to_its_certificate_or_there_is_none(body: bytes, boundary: str) -> None:
    try:
        read = server_key_in(answer(body, boundary=boundary), NOW)
    except KeyworksError:
        return
    assert (read.signer.public_key, read.granted.der) == (SIGNER.public_key, LEAF)


@given(
    st.one_of(
        st.builds(_changed, st.just(ATTRIBUTES), _PLACES, _OCTETS).map(base64.b64encode),
        st.binary(max_size=100).map(base64.b64encode),
        st.binary(max_size=100),
    ),
    st.sampled_from([200, 200, 204, 404, 500]),
)
def test_attributes_lead_to_a_type_of_key_that_can_be_made_or_are_refused(body: bytes, status: int) -> None:
    try:
        wanted = attributes_in(Answer(status, "application/csrattrs", None, body), NOW)
    except KeyworksError:
        return
    made = key_type_for(None, wanted)
    assert made == KEY_TYPE or (wanted is not None and made == wanted.key_type)
