"""What an operator does is in the ledger, in the transaction in which it happens."""

import importlib
import inspect
import json
import pkgutil
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from keyworks import service
from keyworks.access.principal import Kind
from keyworks.authority.status import CertificateRecord, Filter
from keyworks.devices.device import DeviceState
from keyworks.errors import InternalError
from keyworks.keys.purpose import Purpose
from keyworks.service import (
    anchors,
    authorities,
    certificates,
    channels,
    clock,
    description,
    inventory,
    keymaking,
    ledger,
    sequencing,
    server_certificate,
    stations,
)
from keyworks.service.event import event
from keyworks.service.installation import Installation
from keyworks.store.engine import Transaction
from keyworks.testing import NOON, FixedClock, ledger_entries, next_generation
from keyworks.x509.certificate import pem_of

Call = Callable[[Installation], Awaitable[object]]


async def _prepare(installation: Installation) -> None:
    """Make what the operations below change."""
    await inventory.add_devices(installation, "Maker", "Drive", ["SN-1"])
    await stations.add_station(installation, "line-1", ["idevid"])
    await _add_anchor(installation, "known")


async def _retire(installation: Installation) -> None:
    device = await inventory.find_device(installation, "SN-1")
    await inventory.move_device(installation, device, DeviceState.RETIRED)


async def _add_anchor(installation: Installation, name: str = "foreign") -> None:
    root = await authorities.find_generation(installation, "root")
    pem = pem_of(root.certificate.der).encode()
    await anchors.add_anchor(installation, name, pem, Kind.DEVICE, "Maker")


async def _start_next_generation(installation: Installation) -> None:
    await next_generation(installation, "issuing")


async def _server_record(installation: Installation) -> CertificateRecord:
    [record] = await certificates.certificates(installation, Filter(profile="tls-server"))
    return record


async def _revoke(installation: Installation) -> None:
    record = await _server_record(installation)
    await certificates.revoke_by_operator(installation, record.id, "superseded")


async def _renew(installation: Installation) -> None:
    assert isinstance(installation.clock, FixedClock)
    installation.clock.advance(timedelta(days=300))
    await server_certificate.server_certificate(installation)


async def _correct_clock(installation: Installation) -> None:
    assert isinstance(installation.clock, FixedClock)
    installation.clock.advance(timedelta(hours=-1))
    await clock.correct_clock_mark(installation, await clock.clock_state(installation))


NEW_AUTHORITY = authorities.NewAuthority("second", "root", "Example", "http://pki.example")
NEW_CHANNEL = channels.NewChannel("second", "issuing", "station")
OPERATIONS: dict[str, tuple[Call, tuple[str, ...]]] = {
    "create_authority": (
        lambda i: authorities.create_authority(i, NEW_AUTHORITY),
        ("key.generated", "certificate.intended", "certificate.issued"),
    ),
    "start_next_generation": (
        _start_next_generation,
        ("key.generated", "certificate.intended", "certificate.issued"),
    ),
    "create_channel": (lambda i: channels.create_channel(i, NEW_CHANNEL), ("channel.created",)),
    "enable_channel": (lambda i: channels.enable_channel(i, "idevid", enabled=False), ("channel.disabled",)),
    "set_default_channel": (lambda i: channels.set_default_channel(i, "idevid"), ("channel.made_default",)),
    "add_anchor": (_add_anchor, ("anchor.added",)),
    "drop_anchor": (lambda i: anchors.drop_anchor(i, "known"), ("anchor.removed",)),
    "add_station": (lambda i: stations.add_station(i, "line-9", ["idevid"]), ("station.registered",)),
    "set_station_active": (
        lambda i: stations.set_station_active(i, "line-1", active=False),
        ("station.disabled",),
    ),
    "add_devices": (
        lambda i: inventory.add_devices(i, "Maker", "Drive", ["SN-8", "SN-9"]),
        ("device.registered", "device.registered"),
    ),
    "move_device": (_retire, ("device.retired",)),
    "revoke_by_operator": (_revoke, ("certificate.revoked",)),
    "correct_clock_mark": (_correct_clock, ("clock.corrected",)),
    "make_key": (lambda i: keymaking.make_key(i, Purpose.TLS, "P-256", "test"), ("key.generated",)),
    "server_certificate": (_renew, ("key.generated", "certificate.issued")),
}
READS: dict[str, Call] = {
    "list_generations": authorities.list_generations,
    "plan_next_generation": lambda i: authorities.plan_next_generation(i, "root"),
    "find_generation": lambda i: authorities.find_generation(i, "root"),
    "list_channels": channels.list_channels,
    "clock_state": clock.clock_state,
    "all_anchors": anchors.all_anchors,
    "all_stations": stations.all_stations,
    "devices": lambda i: inventory.devices(i, inventory.DeviceFilter()),
    "certificates": lambda i: certificates.certificates(i, Filter()),
    "server_root": server_certificate.server_root,
    "valid_server_certificate": server_certificate.valid_server_certificate,
    "ledger_signer": sequencing.ledger_signer,
    "open_sequencer": sequencing.open_sequencer,
    "ledger_identity": ledger.ledger_identity,
    "newest": lambda i: ledger.newest(i, "", 5),
    "place_waiting": ledger.place_waiting,
}
"""What is only looked at, where that is easily asked for."""

