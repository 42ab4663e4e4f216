"""One line per event, whatever a stranger puts into it."""

import errno
import io
import json
import logging
import os
import sys

import pytest

from keyworks.server.log import configure_log
from keyworks.settings.node import Log

HOSTILE = "/a\n2026-01-01 [info] ready \x1b[31m\x00é"


def test_an_event_is_one_line_of_json_with_its_level_time_and_node(capsys: pytest.CaptureFixture[str]) -> None:
    configure_log(Log(), "line-1").info("refused", path=HOSTILE)
    output = capsys.readouterr().err
    line = json.loads(output)
    assert output.count("\n") == 1
    assert (line["event"], line["path"], line["level"], line["node"]) == ("refused", HOSTILE, "info", "line-1")
    assert line["timestamp"].endswith("Z")


def test_an_event_is_one_line_of_text_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Otherwise a path with a line feed in it would forge events, one with an escape color the terminal."""
    configure_log(Log(format="text"), "line-1").info("refused", path=HOSTILE)
    output = capsys.readouterr().err
    assert output.count("\n") == 1
    assert "\x1b" not in output
    assert "\x00" not in output
    assert "refused" in output


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_events_below_the_level_are_not_logged(
    level: str, heard: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    logger = configure_log(Log(level=level), "line-1")
    for name in ("debug", "info", "warning", "error"):
        getattr(logger, name)("said")
    assert [json.loads(line)["level"] for line in capsys.readouterr().err.splitlines()] == heard


def test_an_exception_stays_on_the_event_s_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_log(Log(), "line-1").error("failed", exc_info=ValueError("two\nlines"))
    output = capsys.readouterr().err
    assert output.count("\n") == 1
    assert "ValueError: two\nlines" in json.loads(output)["exception"]


def test_an_exception_forges_no_event_of_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_log(Log(format="text"), "line-1").error("failed", exc_info=ValueError(f"one{HOSTILE}"))
    output = capsys.readouterr().err
    event, *below = output.splitlines()
    assert "failed" in event
    assert "2026-01-01 [info] ready" in output
    assert [line for line in below if not line.startswith("    ")] == []
    assert "\x1b" not in output
    assert "\x00" not in output


def test_a_line_is_written_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several processes write to one pipe; a line feed that comes later would follow another's line."""
    pieces: list[str] = []

    class Pipe(io.StringIO):
        def write(self, text: str) -> int:
            pieces.append(text)
            return len(text)

    monkeypatch.setattr(sys, "stderr", Pipe())
    configure_log(Log(), "line-1").info("ready")
    assert [piece[-1] for piece in pieces] == ["\n"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EPIPE, errno.EIO])
def test_a_log_that_cannot_be_written_fails_nobody(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    class Broken(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(number, os.strerror(number))

    logger = configure_log(Log(), "line-1")
    monkeypatch.setattr(sys, "stderr", Broken())
    logger.error("failed", exc_info=ValueError("x"))
    monkeypatch.undo()
    logger.info("ready")


def test_uvicorn_says_nothing_beside_it() -> None:
    configure_log(Log(), "line-1")
    assert not logging.getLogger("uvicorn.error").isEnabledFor(logging.ERROR)
