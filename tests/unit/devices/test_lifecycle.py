"""The steps of a device's life."""

import pytest

from keyworks.devices.device import GONE, DeviceState
from keyworks.devices.lifecycle import STEPS, Step, steps_from


@pytest.mark.parametrize("step", STEPS.values(), ids=list(STEPS))
def test_a_step_leads_on_from_every_state_that_it_may_start_from(step: Step) -> None:
    assert all(step.verb in steps_from(state) for state in step.sources - {step.target})


def test_scrapped_is_the_end() -> None:
    assert steps_from(DeviceState.SCRAPPED) == ()


def test_every_state_but_the_first_two_is_reached_by_a_step() -> None:
    """A registered device becomes an issued one by its first certificate."""
    reached = {step.target for step in STEPS.values()}
    assert reached | {DeviceState.REGISTERED, DeviceState.ISSUED} == set(DeviceState)


def test_only_what_leaves_a_device_in_wrong_hands_or_none_revokes_for_good() -> None:
    reasons = {verb: step.revokes for verb, step in STEPS.items() if step.revokes}
    assert reasons == {"rework": "superseded", "lose": "keyCompromise", "scrap": "cessationOfOperation"}


def test_what_is_gone_comes_back_only_by_being_found() -> None:
    back = {step.verb for step in STEPS.values() if step.sources & GONE and step.target not in GONE}
    assert back == {"found"}
