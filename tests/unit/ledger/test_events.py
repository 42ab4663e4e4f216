"""Every action that is written is in the catalogue, and the other way round."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import keyworks
from keyworks.devices.lifecycle import STEPS
from keyworks.ledger.events import EVENTS, SECTIONS
from keyworks.settings.factory import FactoryDocument

SOURCE = Path(keyworks.__file__).parent
WRITERS = {"event", "_entry", "_refusal", "Entry", "entry"}
"""Functions and methods that make entries; their action is one of these arguments."""

COMPOSED = {
    "{change.section}.{verb}": {
        f"{one}.{verb}" for one in SECTIONS for verb in ("added", "changed", "removed")
    },
    "device.{step.past}": {f"device.{step.past}" for step in STEPS.values()},
}
"""Actions that are composed, with what they can be."""


def _written() -> Iterator[tuple[str, str]]:
    """Yield each action with the file that writes it: where an entry is made, or `action` is given a value."""
    for file in SOURCE.rglob("*.py"):
        place = str(file.relative_to(SOURCE))
        if place.startswith(("cli/", "settings/", "enroll/", "store/")) or place.endswith("events.py"):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            for value in _actions(node):
                yield from ((action, place) for action in _literals(value))


def _actions(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call) and _called(node.func) in WRITERS:
        yield from node.args
        yield from (one.value for one in node.keywords if one.arg == "action")
    if isinstance(node, ast.Assign) and any(
        isinstance(one, ast.Name) and one.id == "action" for one in node.targets
    ):
        yield node.value


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _literals(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.IfExp):
        yield from (*_literals(value.body), *_literals(value.orelse))
    elif isinstance(value, ast.Constant) and isinstance(value.value, str) and _is_action(value.value):
        yield value.value
    elif isinstance(value, ast.JoinedStr):
        text = "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"{{{ast.unparse(part.value)}}}"
            for part in value.values
            if isinstance(part, ast.Constant | ast.FormattedValue)
        )
        yield from COMPOSED.get(text, {text} if _is_action(text) else ())


def _is_action(text: str) -> bool:
    noun, dot, verb = text.partition(".")
    return bool(dot) and noun.isalpha() and verb.replace("_", "").isalpha()


@pytest.mark.parametrize(("action", "place"), sorted(set(_written())))
def test_what_is_written_is_declared(action: str, place: str) -> None:
    assert action in EVENTS, f"{place} writes '{action}': add a line for it in ledger/events.py"


def test_what_is_declared_is_written() -> None:
    assert {action for action, _ in _written()} == set(EVENTS)


def test_every_section_of_a_factory_toml_has_its_events() -> None:
    assert set(SECTIONS) == set(FactoryDocument.__struct_fields__)


def test_every_field_of_every_event_is_explained() -> None:
    """What is in an entry is compared with this in `tests/conftest.py`, after each test of an installation."""
    assert [one.action for one in EVENTS.values() if not all(one.detail.values()) or not one.meaning] == []


@pytest.mark.parametrize(
    ("action", "names", "allowed"),
    [
        ("clock.corrected", {"from", "to"}, True),
        ("clock.corrected", {"from"}, True),
        ("clock.corrected", {"from", "why"}, False),
        ("requests.refused", {"192.0.2.7 NotFound"}, True),
        ("order.closed", {"order"}, False),
    ],
)
def test_an_entry_has_no_field_that_its_event_does_not_name(
    action: str, names: set[str], allowed: bool
) -> None:
    assert EVENTS[action].allows(frozenset(names)) is allowed
