"""TOML files as frozen values: read with every complaint at once, each with its line; written canonically.

Unknown names are refused with the nearest valid one, because a setting that is silently ignored is found during
the next outage.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar, get_args, get_origin

import msgspec

from keyworks.errors import OperatorError
from keyworks.settings.complaint import Complaint, missing_name, unknown_name, wrong_type

MAX_FILE_OCTETS: Final = 4 * 1024 * 1024
MAX_COMPLAINTS: Final = 25
"""Told at once; whoever made more mistakes reads the others the next time."""

_TWICE: Final = ("Cannot declare", "Cannot overwrite")
"""How tomllib begins when something is there twice."""

_NOTHING: Final = object()
"""In the place of a value that cannot be."""

_Kind = TypeVar("_Kind", bound="Section")
_Path = tuple[str, ...]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A table of a file; what it may hold are its fields."""


@dataclass(frozen=True)
class Source:
    """A TOML file as it was read.

    Args:
        name: As people call it.
        text: What it says.
    """

    name: str
    text: str

    @classmethod
    def of(cls, file: Path) -> "Source":
        """Read a file.

        Raises:
            OperatorError: It cannot be read, is too large, or is no text.
        """
        try:
            with file.open("rb") as stream:
                return cls.parse(str(file), stream.read(MAX_FILE_OCTETS + 1))
        except OSError as error:
            raise OperatorError(f"{file} cannot be read: {error.strerror}.") from error

    @classmethod
    def parse(cls, name: str, octets: bytes) -> "Source":
        """Return what the octets of a file say.

        Raises:
            OperatorError: They are too many, or no text.
        """
        if len(octets) > MAX_FILE_OCTETS:
            raise OperatorError(
                f"{name} is larger than {MAX_FILE_OCTETS} octets; it cannot be a settings file."
            )
        try:
            return cls(name, octets.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise OperatorError(f"{name} is not TOML: {error}.") from error

    def read(self, kind: type[_Kind], former: Sequence[tuple[str, str]] = ()) -> _Kind:
        """Return the file as a value.

        Args:
            kind: Of the value.
            former: Section and name of settings that a former release wrote; they are passed over.

        Raises:
            OperatorError: It is not TOML, or no such value; every reason with its line and remedy.
        """
        found, complaints = self.read_leniently(kind, former)
        if found is None or complaints:
            raise self.refusal(complaints)
        return found

    def read_leniently(
        self, kind: type[_Kind], former: Sequence[tuple[str, str]] = ()
    ) -> tuple[_Kind | None, list[Complaint]]:
        """Return the file as a value, as far as it is one, and what is wrong with the rest.

        In the value, settings that cannot be are as by default, or empty where they have to be there. There is
        no value where a whole section cannot be: whatever refers to it would seem wrong too.

        Args:
            kind: Of the value.
            former: As for ``read``.

        Raises:
            OperatorError: It is not TOML.
        """
        try:
            document = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            raise self._not_toml(str(error)) from error
        except (ValueError, RecursionError) as error:
            raise OperatorError(f"{self.name} is not TOML: {error}.") from error
        for section, name in former:
            if isinstance(table := document.get(section), dict):
                table.pop(name, None)
        complaints: list[Complaint] = []
        found = _value(document, kind, (), complaints)
        return (None if found is _NOTHING else found), complaints

    def refusal(self, complaints: Sequence[Complaint]) -> OperatorError:
        """Return complaints as one error: a line for each, in the order of the file."""
        placed = sorted(((self.line_of(one.path), one.sentence) for one in complaints), key=lambda one: one[0])
        lines = [f"{self.name}:{line}: {sentence}" for line, sentence in dict.fromkeys(placed)]
        if len(lines) > MAX_COMPLAINTS:
            lines[MAX_COMPLAINTS:] = [f"... and {len(lines) - MAX_COMPLAINTS} more."]
        return OperatorError("\n".join(lines))

    def line_of(self, path: _Path) -> int:
        """Return the line of a setting, or of the innermost section around it that is there, or 1."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return self._lines[path[:length]]
        return 1

    @cached_property
    def _lines(self) -> Mapping[_Path, int]:
        lines: dict[_Path, int] = {}
        for path, line in statements(self.text):
            for length in range(1, len(path) + 1):
                lines.setdefault(path[:length], line)
        return lines

    def _not_toml(self, message: str) -> OperatorError:
        """Return tomllib's complaint; of what is there twice, with both lines."""
        what, _, place = message.partition(" (at line ")
        if not place:
            return OperatorError(f"{self.name} is not TOML: {message}.")
        line = int(place.partition(",")[0])
        earlier: dict[_Path, int] = {}
        for path, number in statements(self.text) if what.startswith(_TWICE) else ():
            if line in (number, number + 1) and path in earlier:
                what = f"'{'.'.join(path)}' is there twice, first in line {earlier[path]}; keep one of them"
                return OperatorError(f"{self.name}:{number}: this is not TOML: {what}.")
            earlier.setdefault(path, number)
        return OperatorError(f"{self.name}:{line}: this is not TOML: {what}.")


def _value(value: Any, kind: Any, path: _Path, complaints: list[Complaint]) -> Any:
    """Return a value of the wanted kind; where it cannot be one, complain and return ``_NOTHING``."""
    section = _section_in(kind)
    if section is not None and isinstance(value, dict):
        if get_origin(kind) is dict:
            tables = {name: _value(one, section, (*path, name), complaints) for name, one in value.items()}
            return _NOTHING if _NOTHING in tables.values() else tables
        return _table(value, section, path, complaints)
    try:
        # Of a section, only that it has to be one is still to be said.
        return msgspec.convert(value, dict if section is not None else kind, strict=True)
    except msgspec.ValidationError as error:
        complaints.append(wrong_type(path, str(error)))
        return _NOTHING


def _section_in(kind: Any) -> type[Section] | None:
    """Return the section that a kind of value is, or is made of by name."""
    inner = get_args(kind)[1] if get_origin(kind) is dict else kind
    return inner if isinstance(inner, type) and issubclass(inner, Section) else None


def _table(value: Mapping[str, Any], kind: type[Section], path: _Path, complaints: list[Complaint]) -> Any:
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    unknown = [name for name in value if name not in fields]
    complaints += [unknown_name((*path, name), fields) for name in unknown]
    complaints += [
        missing_name(path, name) for name, field in fields.items() if field.required and name not in value
    ]
    given = {
        name: _value(one, fields[name].type, (*path, name), complaints)
        for name, one in value.items()
        if name in fields
    }
    faulty = [name for name in fields if given.get(name) is _NOTHING]
    lost = [name for name in faulty if _section_in(fields[name].type) is not None]
    if lost or any(isinstance(value[name], dict) for name in unknown):
        return _NOTHING
    for name in faulty:
        del given[name]
    lacking = [name for name, field in fields.items() if field.required and name not in given]
    if any(fields[name].type is not str for name in lacking):
        return _NOTHING
    return kind(**given, **dict.fromkeys(lacking, ""))


_TOKEN: Final = re.compile(
    r"""
    (?P<comment>\#[^\n]*)
    | (?P<long>\"{3}(?:\\.|[^\\])*?\"{3,5} | '{3}.*?'{3,5})
    | (?P<quoted>"(?:\\.|[^"\\\n])*" | '[^'\n]*')
    | (?P<bare>[A-Za-z0-9_-]+)
    | (?P<other>\S | \n)
    """,
    re.VERBOSE | re.DOTALL,
)


def statements(text: str) -> Iterator[tuple[_Path, int]]:
    """Yield the path and the line of each section's head and each setting, as far as the text is TOML."""
    section: _Path = ()
    parts: list[str] = []
    depth, line, in_value = 0, 1, False
    for token in _TOKEN.finditer(text):
        kind, found = token.lastgroup, token.group()
        if found == "\n" and (depth == 0 or not in_value):
            parts, depth, in_value = [], 0, False
        elif kind == "other" and not in_value and found == "=":
            yield (*section, *parts), line
            in_value = True
        elif kind == "other" and found in "[{":
            depth += 1
        elif kind == "other" and found in "]}":
            depth -= 1
            if not in_value and depth == 0:
                section = tuple(parts)
                yield section, line
        elif kind in ("bare", "quoted") and not in_value:
            parts.append(_name(found))
        line += found.count("\n")


def _name(token: str) -> str:
    try:
        return str(tomllib.loads(f"name = {token}")["name"]) if token[0] in "\"'" else token
    except ValueError:
        return token


_ESCAPES: Final = {"\\": "\\\\", '"': '\\"'}
"""TOML 1.0, basic strings; whatever cannot be seen is escaped by its number."""

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def render(document: Section) -> str:
    """Return a value as a file; equal values give equal files, and what is as by default is left out.

    Raises:
        OperatorError: A text in it is not Unicode.
    """
    return "\n".join(_tables(document, ())).lstrip("\n") + "\n"


def _tables(section: Section, path: _Path) -> Iterator[str]:
    inner: list[tuple[_Path, Section]] = []
    for field in msgspec.structs.fields(section):
        value = getattr(section, field.name)
        if isinstance(value, Section):
            inner.append(((*path, field.name), value))
        elif _section_in(field.type) is not None:
            inner += [((*path, field.name, name), one) for name, one in sorted(value.items())]
        elif field.required or value != field.default:
            yield f"{field.name} = {_written(value)}"
    for name, one in inner:
        yield f"\n[{'.'.join(map(_key, name))}]"
        yield from _tables(one, name)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _long(value) if "\n" in value else quoted(value)
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(name)} = {_written(one)}' for name, one in value.items())} }}"
    if isinstance(value, Sequence):
        return f"[{', '.join(map(_written, value))}]"
    return repr(value)


def _long(text: str) -> str:
    lines = "\n".join(quoted(line)[1:-1] for line in text.split("\n"))
    return f'"""\n{lines}"""'


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else quoted(name)


def quoted(text: str) -> str:
    """Return a text as it stands in a file, on one line.

    Raises:
        OperatorError: It is not Unicode.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise OperatorError(f"{text!r} is not Unicode text; settings cannot hold it.") from error
    return '"' + "".join(_ESCAPES.get(char) or _escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    return char if char.isprintable() else f"\\U{ord(char):08x}"
