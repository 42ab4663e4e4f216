"""A path holds at the moment asked about, whatever was asked before with the same anchors."""

import pytest

from keyworks.authority.profile import CLOCK_SKEW
from keyworks.errors import InvalidPath
from keyworks.service.authorities import find_generation
from keyworks.service.installation import Installation
from keyworks.testing import NOON, EnrollmentDesk
from keyworks.x509.path import validate

_YEAR = 365 * 24 * 3600
_SKEW = int(CLOCK_SKEW.total_seconds())


@pytest.mark.parametrize("asked_before", [NOON, NOON + _YEAR + 1, NOON - _SKEW])
async def test_the_time_of_an_earlier_question_does_not_answer_a_later_one(
    operator: Installation, asked_before: int
) -> None:
    """RFC 5280 §6.1.3 (a) (2): the validity period includes the current time."""
    holder = await EnrollmentDesk(operator).station("line-1")
    chain, anchor = holder.presented.certificates, (await find_generation(operator, "root")).certificate
    try:
        validate(chain, [anchor], at=asked_before)
    except InvalidPath:
        assert asked_before > NOON
    assert validate(chain, [anchor], at=NOON).certificates[-1] == anchor
    with pytest.raises(InvalidPath, match="has expired on"):
        validate(chain, [anchor], at=NOON + _YEAR + 1)
