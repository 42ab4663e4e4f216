"""A server in processes of its own, while a block lasts: for the demo, the tests and the bench."""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PROGRAM: Final = (sys.executable, "-m", "keyworks")


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A real server in processes of its own.

    Args:
        process: The supervisor.
        enrollment: Base URL of the listener for devices and stations.
        console: Base URL of the listener for people.
        publication: Base URL of the plain listener.
        log: What it has logged since it was ready; grows.
    """

    process: "subprocess.Popen[str]"
    enrollment: str
    console: str
    publication: str
    log: "queue.SimpleQueue[str]"

    def log_lines(self) -> list[dict[str, Any]]:
        """Return what was logged since the last call (in JSON, as by default)."""
        lines = []
        while not self.log.empty():
            line = self.log.get()
            if line:  # otherwise it was the last
                lines.append(json.loads(line))
        return lines


@contextmanager
def running_server(
    home: Path,
    *,
    program: Sequence[str | Path] = PROGRAM,
    start_seconds: float = 30.0,
    stop_seconds: float = 30.0,
) -> Iterator[RunningServer]:
    """Run ``keyworks serve`` on the installation in ``home`` until the block ends.

    Args:
        home: The installation's folder; its log is in JSON.
        program: What is started as ``keyworks``.
        start_seconds: How long it may take to be ready.
        stop_seconds: How long it may take to stop; then it is killed.

    Raises:
        RuntimeError: It was not ready in time, or ended before; with what it logged.
    """
    command = [*program, "--home", str(home), "serve"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as process:
        log: queue.SimpleQueue[str] = queue.SimpleQueue()
        reader = threading.Thread(target=_read_log, args=(process, log), daemon=True)
        reader.start()
        try:
            ready = _wait_until_ready(log, start_seconds)
            yield RunningServer(process, ready["enrollment"], ready["console"], ready["publication"], log)
        finally:
            process.terminate()
            try:
                process.wait(stop_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
            reader.join()


def _read_log(process: "subprocess.Popen[str]", log: "queue.SimpleQueue[str]") -> None:
    for line in process.stderr or ():
        log.put(line)
    log.put("")


def _wait_until_ready(log: "queue.SimpleQueue[str]", seconds: float) -> dict[str, str]:
    seen: list[str] = []
    while True:
        try:
            line = log.get(timeout=seconds)
        except queue.Empty:
            raise RuntimeError(
                f"The server was not ready within {seconds} s; it said: {''.join(seen)}"
            ) from None
        if not line:
            raise RuntimeError(f"The server ended before it was ready; it said: {''.join(seen)}")
        seen.append(line)
        if '"ready"' in line:
            found: dict[str, str] = json.loads(line)
            return found
