"""``python -m tests.fuzz``: throw at every parser what it does not expect, for a while each.

What was found out is kept in ``build/fuzz``, and the next run goes on from there. A find is a file; give its
octets to ``tests/vectors/fuzz``, where every test run tries them.
"""

import argparse
import base64
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fuzz.corpus import kept
from tests.fuzz.targets import TARGETS

BUILD: Final = Path("build") / "fuzz"
LIMITS: Final = ("-max_len=20000", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1")
"""Of one input: octets, seconds and megabytes; beyond the latter two it is a find."""

_RUNS: Final = re.compile(r"stat::number_of_executed_units:\s+(\d+)")


@dataclass(frozen=True)
class Result:
    """What came of one target.

    Args:
        name: Its.
        runs: How many inputs were tried.
        reached: How many of them reach something of their own, of all runs so far.
        finds: Files with what it could not take.
        said: By the fuzzer, at the end.
    """

    name: str
    runs: int
    reached: int
    finds: Sequence[Path]
    said: str


def fuzz(name: str, seconds: int) -> Result:
    """Try a target for some seconds, from where the last run ended."""
    folder = BUILD / name
    corpus, finds = folder / "corpus", folder / "finds"
    for one in (corpus, finds):
        one.mkdir(parents=True, exist_ok=True)
    if not any(corpus.iterdir()):
        for number, octets in enumerate([*TARGETS[name].seeds(), *kept(name)]):
            (corpus / f"seed-{number}").write_bytes(octets)
    options = (*LIMITS, f"-max_total_time={seconds}", f"-artifact_prefix={finds}/")
    command = [sys.executable, "-m", "tests.fuzz.one", name, *options, str(corpus)]
    run = subprocess.run(command, capture_output=True, check=False, text=True, errors="replace")
    runs = _RUNS.search(run.stderr)
    count = len(list(corpus.iterdir()))
    said = "" if run.returncode == 0 else run.stdout[-2000:] + run.stderr[-1000:]
    return Result(name, int(runs[1]) if runs else 0, count, sorted(finds.iterdir()), said)


def main() -> int:
    """Try the targets, as many at a time as there are processors; return 1 if there was a find."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=30, help="for each target")
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS], help="all of them, if none is named")
    given = parser.parse_args()
    found = 0
    print(f"{'target':20} {'tried':>9} {'kept':>6} {'finds':>6}")
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for one in pool.map(lambda name: fuzz(name, given.seconds), given.targets or list(TARGETS)):
            print(f"{one.name:20} {one.runs:9} {one.reached:6} {len(one.finds):6}", flush=True)
            for find in one.finds:
                print(f"  {find}: {base64.b64encode(find.read_bytes()).decode()[:200]}")
            if one.said:
                print(one.said)
            found += len(one.finds) + bool(one.said)
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
