"""The steps of a device's life, as operators take them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keyworks.authority.recording import revoke_certificate
from keyworks.authority.status import CertificateRecord, Filter, list_certificates
from keyworks.devices.device import Device
from keyworks.devices.lifecycle import Step, steps_from
from keyworks.devices.records import set_state
from keyworks.errors import OperatorError
from keyworks.ledger.entry import SealedEntry
from keyworks.ledger.records import insert_entries
from keyworks.service.event import event
from keyworks.service.installation import Installation
from keyworks.store.engine import Transaction

_ALL = 1 << 31


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
    issued = list_certificates(tx, Filter(owner=f"device:{device.id}", most=_ALL))
    return Move(device, step, tuple(one for one in issued if one.state_at(at) == "valid"))


async def take_step(installation: Installation, moves: Sequence[Move]) -> None:
    """Take a step with all devices, or with none.

    Raises:
        OperatorError: A device has changed since it was planned.
    """
    entries = {move.device.id: _entries(installation, move) for move in moves if move.changes}
    await installation.store.write(_take, (moves, entries, installation.clock.now()))


def _entries(installation: Installation, move: Move) -> list[SealedEntry]:
    device, what = move.device, f"device:{move.device.id}"
    moved = (("serial_number", device.serial_number), ("from", device.state.value))
    revoked = [(("certificate", one.id), ("reason", move.step.revokes or "")) for one in move.revoked]
    return [
        event(installation, f"device.{move.step.past}", what, moved),
        *(event(installation, "certificate.revoked", what, detail) for detail in revoked),
    ]


def _take(
    tx: Transaction, items: Sequence[tuple[Sequence[Move], Mapping[str, list[SealedEntry]], int]]
) -> list[None]:
    for moves, entries, at in items:
        for move in moves:
            if not move.changes:
                continue
            if not set_state(tx, move.device.id, move.device.state, move.step.target):
                raise OperatorError(
                    f"Device {move.device.serial_number} changed in the meantime; nothing was done. Look again."
                )
            for one in move.revoked:
                revoke_certificate(tx, one.id, move.step.revokes or "", at)
            insert_entries(tx, entries[move.device.id])
    return [None] * len(items)
