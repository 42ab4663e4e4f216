"""Opaque, time-ordered identifiers of rows."""

import threading
import time
from typing import Final

from keyworks.store.randomness import random_number

_RANDOM_BITS: Final = 74
_DRAWN_BITS: Final = 80
_FREE_BITS: Final = _DRAWN_BITS - (_RANDOM_BITS - 1)
"""The first random bit stays free, so that steps do not overflow."""

_STEP: Final = (1 << 32) - 1
_RAND_B_BITS: Final = 62


class _Sequence:
    """What was made last: within a millisecond, ids grow by random steps, and so keep their order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._milliseconds = 0
        self._random = 0

    def next(self, milliseconds: int) -> tuple[int, int]:
        """Return the time and the random part of the next id.

        Args:
            milliseconds: The present time since the epoch; a clock set back does not set ids back.

        Source: RFC 9562 §6.2, method 2 (monotonic random).
        """
        with self._lock:
            random = random_number(_DRAWN_BITS)
            grown = self._random + 1 + (random & _STEP)
            if milliseconds > self._milliseconds:
                self._milliseconds, self._random = milliseconds, random >> _FREE_BITS
            elif grown >> _RANDOM_BITS:
                self._milliseconds, self._random = self._milliseconds + 1, random >> _FREE_BITS
            else:
                self._random = grown
            return self._milliseconds, self._random


_sequence: Final = _Sequence()


def new_id() -> str:
    """Return a UUIDv7 in its canonical text form; greater than every one this process made before.

    Source: RFC 9562 §5.7.
    """
    return _text(*_sequence.next(time.time_ns() // 1_000_000))


def _text(milliseconds: int, random: int) -> str:
    rand_a, rand_b = random >> _RAND_B_BITS, random & ((1 << _RAND_B_BITS) - 1)
    value = milliseconds << 80 | 0x7 << 76 | rand_a << 64 | 0x2 << 62 | rand_b
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
