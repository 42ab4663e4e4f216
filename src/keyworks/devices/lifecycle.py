"""A device's life, as a table: which step leads from which states to which, and what becomes of certificates.

::

    registered → issued → shipped → commissioned → retired
         ↑ rework ┘  ↑ return ┴──────────┘
         └── found ── lost;  scrapped is the end

The first certificate makes a registered device an issued one (``records.issue_to``); every other step is an
operator's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from keyworks.devices.device import DeviceState

_S = DeviceState


@dataclass(frozen=True, slots=True)
class Step:
    """A step in a device's life.

    Args:
        verb: As operators call it.
        past: The same in the past tense, as the ledger calls it.
        sources: The states it leads from.
        target: The state it leads to.
        revokes: The RFC 5280 reason for which every live certificate is revoked; ``None`` leaves them.
        meaning: What it means, for people.
    """

    verb: str
    past: str
    sources: frozenset[DeviceState]
    target: DeviceState
    revokes: str | None
    meaning: str


_STEPS: Final = (
    Step(
        "ship",
        "shipped",
        frozenset({_S.ISSUED}),
        _S.SHIPPED,
        None,
        "it has left the line: its identity is no longer replaced",
    ),
    Step(
        "commission",
        "commissioned",
        frozenset({_S.ISSUED, _S.SHIPPED}),
        _S.COMMISSIONED,
        None,
        "it is in operation at its owner's",
    ),
    Step(
        "rework",
        "reworked",
        frozenset({_S.ISSUED}),
        _S.REGISTERED,
        "superseded",
        "it goes back to the start of the line, and gets another identity there",
    ),
    Step(
        "return",
        "returned",
        frozenset({_S.SHIPPED, _S.COMMISSIONED}),
        _S.ISSUED,
        None,
        "it is back at its maker's (RMA): its identity may be replaced until it is shipped again",
    ),
    Step(
        "retire",
        "retired",
        frozenset(set(_S) - {_S.SCRAPPED, _S.LOST}),
        _S.RETIRED,
        None,
        "nothing is issued to it any more; what it has stays valid",
    ),
    # Whoever has it has its keys. What is revoked as compromised is certified for nobody again.
    Step(
        "lose",
        "lost",
        frozenset(set(_S) - {_S.SCRAPPED}),
        _S.LOST,
        "keyCompromise",
        "it may be in wrong hands: its keys count as compromised",
    ),
    Step("found", "found", frozenset({_S.LOST}), _S.REGISTERED, None, "it is back, and needs new keys"),
    Step(
        "scrap",
        "scrapped",
        frozenset(set(_S)),
        _S.SCRAPPED,
        "cessationOfOperation",
        "it is destroyed; nothing is issued to it ever again",
    ),
)
STEPS: Final[Mapping[str, Step]] = MappingProxyType({step.verb: step for step in _STEPS})


def steps_from(state: DeviceState) -> tuple[str, ...]:
    """Return the verbs of the steps that lead on from a state."""
    return tuple(step.verb for step in _STEPS if state in step.sources and step.target is not state)
