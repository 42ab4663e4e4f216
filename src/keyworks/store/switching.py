"""Synchronous code that waits without stopping the event loop.

What works with a transaction is plain code: it asks the database and has the answer in the next line. Where the
answer comes over a network, that code runs in a greenlet, which is left while it waits, and entered again when
the answer is there. So one form of query serves both engines, and a slow server stops nobody else.
"""

from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar

from greenlet import getcurrent, greenlet

from keyworks.errors import InternalError

_P = ParamSpec("_P")
_T = TypeVar("_T")


async def switched(work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Return what ``work`` returns, run so that it may call ``wait_for``."""
    task: Any = greenlet(work)
    result = task.switch(*args, **kwargs)
    while not task.dead:
        try:
            awaited = await result
        except BaseException as error:  # noqa: BLE001 - it belongs to the code that waits
            result = task.throw(error)
        else:
            result = task.switch(awaited)
    return result  # type: ignore[no-any-return]


def wait_for(awaitable: Awaitable[_T]) -> _T:
    """Wait, from code that ``switched`` runs."""
    return ask(awaitable)  # type: ignore[no-any-return]


def ask(question: Any) -> Any:
    """Hand something to what runs the code that asks, and return its answer."""
    runs = getcurrent().parent
    if runs is None:
        raise InternalError("Nobody runs the code that waits.")
    return runs.switch(question)


def can_wait() -> bool:
    """Return whether ``switched`` runs the code that asks."""
    return getcurrent().parent is not None
