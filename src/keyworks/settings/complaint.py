"""What is wrong with a settings file, in words that need no programming language."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_TYPES: Final = re.compile(r"Expected `(?P<wanted>[a-z]+)(?: \| null)?`, got `(?P<found>[a-z]+)`")
_WHERE: Final = re.compile(r" - at `\$(?P<path>[^`]*)`")
_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "object": "a section",
        "array": "a list",
        "str": "text in quotes",
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
        "date": "a date",
        "time": "a time",
        "datetime": "a date and time",
    }
)
_FOUND: Final[Mapping[str, str]] = MappingProxyType({"float": "a number with a point"})


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something that cannot be, or cannot be done.

    Args:
        path: Sections and name of the setting.
        sentence: What is wrong, why, and what to do; names the setting.
    """

    path: tuple[str, ...]
    sentence: str


def about(text: str, *path: str) -> Complaint:
    """Return a complaint that begins with the setting's name."""
    return Complaint(path, f"{'.'.join(path)}: {text}")


def wrong_type(path: tuple[str, ...], message: str) -> Complaint:
    """Return msgspec's complaint about the value of a setting, in our words."""
    where = _WHERE.search(message)
    which = "an entry of " if where and where["path"] else ""
    return Complaint(path, f"{which}{'.'.join(path) or 'the file'} {_in_words(_WHERE.sub('', message))}.")


def _in_words(message: str) -> str:
    types = _TYPES.match(message)
    if types is None:
        return f"is wrong: {message}"
    wanted, found = types["wanted"], types["found"]
    return f"has to be {_WORDS.get(wanted, wanted)}, not {_FOUND.get(found) or _WORDS.get(found, found)}"


def unknown_name(path: tuple[str, ...], known: Iterable[str]) -> Complaint:
    """Return the complaint about a setting that does not exist, with the one that was probably meant."""
    names = tuple(known)
    near = difflib.get_close_matches(path[-1], names, 1, 0.5)
    meant = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(names)}."
    return Complaint(path, f"there is no setting '{'.'.join(path)}'; {meant}")


def missing_name(path: tuple[str, ...], name: str) -> Complaint:
    """Return the complaint about a section that lacks a setting."""
    return Complaint((*path, name), f"{'.'.join(path) or 'the file'} lacks '{name}', which has to be there.")
