"""``python -m tests.faults.crashing PLAN ...``: the product, killed at named points.

The product knows nothing of the points: they are put around its functions before it starts, and its workers
inherit them as they are forked. PLAN is a file with a ``Plan`` in JSON.
"""

import functools
import inspect
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from alembic.ddl.impl import DefaultImpl

from keyworks.authority.issue import IssuingPath
from keyworks.cli import main
from keyworks.ledger import sequencer
from keyworks.ledger.sequencer import Sequencer
from keyworks.protocols.est.endpoint import EST
from keyworks.server.transport import TLSConnection
from keyworks.store.postgresql.database import PostgreSQLDatabase
from keyworks.store.sqlite import SQLiteDatabase


@dataclass(frozen=True)
class Point:
    """A place in the product.

    Args:
        functions: Each as its module or class, and its name.
        after: Whether it is where the function has returned, or where it is called.
    """

    functions: tuple[tuple[Any, str], ...]
    after: bool


_COMMIT: Final = ((SQLiteDatabase, "commit"), (PostgreSQLDatabase, "commit"))

POINTS: Final[Mapping[str, Point]] = {
    "after sign": Point(((IssuingPath, "_sign"),), after=True),
    "before commit": Point(_COMMIT, after=False),
    "after commit": Point(_COMMIT, after=True),
    "before reply": Point(((EST, "respond"),), after=True),
    "after reply": Point(((TLSConnection, "send"),), after=True),
    "in sequencer": Point(((sequencer, "_write_tiles"),), after=False),
    "after sequencer": Point(((Sequencer, "sequence_once"),), after=True),
}
"""Those that serving comes by."""

IN_MIGRATION: Final = "in migration"
"""Before each statement of a migration."""

_ALL: Final = {**POINTS, IN_MIGRATION: Point(((DefaultImpl, "_exec"),), after=False)}


class Plan(msgspec.Struct, frozen=True):
    """When to kill: whoever is the next to come by when it is time, without a word to anybody.

    Args:
        point: One of the named ones.
        every: It is time when somebody comes by so often since the last kill.
        most: How many kills.
        kills: A folder; each kill leaves a file there.
    """

    point: str
    every: int
    most: int
    kills: str

    @property
    def killed(self) -> int:
        """Return how many kills there were."""
        return len(list(Path(self.kills).iterdir()))

    def install(self) -> None:
        """Put it into the product."""
        passed, killed = multiprocessing.Value("l", 0), self.killed
        lock = passed.get_lock()

        def come_by() -> None:
            with lock:
                passed.value += 1
                turn, rest = divmod(passed.value, self.every)
                if rest or turn + killed > self.most:
                    return
                (Path(self.kills) / str(turn + killed)).touch()
            os.kill(os.getpid(), signal.SIGKILL)

        point = _ALL[self.point]
        for owner, name in point.functions:
            setattr(owner, name, _around(getattr(owner, name), come_by, after=point.after))


def _around(function: Callable[..., Any], come_by: Callable[[], None], *, after: bool) -> Callable[..., Any]:
    """Return a function that does the same, and comes by before or after."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def around(*words: Any, **options: Any) -> Any:
            if not after:
                come_by()
            result = await function(*words, **options)
            if after:
                come_by()
            return result

        return around

    @functools.wraps(function)
    def around_plain(*words: Any, **options: Any) -> Any:
        if not after:
            come_by()
        result = function(*words, **options)
        if after:
            come_by()
        return result

    return around_plain


def crashing(point: str, every: int, most: int, folder: Path) -> tuple[Plan, tuple[str, ...]]:
    """Return a plan, and the program that is killed by it.

    Args:
        point: Where.
        every: How often somebody comes by in between.
        most: How many kills.
        folder: For the plan and its kills; not there yet.
    """
    (folder / "kills").mkdir(parents=True)
    plan = Plan(point, every, most, str(folder / "kills"))
    (folder / "plan").write_bytes(msgspec.json.encode(plan))
    return plan, (sys.executable, "-m", "tests.faults.crashing", str(folder / "plan"))


if __name__ == "__main__":
    msgspec.json.decode(Path(sys.argv.pop(1)).read_bytes(), type=Plan).install()
    main()
