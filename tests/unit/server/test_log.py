"""One line per event, whatever a stranger puts into it."""

import json
import logging
import os
import socket
import sys
from pathlib import Path

import pytest

from keyworks.server.log import configure_log
from keyworks.settings.node import Log

HOSTILE = "/a\n2026-01-01 [info] ready \x1b[31m\x00é"


def test_an_event_is_one_line_of_json_with_its_level_time_and_node(capfd: pytest.CaptureFixture[str]) -> None:
    configure_log(Log(), "line-1").info("refused", path=HOSTILE)
    output = capfd.readouterr().err
    line = json.loads(output)
    assert output.count("\n") == 1
    assert (line["event"], line["path"], line["level"], line["node"]) == ("refused", HOSTILE, "info", "line-1")
    assert line["timestamp"].endswith("Z")


def test_an_event_is_one_line_of_text_too(capfd: pytest.CaptureFixture[str]) -> None:
    """Otherwise a path with a line feed in it would forge events, one with an escape color the terminal."""
    configure_log(Log(format="text"), "line-1").info("refused", path=HOSTILE)
    output = capfd.readouterr().err
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
    level: str, heard: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    logger = configure_log(Log(level=level), "line-1")
    for name in ("debug", "info", "warning", "error"):
        getattr(logger, name)("said")
    assert [json.loads(line)["level"] for line in capfd.readouterr().err.splitlines()] == heard


def test_an_exception_stays_on_the_event_s_line(capfd: pytest.CaptureFixture[str]) -> None:
    configure_log(Log(), "line-1").error("failed", exc_info=ValueError("two\nlines"))
    output = capfd.readouterr().err
    assert output.count("\n") == 1
    assert "ValueError: two\nlines" in json.loads(output)["exception"]


def test_an_exception_forges_no_event_of_text(capfd: pytest.CaptureFixture[str]) -> None:
    configure_log(Log(format="text"), "line-1").error("failed", exc_info=ValueError(f"one{HOSTILE}"))
    output = capfd.readouterr().err
    event, *below = output.splitlines()
    assert "failed" in event
    assert "2026-01-01 [info] ready" in output
    assert [line for line in below if not line.startswith("    ")] == []
    assert "\x1b" not in output
    assert "\x00" not in output


def test_a_line_is_written_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several processes write to one pipe; a line feed that comes later would follow another's line."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs, os.fdopen(os.dup(ours.fileno()), "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        logger = configure_log(Log(), "line-1")
        logger.info("ready")
        logger.info("stopped")
        pieces = [json.loads(theirs.recv(4096))["event"] for _ in range(2)]
    assert pieces == ["ready", "stopped"]


def test_a_full_disk_under_the_log_fails_nobody_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What stayed in a buffer would fail the process when it ends."""
    with Path("/dev/full").open("w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        configure_log(Log(), "line-1").error("failed", exc_info=ValueError("x"))
        stream.flush()


def test_a_collector_that_has_gone_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        logger = configure_log(Log(), "line-1")
        logger.error("failed", exc_info=ValueError("x"))
        logger.info("ready")


def test_uvicorn_says_nothing_beside_it() -> None:
    configure_log(Log(), "line-1")
    assert not logging.getLogger("uvicorn.error").isEnabledFor(logging.ERROR)
