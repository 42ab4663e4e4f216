"""``keyworks device ship``, ``lose`` and the other steps."""

import pytest

from keyworks.cli.device import STATES
from keyworks.cli.device_steps import STEPS
from keyworks.devices.device import DeviceState
from keyworks.devices.lifecycle import STEPS as TABLE
from tests.unit.cli.typed import Typed, enroll_devices


def test_the_commands_are_the_steps_that_there_are() -> None:
    assert {verb: said.state for verb, said in STEPS.items()} == {
        verb: step.target.value for verb, step in TABLE.items()
    }
    assert {verb: said.revokes for verb, said in STEPS.items()} == {
        verb: step.revokes is not None for verb, step in TABLE.items()
    }
    assert tuple(STATES) == tuple(DeviceState)


def test_what_a_step_would_do_is_shown_and_not_done(supplier_cli: Typed) -> None:
    enroll_devices(supplier_cli.home, "SN-1")
    shown = supplier_cli.done("device", "lose", "SN-1", "--dry-run")
    assert shown == (
        "Device SN-1 would become lost; 1 certificate would be revoked (keyCompromise). Nothing was changed.\n"
    )
    assert supplier_cli.json("device", "show", "SN-1")["state"] == "issued"


def test_several_devices_take_a_step_together(supplier_cli: Typed) -> None:
    enroll_devices(supplier_cli.home, "SN-1", "SN-2")
    said = supplier_cli.done("device", "scrap", "SN-1", "SN-2", "SN-1", "--yes").splitlines()
    assert said == [
        f"Device {number} is scrapped; nothing is issued to it ever again. "
        "Revoked 1 certificate (cessationOfOperation)."
        for number in ("SN-1", "SN-2")
    ]
    told = supplier_cli.json("device", "scrap", "SN-1", "SN-2")
    assert [one["changed"] for one in told["devices"]] == [False, False]


@pytest.mark.parametrize("verb", [verb for verb, step in TABLE.items() if step.revokes])
def test_a_step_that_revokes_certificates_asks_first(supplier_cli: Typed, verb: str) -> None:
    enroll_devices(supplier_cli.home, "SN-1", "SN-2")
    for words, asked in (
        (("SN-1",), "Revoke 1 certificate of issued device SN-1 for ever? [y/N]: "),
        (("SN-1", "SN-2"), "Revoke 2 certificates of 2 devices for ever? [y/N]: "),
    ):
        for answer in ("n\n", ""):
            assert supplier_cli.refused("device", verb, *words, stdin=answer) == "Error: Nothing was changed."
        assert supplier_cli("device", verb, *words, stdin="n\n").stderr.startswith(asked)
    assert supplier_cli.json("device", "show", "SN-1")["state"] == "issued"
    assert "Revoked 1 certificate" in supplier_cli.done("device", verb, "SN-1", stdin="y\n")
    assert "nothing was changed" in supplier_cli.done("device", verb, "SN-1")


@pytest.mark.parametrize("verb", [verb for verb, step in TABLE.items() if not step.revokes])
def test_a_step_that_revokes_nothing_has_nothing_to_ask(supplier_cli: Typed, verb: str) -> None:
    assert "No such option '--yes'" in supplier_cli("device", verb, "SN-1", "--yes").stderr


@pytest.mark.parametrize("verb", STEPS)
def test_a_step_names_a_device_that_is_not_there(supplier_cli: Typed, verb: str) -> None:
    assert "There is no device 'SN-9'" in supplier_cli.refused("device", verb, "SN-9")


def test_an_impossible_step_says_what_is_possible(supplier_cli: Typed) -> None:
    enroll_devices(supplier_cli.home, "SN-1")
    supplier_cli.done("device", "ship", "SN-1")
    refused = supplier_cli.refused("device", "rework", "SN-1")
    assert refused.endswith("Possible now: commission, return, retire, lose, scrap.")
