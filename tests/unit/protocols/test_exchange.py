"""Each cause has one HTTP status, as the design's table has it."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

import pytest

from keyworks import errors
from keyworks.protocols.exchange import STATUS, Request, method_not_allowed, postponed, refuse

DESIGN: Final[Mapping[str, int]] = {
    "MalformedRequest": 400,
    "BadProofOfPossession": 400,
    "BadSubjectKey": 400,
    "RejectedName": 400,
    "StaleTime": 400,
    "Replayed": 400,
    "BadSignature": 400,
    "NotFound": 404,
    "AuthenticationFailed": 401,
    "InvalidPath": 401,
    "NotAuthorized": 403,
    "QuotaExceeded": 429,
    "OperatorError": 500,
    "Overtaken": 500,
    "Unavailable": 503,
    "DatabaseLost": 503,
    "InternalError": 500,
    "LintFailed": 500,
    "IntegrityFailure": 500,
}


def _tree(cause: type[errors.KeyworksError]) -> Iterator[type[errors.KeyworksError]]:
    for below in cause.__subclasses__():
        yield below
        yield from _tree(below)


CAUSES: Final = sorted(
    (cause for cause in _tree(errors.KeyworksError) if cause.__module__ == errors.__name__),
    key=lambda cause: cause.__name__,
)


def test_the_table_covers_the_tree() -> None:
    grouping = {"RequestError"}  # has leaves only, and is never raised itself
    assert {cause.__name__ for cause in CAUSES} - grouping == set(DESIGN)
    assert {cause.__name__ for cause in STATUS} <= set(DESIGN)


@pytest.mark.parametrize("cause", [one for one in CAUSES if one is not errors.RequestError])
def test_every_cause_has_its_status_and_says_its_sentence(cause: type[errors.KeyworksError]) -> None:
    reply = refuse(cause("What is wrong.", private="nobody's business"))
    assert reply.status == DESIGN[cause.__name__]
    assert reply.body == b"What is wrong.\n"
    assert reply.content_type == "text/plain; charset=utf-8"
    assert "nobody" not in str(reply)
    assert reply.private == "nobody's business"


@pytest.mark.parametrize("cause", [errors.AuthenticationFailed, errors.InvalidPath])
def test_who_is_not_authenticated_is_told_how_to_be(cause: type[errors.KeyworksError]) -> None:
    """RFC 9110 §11.6.1; RFC 7617 §2, §2.1."""
    headers = dict(refuse(cause("Who?")).headers)
    assert headers == {"WWW-Authenticate": 'Basic realm="keyworks", charset="UTF-8"'}


@pytest.mark.parametrize(
    ("wait", "seconds"), [(0.0, "1"), (0.2, "1"), (5.0, "5"), (5.1, "6"), (3600.0, "3600")]
)
def test_who_has_to_wait_is_told_how_long(wait: float, seconds: str) -> None:
    """RFC 9110 §10.2.3: whole seconds."""
    refusal = errors.Unavailable("Not now.", retry_after=timedelta(seconds=wait))
    reply = postponed(timedelta(seconds=wait), "Wait.")
    assert dict(refuse(refusal).headers) == dict(reply.headers) == {"Retry-After": seconds}
    assert (reply.status, reply.body) == (202, b"Wait.\n")


@pytest.mark.parametrize(("method", "allowed"), [("POST", "POST"), ("GET", "GET, HEAD")])
def test_who_uses_another_method_is_told_the_right_ones(method: str, allowed: str) -> None:
    """RFC 9110 §9.3.2, §10.2.1, §15.5.6."""
    reply = method_not_allowed(method)
    assert (reply.status, dict(reply.headers)) == (405, {"Allow": allowed})
    assert reply.body == f"Use {method} here.\n".encode()


def test_a_one_time_secret_is_in_no_text_of_its_request() -> None:
    request = Request("POST", "/.well-known/est/simpleenroll", {"authorization": "Basic eDp5"}, b"eDp5", "::1")
    assert "eDp5" not in repr(request)
