"""``keyworks device ship``, ``retire`` and the other steps of a device's life."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from keyworks.cli.command import Command, Session, confirmed
from keyworks.cli.device_words import which
from keyworks.cli.table import report
from keyworks.cli.words import counted

if TYPE_CHECKING:
    from keyworks.service.installation import Installation
    from keyworks.service.lifecycle import Move


@dataclass(frozen=True, slots=True)
class _Said:
    """What a command says of a step.

    Args:
        help: Of the command.
        state: That the device has afterwards.
        after: What it means for the device.
        revokes: Whether it revokes certificates: that is asked first, because nothing takes it back.
        shows_certificates: Whether to say how to list the certificates that stay valid.
    """

    help: str
    state: str
    after: str
    revokes: bool = False
    shows_certificates: bool = False


STEPS: Final = {
    "ship": _Said(
        "Mark devices shipped: from then on their identity can no longer be replaced.",
        "shipped",
        "a request with another key is refused from now on",
    ),
    "commission": _Said(
        "Mark devices commissioned: they are in operation at their owner's.",
        "commissioned",
        "it is in operation",
    ),
    "rework": _Said(
        "Send devices back to the start of the line: their certificates are revoked (superseded).",
        "registered",
        "it gets its next identity on the line",
        revokes=True,
    ),
    "return": _Said(
        "Take devices back at their maker's (RMA): until shipped again, their identity may be replaced.",
        "issued",
        "what it has stays valid until a station replaces it",
    ),
    "retire": _Said(
        "Retire devices: nothing is issued to them any more.\n\nTheir certificates stay valid until they are "
        "revoked (see `keyworks certificate revoke`).",
        "retired",
        "Its certificates are not revoked by that; list them with:",
        shows_certificates=True,
    ),
    "lose": _Said(
        "Mark devices lost: their certificates are revoked (keyCompromise), their keys never certified again.",
        "lost",
        "its keys count as compromised",
        revokes=True,
    ),
    "found": _Said(
        "Take lost devices back: they may enroll again, with new keys.",
        "registered",
        "it needs a new key",
    ),
    "scrap": _Said(
        "Mark devices destroyed: their certificates are revoked (cessationOfOperation), and that is the end.",
        "scrapped",
        "nothing is issued to it ever again",
        revokes=True,
    ),
}


def _command(verb: str, said: _Said) -> click.Command:
    @click.command(
        verb,
        cls=Command,
        help=said.help,
        examples=(f"keyworks device {verb} SN-0001", f"keyworks device {verb} SN-0001 --dry-run"),
    )
    @click.argument("serial_numbers", nargs=-1, required=True, metavar="SERIAL...")
    @which
    @click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
    @click.pass_obj
    def step(session: Session, /, **given: Any) -> None:
        _take(session, verb, given)

    return click.option("--yes", is_flag=True, help="Do not ask.")(step) if said.revokes else step


STEP_COMMANDS: Final = tuple(_command(verb, said) for verb, said in STEPS.items())


def _take(session: Session, verb: str, given: dict[str, Any]) -> None:
    from keyworks.devices.lifecycle import STEPS as TABLE
    from keyworks.service.inventory import find_device
    from keyworks.service.lifecycle import plan_step, take_step

    async def plan(installation: "Installation") -> "list[Move]":
        serial_numbers = dict.fromkeys(given["serial_numbers"])
        found = [
            await find_device(installation, one, given["product"], given["manufacturer"])
            for one in serial_numbers
        ]
        return await plan_step(installation, found, TABLE[verb])

    moves = session.run(plan)
    if not given["dry_run"]:
        if any(move.revoked for move in moves) and not given["yes"]:
            confirmed(f"Revoke {_at_stake(moves)} for ever?", "Nothing was changed.")
        moves = session.run(lambda installation: take_step(installation, moves))
    _report(session, STEPS[verb], moves, given)


def _at_stake(moves: "Sequence[Move]") -> str:
    concerned = [move for move in moves if move.revoked]
    certificates = counted(sum(len(move.revoked) for move in concerned), "certificate")
    if len(concerned) > 1:
        return f"{certificates} of {counted(len(concerned), 'device')}"
    device = concerned[0].device
    return f"{certificates} of {device.state.value} device {device.serial_number}"


def _report(session: Session, said: _Said, moves: "Sequence[Move]", given: dict[str, Any]) -> None:
    documents = [
        {
            "serial_number": move.device.serial_number,
            "state": said.state,
            "from": move.device.state.value,
            "changed": move.changes and not given["dry_run"],
            "revoked": [one.id for one in move.revoked],
        }
        for move in moves
    ]
    lines = [line for move in moves for line in _lines(session, said, move, given)]
    report(session, documents[0] if len(documents) == 1 else {"devices": documents}, *lines)


def _lines(session: Session, said: _Said, move: "Move", given: dict[str, Any]) -> list[str]:
    named = f"Device {move.device.serial_number}"
    revoked = counted(len(move.revoked), "certificate")
    if given["dry_run"]:
        also = f"; {revoked} would be revoked ({move.step.revokes})" if move.revoked else ""
        would = f"would become {said.state}" if move.changes else f"is {said.state} already"
        return [f"{named} {would}{also}. Nothing was changed."]
    if not move.changes:
        return [f"{named} is {said.state} already; nothing was changed."]
    if said.shows_certificates:
        listing = f"  {session.typed} certificate list {_owned_by(move.device.serial_number, given)}"
        return [f"{named} is {said.state}. {said.after}", listing]
    also = f" Revoked {revoked} ({move.step.revokes})." if move.revoked else ""
    return [f"{named} is {said.state}; {said.after}.{also}"]


def _owned_by(serial_number: str, given: dict[str, Any]) -> str:
    options = {
        "--device": serial_number,
        "--product": given["product"],
        "--manufacturer": given["manufacturer"],
    }
    return " ".join(f"{name} {shlex.quote(value)}" for name, value in options.items() if value)
