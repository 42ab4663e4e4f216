"""An operator's installation, and its policy as a file that tests change."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from keyworks.service.installation import Installation
from keyworks.service.policy.apply import Proposal, apply, propose
from keyworks.service.policy.history import export_policy
from keyworks.settings.factory import read_factory
from keyworks.settings.toml import Source

Propose = Callable[[str], Awaitable[Proposal]]


@pytest.fixture
async def text(operator: Installation) -> str:
    """The operator's policy, as it is exported."""
    return await export_policy(operator)


@pytest.fixture
def proposed(operator: Installation, tmp_path: Path) -> Propose:
    """Proposes a text as ``factory.toml``."""

    async def proposed(text: str) -> Proposal:
        return await propose(operator, read_factory(Source("factory.toml", text), tmp_path))

    return proposed


@pytest.fixture
def applied(operator: Installation, proposed: Propose) -> Propose:
    """Applies a text as ``factory.toml``, and returns what it changed."""

    async def applied(text: str) -> Proposal:
        proposal = await proposed(text)
        await apply(operator, proposal, "apply factory.toml")
        return proposal

    return applied
