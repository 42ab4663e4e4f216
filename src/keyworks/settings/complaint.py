"""What is wrong with a settings file, in words that need no programming language, and on which line."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_TYPES: Final = re.compile(r"Expected `(?P<wanted>[a-z]+)(?: \| null)?`, got `(?P<found>[a-z]+)`")
_MISSING: Final = re.compile(r"Object missing required field `(?P<name>[^`]+)`")
_HEADER: Final = re.compile(r"\s*\[\s*(?P<name>[^\[\]]+?)\s*\]\s*(?:#.*)?$")
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


def in_words(message: str) -> str:
    """Return msgspec's complaint about a setting, to be read after the setting's name."""
    types = _TYPES.match(message)
    if types is not None:
        wanted, found = types["wanted"], types["found"]
        return f"has to be {_WORDS.get(wanted, wanted)}, not {_FOUND.get(found) or _WORDS.get(found, found)}"
    missing = _MISSING.match(message)
    return (
        f"lacks '{missing['name']}', which has to be there" if missing is not None else f"is wrong: {message}"
    )


def line_of(text: str, path: tuple[str, ...]) -> int:
    """Return the line of a setting, or of its section, or 1."""
    wanted, section, found = ".".join(path), "", 1
    for number, line in enumerate(text.split("\n"), 1):
        header = _HEADER.match(line)
        if header is not None:
            section = header["name"]
            if section == wanted:
                return number
            if path and section == path[0]:
                found = number
        name = line.partition("=")[0].strip().strip("\"'")
        if name and wanted == (f"{section}.{name}" if section else name):
            return number
    return found
