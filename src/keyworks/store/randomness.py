"""Random octets by the handful, drawn from the system's generator by the page.

A draw is a system call, and issuing needs several small ones for each certificate. What is drawn here is public
once it is used, or harmless: identifiers, serial numbers, salts. Keys and secrets are drawn by themselves.
"""

import os
import threading
from typing import Final

_PAGE_OCTETS: Final = 4096


class _Page:
    """Octets drawn and not yet used; none is ever given out twice, in no thread and no process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._octets = b""
        self._used = 0
        os.register_at_fork(after_in_child=self._forget)

    def take(self, count: int) -> bytes:
        """Return the next octets."""
        with self._lock:
            end = self._used + count
            if end > len(self._octets):
                self._octets, self._used, end = os.urandom(max(_PAGE_OCTETS, count)), 0, count
            taken, self._used = self._octets[self._used : end], end
            return taken

    def _forget(self) -> None:
        """Drop in a forked process what its parent may use as well."""
        self._lock = threading.Lock()
        self._octets, self._used = b"", 0


_page: Final = _Page()


def random_octets(count: int) -> bytes:
    """Return random octets, unpredictable before they are used."""
    return _page.take(count)


def random_number(bits: int) -> int:
    """Return a random number of at most ``bits``, a multiple of 8."""
    return int.from_bytes(_page.take(bits // 8), "big")
