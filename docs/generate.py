"""Makes the pages of ``docs/reference`` that the code itself knows; one function per page.

Run it after changing what a page describes::

    .venv/bin/python docs/generate.py
"""

import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final

import msgspec
from generator.profiles import profiles
from generator.table import table

from keyworks import errors
from keyworks.ledger.events import ANYTHING, EVENTS, Event
from keyworks.lint import ieee8021ar, local, rfc5280
from keyworks.lint import profiles as profile_rules
from keyworks.protocols.exchange import STATUS
from keyworks.settings.factory import FactoryDocument
from keyworks.settings.node import NodeSettings

REFERENCE: Final = Path(__file__).with_name("reference")
_NOTICE: Final = "<!-- Made by docs/generate.py from the code; change the code, then run it again. -->"
_ROW: Final = re.compile(r"^ {4}(?:    )?(?P<name>\w+): (?P<text>.+)$")


def _summary(documented: object) -> str:
    return (inspect.getdoc(documented) or "").splitlines()[0]


def _arguments(documented: object) -> Mapping[str, str]:
    """Return what the Args section of a docstring says about each name, continuation lines joined."""
    lines = (inspect.getdoc(documented) or "").partition("Args:\n")[2].splitlines()
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        row = _ROW.match(line)
        if row is not None:
            name = row["name"]
            found[name] = row["text"]
        elif name and line.startswith(" " * 8):
            found[name] += f" {line.strip()}"
        else:
            break
    return found


def lint_rules() -> Iterator[str]:
    """List every rule with its clause."""
    yield "# Lint rules\n"
    yield "Every certificate meets all of these rules before it is signed, on the octets that would be signed"
    yield "(`lint/__init__.py`). One broken rule, and nothing is signed:"
    yield "the requester gets an internal error, the log the rule's name.\n"
    for title, module in (
        ("RFC 5280", rfc5280),
        ("IEEE 802.1AR", ieee8021ar),
        ("Profiles", profile_rules),
        ("Our own", local),
    ):
        yield from _rules_of(title, module)


def _rules_of(title: str, module: ModuleType) -> Iterator[str]:
    source = module.__name__.rpartition(".")[2]
    yield f"## {title}\n"
    yield f"Declared in `lint/{source}.py`.\n"
    rules = sorted((*module.FRAME_RULES, *module.RULES), key=lambda rule: rule.__code__.co_firstlineno)
    yield from table(
        ("rule", "what it asks for"), ((f"`{source}.{rule.__name__}`", _summary(rule)) for rule in rules)
    )


def error_causes() -> Iterator[str]:
    """Show what each cause becomes on the wire."""
    yield "# Errors\n"
    yield "Every refusal has a cause (`errors.py`),"
    yield "and each protocol has one table from causes to its own codes."
    yield "A cause without a row of its own has its parent's."
    yield "The reply's body is one sentence that says what is wrong and what to do;"
    yield "of an internal error it says no more than that there was one.\n"
    yield "## EST and plain HTTP\n"
    yield "Declared in `protocols/exchange.py`.\n"
    yield from table(
        ("cause", "what it means", "HTTP status"), _causes(errors.KeyworksError.__subclasses__(), 0)
    )
    yield "Replies with 401 carry `WWW-Authenticate`, replies with 503 `Retry-After`.\n"
    yield "Before a request has a cause, the listener itself answers what is too large, too slow or no request"
    yield "(`server/limits.py`):"
    yield "400 (no HTTP, no host, too long a certificate chain), 408 (head or body took too long), 413 (body),"
    yield "414 (path), 429 (too many requests at once on one connection), 431 (head);"
    yield "and the adapter 405 (method) and 415 (media type)."


def _causes(classes: Sequence[type[errors.KeyworksError]], depth: int) -> Iterator[tuple[str, ...]]:
    for cause in classes:
        if cause.__module__ != errors.__name__:
            continue
        status = next((str(STATUS[one]) for one in cause.__mro__ if one in STATUS), "as its kinds below")
        yield f"{'&emsp;' * depth}`{cause.__name__}`", _summary(cause), status
        yield from _causes(cause.__subclasses__(), depth + 1)


