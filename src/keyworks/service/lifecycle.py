"""The steps of a device's life, as operators take them."""

from collections.abc import Sequence
from dataclasses import dataclass

from keyworks.authority.recording import revoke_certificate
from keyworks.authority.status import CertificateRecord, certificates_of_owner
from keyworks.devices.device import Device
from keyworks.devices.lifecycle import Step, steps_from
from keyworks.devices.records import set_state
from keyworks.errors import OperatorError
from keyworks.ledger.records import insert_entries
from keyworks.service.event import event
from keyworks.service.installation import Installation
from keyworks.store.engine import Transaction


@dataclass(frozen=True, slots=True)
class Move:
    """What a step does to one device.

    Args:
        device: As it is before.
        step: Which.
        revoked: The live certificates that it revokes.
    """

    device: Device
    step: Step
    revoked: tuple[CertificateRecord, ...]

    @property
    def changes(self) -> bool:
        """Return whether it changes anything: the device may be there already."""
        return self.device.state is not self.step.target


async def plan_step(installation: Installation, devices: Sequence[Device], step: Step) -> list[Move]:
    """Return what a step would do to each device.

    Raises:
        OperatorError: One of them cannot take it from the state it is in.
    """
    for device in devices:
        if device.state is not step.target and device.state not in step.sources:
            raise _impossible(device, step)
    at = installation.clock.now()
    return await installation.store.read(lambda tx: [_move_of(tx, device, step, at) for device in devices])


def _impossible(device: Device, step: Step) -> OperatorError:
    possible = ", ".join(steps_from(device.state)) or "none"
    without = " without a certificate" if step.verb == "ship" and device.state == "registered" else ""
    return OperatorError(
        f"Device {device.serial_number} is {device.state.value}; it cannot become {step.target.value}{without}."
        f" Possible now: {possible}."
    )


def _move_of(tx: Transaction, device: Device, step: Step, at: int) -> Move:
    if step.revokes is None or device.state is step.target:
        return Move(device, step, ())
    issued = certificates_of_owner(tx, f"device:{device.id}")
    return Move(device, step, tuple(one for one in issued if one.state != "revoked" and one.not_after >= at))


async def take_step(installation: Installation, moves: Sequence[Move]) -> list[Move]:
    """Take a step with all devices, or with none.

    Returns:
        What was done: a certificate that was issued since it was planned is revoked as well.

    Raises:
        OperatorError: A device has changed since it was planned.
    """
    return await installation.store.write(_take, (installation, moves))


def _take(tx: Transaction, items: Sequence[tuple[Installation, Sequence[Move]]]) -> list[list[Move]]:
    return [[_take_one(tx, installation, move) for move in moves] for installation, moves in items]


def _take_one(tx: Transaction, installation: Installation, planned: Move) -> Move:
    device, step, at = planned.device, planned.step, installation.clock.now()
    if not planned.changes:
        return planned
    if not set_state(tx, device.id, device.state, step.target):
        raise OperatorError(
            f"Device {device.serial_number} changed in the meantime; nothing was done. Look again."
        )
    # Looked up in this very transaction: no certificate slips through that was issued meanwhile.
    move = _move_of(tx, device, step, at)
    what = f"device:{device.id}"
    moved = (("serial_number", device.serial_number), ("from", device.state.value))
    entries = [event(installation, f"device.{step.past}", what, moved)]
    for one in move.revoked:
        if revoke_certificate(tx, one.id, step.revokes or "", at):
            revoked = (("certificate", one.id), ("reason", step.revokes or ""))
            entries.append(event(installation, "certificate.revoked", what, revoked))
    insert_entries(tx, entries)
    return move
