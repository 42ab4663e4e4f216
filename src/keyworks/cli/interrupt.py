"""Ctrl-C while there is nothing to say about it: at the beginning and at the end of the process."""

import signal


def end_quietly() -> None:
    """Let an interrupt end the process at once, without a traceback.

    Whoever started the process with interrupts ignored keeps that.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def end_with_a_sentence() -> None:
    """Let an interrupt raise `KeyboardInterrupt` again: from now on somebody makes a sentence of it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
