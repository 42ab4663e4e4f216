"""A server in processes of its own, while a block lasts."""

import queue
import sys
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

import pytest

from keyworks.server.running import RunningServer, running_server


def test_a_server_that_does_not_become_ready_is_reported_with_what_it_said(tmp_path: Path) -> None:
    told = pytest.raises(RuntimeError, match=r"ended before it was ready; it said: .*There is no Keyworks")
    with told, running_server(tmp_path):
        pass


def test_log_lines_are_told_once_and_the_end_is_none() -> None:
    log: queue.SimpleQueue[str] = queue.SimpleQueue()
    for line in ('{"event": "a"}\n', '{"event": "b"}\n', ""):
        log.put(line)
    with Popen([sys.executable, "-c", ""], stdin=DEVNULL, stderr=PIPE, text=True) as process:
        server = RunningServer(process, "", "", "", log)
        assert [line["event"] for line in server.log_lines()] == ["a", "b"]
        assert server.log_lines() == []
