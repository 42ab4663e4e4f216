"""``python -m tests.bench``: measure, print the table, write ``build/bench.json``."""

import asyncio
import tempfile
from pathlib import Path
from typing import Final

import uvloop

from tests.bench import crowd, engines, in_process, inventory, over_est, policy
from tests.bench.figure import keep, show

BUILD: Final = Path("build")


def main() -> None:
    """Measure everything, on an otherwise idle machine if the figures are to mean something."""
    BUILD.mkdir(exist_ok=True)  # on the disk of the checkout: a temporary folder may be in memory
    with tempfile.TemporaryDirectory(prefix="bench-", dir=BUILD) as name:
        folder = Path(name)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            figures = runner.run(in_process.measure(folder))
            figures += runner.run(inventory.measure(folder))
            figures += runner.run(engines.measure(folder))
        figures += over_est.measure(folder)
        figures += crowd.measure(folder)
        figures += policy.measure(folder)
    show(figures)
    keep(figures, BUILD / "bench.json")


if __name__ == "__main__":
    main()
