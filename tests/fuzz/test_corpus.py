"""Everything that fuzzing has kept, again with every test run; a find of former times stays mended."""

import pytest

from tests.fuzz.corpus import VECTORS, kept
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_kept_is_read_or_refused(name: str) -> None:
    target = TARGETS[name]
    for octets in target.seeds():
        target(octets)
        for end in range(0, len(octets), max(1, len(octets) // 50)):
            target(octets[:end])
    for octets in kept(name):
        target(octets)


def test_nothing_is_kept_for_a_target_that_is_not_there() -> None:
    assert {one.stem for one in VECTORS.glob("*")} <= set(TARGETS)
