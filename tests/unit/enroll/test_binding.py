"""Requests that are made for a connection."""

from keyworks import oids
from keyworks.enroll.binding import UnboundRequest
from keyworks.testing import software_signer
from keyworks.x509.general_name import server_names
from keyworks.x509.name import Name
from keyworks.x509.template import parse_certification_request


async def test_a_request_for_a_connection_differs_in_the_challenge_password_alone() -> None:
    """RFC 7030 §3.5: in base64, without white space."""
    names = server_names(["line-1.example"])
    unbound = UnboundRequest(Name.of((oids.COMMON_NAME, "line-1")), software_signer(), names)
    made = [parse_certification_request(await unbound.bound_to(value)) for value in (b"\xff" * 12, bytes(12))]
    assert [one.challenge_password for one in made] == ["/" * 16, "A" * 16]
    assert {(one.public_key, one.subject, one.subject_alt_name) for one in made} == {
        (unbound.signer.public_key, unbound.subject, names)
    }
