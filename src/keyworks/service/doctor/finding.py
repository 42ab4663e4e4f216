"""What an examination finds."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    """It works now, and will not for ever."""

    ERROR = "error"
    """It does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Args:
        check: What was looked at, in one or two words.
        level: How much it matters.
        sentence: What was found.
        remedy: What to do; empty where there is nothing to do.
    """

    check: str
    level: Level
    sentence: str
    remedy: str = ""


def ok(check: str, sentence: str) -> Finding:
    """Return a finding of something that is as it should be."""
    return Finding(check, Level.OK, sentence)


def info(check: str, sentence: str, remedy: str = "") -> Finding:
    """Return a finding that is good to know."""
    return Finding(check, Level.INFO, sentence, remedy)


def warning(check: str, sentence: str, remedy: str) -> Finding:
    """Return a finding of something that will not work for ever."""
    return Finding(check, Level.WARNING, sentence, remedy)


def error(check: str, sentence: str, remedy: str) -> Finding:
    """Return a finding of something that does not work."""
    return Finding(check, Level.ERROR, sentence, remedy)
