"""A request, whole, reaches the adapter of its path; whatever goes wrong is answered without a secret."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from keyworks.access.credential import PresentedChain
from keyworks.errors import IntegrityFailure, Unavailable
from keyworks.protocols.exchange import Reply, Request, refuse
from keyworks.server.application import MAX_LOGGED, Application, Respond
from keyworks.server.counters import Counters
from keyworks.server.meter import Board
from tests.unit.server.small_server import Echo, Line, recording_log

PRESENTED = PresentedChain((b"leaf",), b"fingerprint")


async def ask(
    routes: Mapping[str, Respond],
    *messages: Mapping[str, Any],
    path: str = "/a/b",
    client: object = ("::1", 5),
    scheme: str | None = None,
    counters: Counters | None = None,
) -> tuple[list[Mapping[str, Any]], list[Line]]:
    """Return what the application sends for a request, and what it logs."""
    log, lines = recording_log()
    sent: list[Mapping[str, Any]] = []
    waiting = list(messages or [{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Mapping[str, Any]:
        return waiting.pop(0)

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "method": "POST",
        "path": path,
        "headers": [(b"x", b"1"), (b"y", b"\xe9"), (b"x", b"2")],
        "client": client,
        "state": {"presented": PRESENTED},
        **({"scheme": scheme} if scheme is not None else {}),
    }
    await Application(routes, log, counters or Counters())(scope, receive, send)
    return sent, lines


async def test_an_adapter_gets_the_request_whole() -> None:
    echo = Echo()
    parts = [{"type": "http.request", "body": body, "more_body": body != b"c"} for body in (b"a", b"b", b"c")]
    await ask({"/a/": echo.respond}, *parts)
    assert echo.requests == [Request("POST", "/a/b", {"x": "2", "y": "é"}, b"abc", "::1", PRESENTED)]


async def test_an_answer_says_its_length_and_comes_in_one_piece() -> None:
    """RFC 7030 clients are often too small for chunks."""
    sent, _ = await ask({"/a/": Echo().respond})
    start, body = sent
    assert start["status"] == 200
    assert dict(start["headers"])[b"content-length"] == str(len(body["body"])).encode()
    assert not body["more_body"]


async def test_an_answer_without_content_says_nothing_about_it() -> None:
    """RFC 9110 §8.6: no Content-Length with 204."""

    async def nothing(_: Request) -> Reply:
        return Reply(204)

    [start, body], _ = await ask({"/a/": nothing})
    assert (start["status"], start["headers"], body["body"]) == (204, [], b"")


@pytest.mark.parametrize(("scheme", "secure"), [("https", True), ("http", False), (None, False)])
async def test_an_adapter_knows_whether_its_answer_goes_over_tls(scheme: str | None, secure: bool) -> None:
    """ASGI: a scope without a scheme is plain HTTP."""
    echo = Echo()
    await ask({"/a/": echo.respond}, scheme=scheme)
    assert echo.requests[0].secure is secure


@pytest.mark.parametrize(
    ("path", "asked"), [("/a/b", 1), ("/b", 0), ("/a", 0), ("", 0), ("/A/b", 0), ("//a/b", 0)]
)
async def test_a_path_nobody_serves_is_not_found(path: str, asked: int) -> None:
    echo = Echo()
    sent, lines = await ask({"/a/": echo.respond}, path=path)
    assert len(echo.requests) == asked
    assert sent[0]["status"] == (200 if asked else 404)
    assert [line["event"] for line in lines] == ["answered" if asked else "refused"]


@pytest.mark.parametrize(
    "failure", [ZeroDivisionError("s3cret"), IntegrityFailure("s3cret", private="key 7 of")]
)
async def test_what_nobody_foresaw_is_answered_with_a_place_in_the_log_and_nothing_more(
    failure: Exception,
) -> None:
    async def fail(_: Request) -> Reply:
        raise failure

    sent, [line] = await ask({"/a/": fail})
    said = sent[1]["body"].decode()
    assert sent[0]["status"] == 500
    assert "s3cret" not in said
    assert "key 7" not in said
    [reference] = re.findall(r"the log as ([0-9a-f]{8})\.", said)
    assert (line["event"], line["level"], line["reference"], line["exc_info"]) == (
        "failed",
        "error",
        reference,
        failure,
    )
    assert line["private"] == getattr(failure, "private", "")


async def test_a_refusal_is_logged_with_its_reason_and_source() -> None:
    async def turn_away(_: Request) -> Reply:
        return Reply(403, body=b"Not you.\n")

    _, [line] = await ask({"/a/": turn_away})
    assert line == {
        "event": "refused",
        "level": "info",
        "method": "POST",
        "path": "/a/b",
        "source": "::1",
        "status": 403,
        "reason": "Not you.",
    }


async def test_a_failure_of_ours_is_logged_as_one_with_what_nobody_is_told() -> None:
    async def refuse_all(_: Request) -> Reply:
        return refuse(Unavailable("Not now.", private="disk full"))

    sent, [line] = await ask({"/a/": refuse_all})
    assert (line["event"], line["level"], line["private"]) == ("refused", "warning", "disk full")
    assert b"disk" not in sent[1]["body"]


async def test_what_an_operator_should_notice_is_a_warning_and_stays_here() -> None:
    async def replace_one(_: Request) -> Reply:
        return Reply(200, body=b"certificate", notice="one supersedes another")

    sent, [line] = await ask({"/a/": replace_one})
    assert (line["event"], line["level"], line["notice"]) == ("noticed", "warning", "one supersedes another")
    assert b"supersedes" not in repr(sent).encode()


async def test_what_a_stranger_says_is_cut_in_the_log() -> None:
    async def repeat(request: Request) -> Reply:
        return Reply(415, body=b"Not " + request.path.encode())

    _, [line] = await ask({"/": repeat}, path="/" + "a" * 4000)
    assert (len(line["path"]), len(line["reason"])) == (200, 200)


async def test_a_stranger_cannot_fill_the_log() -> None:
    log, lines = recording_log()
    counters = Counters()
    application = Application({}, log, counters)

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Mapping[str, Any]) -> None:
        pass

    scope = {"method": "GET", "path": "/", "headers": [], "client": ("::1", 5), "state": {}}
    for _ in range(MAX_LOGGED + 40):
        await application(scope, receive, send)
    assert len(lines) == MAX_LOGGED
    assert counters.drain() == {"refused_404": MAX_LOGGED + 40}
    await application(scope, receive, send)
    assert len(lines) == MAX_LOGGED + 1


async def test_answers_and_refusals_are_measured() -> None:
    """By operation and cause, never by what a stranger says."""
    board = Board(1)
    counters = Counters(board.meter(0))

    async def turn_away(request: Request) -> Reply:
        if request.path.endswith("simpleenroll"):
            return refuse(IntegrityFailure("Not now."))
        raise ZeroDivisionError

    await ask({"/": turn_away}, path="/.well-known/est/a-label/simpleenroll", counters=counters)
    await ask({"/": turn_away}, path="/.well-known/est/a-label/cacerts", counters=counters)
    await ask({}, path="/some-stranger-s-words", counters=counters)
    totals = board.totals()
    assert totals.of("answers") == {
        ("enrollment", "cacerts", "500"): 1,
        ("enrollment", "other", "404"): 1,
        ("enrollment", "simpleenroll", "500"): 1,
    }
    assert totals.of("refused") == {("IntegrityFailure",): 1, ("InternalError",): 1, ("NotFound",): 1}


async def test_a_client_that_went_away_is_not_answered() -> None:
    echo = Echo()
    parts: list[Mapping[str, Any]] = [
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent, lines = await ask({"/a/": echo.respond}, *parts)
    assert (sent, lines, echo.requests) == ([], [], [])


async def test_a_client_without_an_address_is_of_unknown_source() -> None:
    echo = Echo()
    await ask({"/a/": echo.respond}, client=None)
    assert echo.requests[0].source == "unknown"
