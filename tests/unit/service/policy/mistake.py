"""A mistake in a factory.toml, and what has to come of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from keyworks.errors import OperatorError
from keyworks.service.installation import Installation
from keyworks.service.policy.apply import Proposal
from keyworks.service.policy.history import export_policy, versions
from keyworks.testing import ledger_entries

Propose = Callable[[str], Awaitable[Proposal]]


@dataclass(frozen=True)
class Mistake:
    """Text added to the operator's policy, or put in the place of some of it.

    Args:
        added: At the end; the line told counts from its first.
        line: Where the mistake is, from 1.
        told: After the line.
    """

    added: str
    line: int
    told: str


async def state(operator: Installation) -> tuple[object, ...]:
    """Return what a refused document must not change."""
    return await export_policy(operator), await versions(operator), await ledger_entries(operator.store)


async def check(operator: Installation, text: str, proposed: Propose, mistake: Mistake) -> None:
    """Propose a policy with a mistake in it."""
    before = await state(operator)
    with pytest.raises(OperatorError) as refused:
        await proposed(f"{text}\n{mistake.added}\n")
    start = f"factory.toml:{text.count(chr(10)) + 1 + mistake.line}: "
    lines = refused.value.detail.split("\n")
    assert [line for line in lines if line.startswith(start) and mistake.told in line] != [], lines
    assert await state(operator) == before
