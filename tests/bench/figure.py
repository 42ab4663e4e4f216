"""A figure, and how figures are shown and kept."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Args:
        name: What was measured.
        value: The measured value.
        unit: Of ``value``.
        ratio: What counts against the goal, where that is not the value itself.
        goal: As the comparison reads: ``>= 0.50`` or ``<= 120``.
        ok: Whether the goal is met.
    """

    name: str
    value: float
    unit: str
    ratio: float | None
    goal: str
    ok: bool


def at_least(name: str, value: float, unit: str, goal: float, ratio: float | None = None) -> Figure:
    """Return a figure of which more is better."""
    counted = value if ratio is None else ratio
    return Figure(name, round(value, 2), unit, _rounded(ratio), f">= {goal:g}", counted >= goal)


def at_most(name: str, value: float, unit: str, goal: float, ratio: float | None = None) -> Figure:
    """Return a figure of which less is better."""
    counted = value if ratio is None else ratio
    return Figure(name, round(value, 2), unit, _rounded(ratio), f"<= {goal:g}", counted <= goal)


def _rounded(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio, 3)


def show(figures: Sequence[Figure]) -> None:
    """Print the table."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("figure", "value", "unit", "ratio", "goal", ""):
        table.add_column(heading)
    for one in figures:
        ratio = "" if one.ratio is None else f"{one.ratio:.3f}"
        table.add_row(one.name, f"{one.value:,.2f}", one.unit, ratio, one.goal, "ok" if one.ok else "missed")
    Console(width=140).print(table)


def keep(figures: Sequence[Figure], file: Path) -> None:
    """Write the figures as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([asdict(one) for one in figures], indent=1) + "\n")
