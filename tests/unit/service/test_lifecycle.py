"""The steps of a device's life, and what becomes of its certificates."""

from collections.abc import Mapping
from typing import Any

import pytest

from keyworks.authority.status import CertificateRecord
from keyworks.devices.device import DeviceState
from keyworks.devices.lifecycle import STEPS
from keyworks.errors import NotAuthorized, OperatorError
from keyworks.oids import SERIAL_NUMBER
from keyworks.service.installation import Installation
from keyworks.service.inventory import add_devices, certificates_of, find_device
from keyworks.service.lifecycle import plan_step, take_step
from keyworks.testing import NOON, EnrollmentDesk, Holder, ledger_entries, move, software_signer
from keyworks.x509.name import Name

SN_1 = Name.of((SERIAL_NUMBER, "SN-1"))
WAYS = {
    DeviceState.REGISTERED: (),
    DeviceState.ISSUED: ("enroll",),
    DeviceState.SHIPPED: ("enroll", "ship"),
    DeviceState.COMMISSIONED: ("enroll", "commission"),
    DeviceState.RETIRED: ("enroll", "retire"),
    DeviceState.LOST: ("enroll", "lose"),
    DeviceState.SCRAPPED: ("enroll", "scrap"),
}


async def _in(supplier: Installation, state: DeviceState) -> tuple[EnrollmentDesk, Holder]:
    """Bring a device to a state, by the way that devices go."""
    desk = EnrollmentDesk(supplier)
    station = await desk.station("line-1", "idevid")
    await add_devices(supplier, "Maker", "Drive", ["SN-1"])
    for step in WAYS[state]:
        if step == "enroll":
            await desk.enroll("idevid", SN_1, by=station)
        else:
            await move(supplier, "SN-1", step)
    return desk, station


async def _certificates(supplier: Installation) -> list[CertificateRecord]:
    return await certificates_of(supplier, await find_device(supplier, "SN-1"))


async def _steps(supplier: Installation) -> list[Mapping[str, Any]]:
    return [one for one in await ledger_entries(supplier.store) if one["action"].startswith("device.")]


@pytest.mark.parametrize("state", DeviceState)
@pytest.mark.parametrize("verb", STEPS)
async def test_a_step_is_taken_from_where_the_table_says_and_recorded_or_refused_with_what_is_possible(
    supplier: Installation, state: DeviceState, verb: str
) -> None:
    await _in(supplier, state)
    step, before = STEPS[verb], len(await _steps(supplier))
    if state is step.target:
        assert not (await move(supplier, "SN-1", verb))[0].changes
    elif state in step.sources:
        await move(supplier, "SN-1", verb)
        entry = (await _steps(supplier))[before]
        assert (entry["action"], entry["detail"]["from"]) == (f"device.{step.past}", state)
        assert (await find_device(supplier, "SN-1")).state is step.target
        return
    else:
        with pytest.raises(OperatorError, match=f"is {state}; it cannot become {step.target}.*Possible now: "):
            await move(supplier, "SN-1", verb)
    assert (await find_device(supplier, "SN-1")).state is state
    assert len(await _steps(supplier)) == before


@pytest.mark.parametrize(("verb", "reason"), [(step.verb, step.revokes) for step in STEPS.values()])
async def test_a_step_revokes_what_the_table_says(
    supplier: Installation, verb: str, reason: str | None
) -> None:
    start = (
        next(state for state in (DeviceState.ISSUED, DeviceState.SHIPPED) if state in STEPS[verb].sources)
        if (verb != "found")
        else DeviceState.LOST
    )
    await _in(supplier, start)
    [before] = await _certificates(supplier)
    await move(supplier, "SN-1", verb)
    [after] = await _certificates(supplier)
    expected = before.state_at(NOON) if reason is None else "revoked"
    assert after.state_at(NOON) == expected
    assert (after.revocation_reason == reason) or reason is None


async def test_a_device_that_is_reworked_or_returned_gets_another_identity(supplier: Installation) -> None:
    desk, station = await _in(supplier, DeviceState.ISSUED)
    await move(supplier, "SN-1", "rework")
    await desk.enroll("idevid", SN_1, by=station)
    await move(supplier, "SN-1", "ship")
    with pytest.raises(NotAuthorized, match="has left the line"):
        await desk.enroll("idevid", SN_1, by=station)
    await move(supplier, "SN-1", "return")
    await desk.enroll("idevid", SN_1, by=station)
    assert [one.state_at(NOON) for one in await _certificates(supplier)] == ["revoked", "revoked", "valid"]


async def test_a_lost_device_s_key_is_never_certified_again_but_a_new_one_is(supplier: Installation) -> None:
    desk, station = await _in(supplier, DeviceState.REGISTERED)
    key = software_signer()
    await desk.enroll("idevid", SN_1, by=station, signer=key)
    await move(supplier, "SN-1", "lose")
    with pytest.raises(NotAuthorized, match="is lost; it gets no certificates"):
        await desk.enroll("idevid", SN_1, by=station)
    await move(supplier, "SN-1", "found")
    with pytest.raises(NotAuthorized, match="revoked as compromised"):
        await desk.enroll("idevid", SN_1, by=station, signer=key)
    await desk.enroll("idevid", SN_1, by=station)


async def test_of_several_devices_all_take_a_step_or_none(supplier: Installation) -> None:
    await _in(supplier, DeviceState.ISSUED)
    await add_devices(supplier, "Maker", "Drive", ["SN-2"])
    both = [await find_device(supplier, number) for number in ("SN-1", "SN-2")]
    with pytest.raises(OperatorError, match="SN-2 is registered; it cannot become shipped without a cert"):
        await plan_step(supplier, both, STEPS["ship"])
    moves = await plan_step(supplier, both, STEPS["scrap"])
    await move(supplier, "SN-2", "retire")
    with pytest.raises(OperatorError, match="changed in the meantime; nothing was done"):
        await take_step(supplier, moves)
    assert (await find_device(supplier, "SN-1")).state is DeviceState.ISSUED
    assert (await _certificates(supplier))[0].state_at(NOON) == "valid"


async def test_a_certificate_issued_after_the_step_was_planned_is_revoked_as_well(
    supplier: Installation,
) -> None:
    desk, station = await _in(supplier, DeviceState.ISSUED)
    moves = await plan_step(supplier, [await find_device(supplier, "SN-1")], STEPS["lose"])
    await desk.enroll("idevid", SN_1, by=station)
    [done] = await take_step(supplier, moves)
    certificates = await _certificates(supplier)
    assert [one.state_at(NOON) for one in certificates] == ["revoked", "revoked"]
    assert [one.id for one in done.revoked] == [certificates[1].id]
    revoked = await ledger_entries(supplier.store, "certificate.revoked")
    assert [one["detail"]["reason"] for one in revoked] == ["superseded", "keyCompromise"]
