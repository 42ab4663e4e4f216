"""An interrupt before and after the command itself ends the process without a traceback."""

import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from keyworks.cli.interrupt import end_quietly, end_with_a_sentence


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        (signal.default_int_handler, end_quietly, signal.SIG_DFL),
        (signal.SIG_IGN, end_quietly, signal.SIG_IGN),
        (signal.SIG_DFL, end_with_a_sentence, signal.default_int_handler),
        (signal.SIG_IGN, end_with_a_sentence, signal.SIG_IGN),
    ],
)
def test_interrupts_are_taken_over_only_where_nobody_wants_them_ignored(
    before: Any, change: Callable[[], None], after: Any
) -> None:
    previous = signal.signal(signal.SIGINT, before)
    try:
        change()
        assert signal.getsignal(signal.SIGINT) == after
    finally:
        signal.signal(signal.SIGINT, previous)


def test_an_interrupt_while_the_command_is_imported_leaves_no_traceback() -> None:
    program = (
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'click':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "import keyworks.__main__\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
