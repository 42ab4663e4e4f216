"""Every version can be seen and compared."""

import pytest

from keyworks.errors import OperatorError
from keyworks.service.channels import enable_channel
from keyworks.service.installation import Installation
from keyworks.service.policy.history import difference, export_policy, version_text, versions
from keyworks.testing import NOON


async def test_the_first_version_is_what_an_installation_was_created_with(operator: Installation) -> None:
    [first] = await versions(operator)
    assert (first.number, first.at, first.what) == (1, NOON, "init")
    assert await version_text(operator, 1) == await export_policy(operator)


async def test_two_versions_are_compared_in_either_direction(operator: Installation) -> None:
    await enable_channel(operator, "ldevid", enabled=False)
    for first, second, row in ((1, 2, ("enabled", True, False)), (2, 1, ("enabled", False, True))):
        [change] = await difference(operator, first, second)
        assert (change.title, change.rows) == ("channel ldevid", [row])
    assert await difference(operator, 2, 2) == ()


async def test_a_version_that_never_was_is_told(operator: Installation) -> None:
    with pytest.raises(OperatorError, match="no version 2 of the policy; see `keyworks policy history`"):
        await version_text(operator, 2)