def settings() -> Iterator[str]:
    """List every setting of ``keyworks.toml`` with its default."""
    yield "# Settings: keyworks.toml\n"
    yield "The settings of one node; declared in `settings/node.py`."
    yield "What the installation issues, to whom and under which authority is not here:"
    yield "that is the [policy](factory.md)."
    yield "A name that is not listed is refused, with its line and the nearest name that is.\n"
    for section in msgspec.structs.fields(NodeSettings):
        yield from _section(f"[{section.name}]", section.type)


def factory() -> Iterator[str]:
    """List every setting of ``factory.toml`` with its default."""
    yield "# Policy: factory.toml\n"
    yield "The policy of the whole installation; declared in `settings/factory.py`."
    yield "`keyworks plan FILE` shows what it would change, `keyworks apply FILE` lets it come into force"
    yield "([how to](../howto/describe-your-factory.md))."
    yield "A name that is not listed is refused, with its line and the nearest name that is.\n"
    yield "In a section's head, `NAME` is the name under which other sections and commands know it.\n"
    for section in msgspec.structs.fields(FactoryDocument):
        named = typing.get_origin(section.type) is dict
        declared = typing.get_args(section.type)[1] if named else section.type
        yield from _section(f"[{section.name}{'.NAME' if named else ''}]", declared)


def _section(head: str, declared: type[msgspec.Struct]) -> Iterator[str]:
    yield f"## {head}\n"
    yield f"{_summary(declared)}\n"
    described = _arguments(declared)
    yield from table(
        ("setting", "type", "default", "what it is"),
        (_setting_row(one, described[one.name]) for one in msgspec.structs.fields(declared)),
    )


def _setting_row(field: msgspec.structs.FieldInfo, description: str) -> tuple[str, ...]:
    kind = str(field.type) if not isinstance(field.type, type) else field.type.__name__
    words = {
        "str": "text",
        "int": "whole number",
        "float": "number",
        "bool": "true or false",
        "tuple[str, ...]": "list of texts",
        "tuple[tuple[str, ...], ...]": "list of lists of texts",
        "dict[str, tuple[str, ...]]": "table of lists of texts",
    }
    if field.required:
        default = "required"
    elif field.default is None:
        default = "not set"
    else:
        default = f"`{msgspec.json.encode(field.default).decode()}`"
    return f"`{field.name}`", words[kind.removesuffix(" | None")], default, description


def events() -> Iterator[str]:
    """List every event that the ledger can have."""
    yield "# Ledger events\n"
    yield "Every entry has an action of a fixed name; declared in `ledger/events.py`."
    yield "Besides, it has the time, the actor (such as `station:line-1` or `operator:root`),"
    yield "the address it came from, what it was done to (such as `device:ID`), the result"
    yield "(`ok`, or the cause of a refusal, see [errors](errors.md))"
    yield "and the SHA-256 of the request, if there was one."
    yield "`keyworks ledger show` prints them, `keyworks device history` those about one device.\n"
    yield from table(
        ("action", "what happened", "what the detail says"),
        ((f"`{one.action}`", one.meaning, _fields_of(one)) for one in EVENTS.values()),
    )


def _fields_of(event: Event) -> str:
    fields = (f"`{name}`: {says}" if name != ANYTHING else says for name, says in event.detail.items())
    return "; ".join(fields) or "nothing more"


PAGES: Final[Mapping[str, Callable[[], Iterator[str]]]] = MappingProxyType(
    {
        "profiles.md": profiles,
        "lint-rules.md": lint_rules,
        "errors.md": error_causes,
        "settings.md": settings,
        "factory.md": factory,
        "events.md": events,
    }
)


def page(name: str) -> str:
    """Return the text of one page."""
    return "\n".join((_NOTICE, "", *PAGES[name]())).rstrip("\n") + "\n"


def main() -> None:
    """Write every page."""
    for name in PAGES:
        (REFERENCE / name).write_text(page(name), encoding="utf-8")
        sys.stdout.write(f"docs/reference/{name}\n")


if __name__ == "__main__":
    main()