ELSEWHERE = frozenset(
    {
        *("create_installation", "upgrade_installation"),  # tests of their own: they open what they work on
        *("find_device", "check_page", "certificates_of", "certificate", "export_chain", "describe"),
        *("export_ledger", "prove_entry", "issuance_of"),
    }
)


async def _actions(installation: Installation) -> list[str]:
    return [entry["action"] for entry in await ledger_entries(installation.store)]


def _refuse_entries(tx: Transaction, items: Sequence[None]) -> list[None]:
    sql = "CREATE TRIGGER refuse BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'no entries today'); END"
    for _ in items:
        tx._connection.execute(sql)
    return [None] * len(items)


def _everything(tx: Transaction) -> list[str]:
    return [line for line in tx._connection.iterdump() if '"clock_mark"' not in line]


def test_every_use_case_is_known_here() -> None:
    """A new one says whether it changes anything, and is tried below."""
    found = {
        name
        for module in pkgutil.iter_modules(service.__path__)
        for name, value in vars(importlib.import_module(f"keyworks.service.{module.name}")).items()
        if inspect.iscoroutinefunction(value) and not name.startswith("_")
        if value.__module__ == f"keyworks.service.{module.name}"
    }
    assert found == {*OPERATIONS, *READS, *ELSEWHERE}
    assert description.describe.__name__ in found


@pytest.mark.parametrize("name", OPERATIONS)
async def test_every_operation_is_entered_under_its_action(supplier: Installation, name: str) -> None:
    operation, expected = OPERATIONS[name]
    await _prepare(supplier)
    before = await _actions(supplier)
    await operation(supplier)
    assert (await _actions(supplier))[len(before) :] == list(expected)


@pytest.mark.parametrize("name", OPERATIONS)
async def test_what_cannot_be_entered_does_not_happen(supplier: Installation, name: str) -> None:
    operation, _ = OPERATIONS[name]
    await _prepare(supplier)
    await supplier.store.write(_refuse_entries, None)
    before = await supplier.store.read(_everything)
    with pytest.raises(InternalError):
        await operation(supplier)
    assert await supplier.store.read(_everything) == before


@pytest.mark.parametrize("name", READS)
async def test_looking_is_not_entered(supplier: Installation, name: str) -> None:
    before = await _actions(supplier)
    await READS[name](supplier)
    assert await _actions(supplier) == before


async def test_an_entry_says_who_did_what_when_and_where(supplier: Installation) -> None:
    entry = event(supplier, "thing.done", "thing:1", (("color", "green"),))
    body = json.loads(entry.body)
    del body["id"]
    assert body == {
        "at": NOON,
        "actor": supplier.operator.actor,
        "source": "local",
        "object": "thing:1",
        "action": "thing.done",
        "result": "ok",
        "request_hash": None,
        "detail": {"color": "green"},
    }


async def test_a_station_secret_is_never_entered(supplier: Installation, supplier_home: Path) -> None:
    new = await stations.add_station(supplier, "line-9", ["idevid"])
    await supplier.store.close()
    stored = b"".join(file.read_bytes() for file in supplier_home.iterdir())
    assert new.name.encode() in stored
    assert new.secret.encode() not in stored
