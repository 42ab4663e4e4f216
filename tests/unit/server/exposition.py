"""Prometheus' text format 0.0.4, read strictly."""

import re
from typing import Final

_NAME: Final = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABELS: Final = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
_SAMPLE: Final = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (-?[0-9.e+-]+|NaN|[+-]Inf)")

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read_metrics(text: str) -> Samples:
    """Return the samples; each belongs to a metric that was introduced before, and comes once."""
    found: Samples = {}
    kinds: dict[str, str] = {}
    helped: set[str] = set()
    assert text.endswith("\n")
    for line in text.splitlines():
        words = line.split(" ", 3)
        if words[:2] == ["#", "HELP"]:
            assert words[2] not in helped
            helped.add(words[2])
        elif words[:2] == ["#", "TYPE"]:
            assert words[2] in helped
            assert words[3] in ("counter", "gauge", "histogram")
            kinds[words[2]] = words[3]
        else:
            name, labels, value = _sample(line)
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            assert name in kinds or kinds.get(base) == "histogram", line
            assert (name, labels) not in found, line
            found[name, labels] = value
    return found


def _sample(line: str) -> tuple[str, tuple[tuple[str, str], ...], float]:
    match = _SAMPLE.fullmatch(line)
    assert match is not None, line
    inside = match[2] or ""
    labels = tuple(_LABELS.findall(inside))
    assert "".join(f'{name}="{value}",' for name, value in labels).rstrip(",") == inside, line
    return match[1], labels, float(match[3])
