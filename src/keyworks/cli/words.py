"""Values as words: for people on a terminal, for scripts in JSON."""

import json
from typing import Any, Final

FOREVER: Final = "9999-12-31T23:59:59Z"
"""What RFC 5280 §4.1.2.5 writes for a certificate that never expires."""


def visible(text: str) -> str:
    """Return text without anything that a terminal would obey: names may come from strangers."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else f"\\x{ord(one):02x}" for one in text)


def shown(value: Any) -> str:
    """Return a value as people read it, on one line."""
    if value is None or value in ([], ""):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(shown(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(one)}" for name, one in value.items())
    return "never" if value == FOREVER else visible(str(value)).replace("\n", "\\x0a")


def counted(count: int, noun: str) -> str:
    """Return a number of things, such as ``1 entry`` or ``2 entries``."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"


def as_json(document: Any) -> str:
    """Return a JSON document; ASCII, so that it survives any terminal and pipe."""
    return json.dumps(document, indent=2)
