"""What an operator does is in the ledger, in the transaction in which it happens."""

import importlib
import inspect
import json
import pkgutil
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from keyworks import service
from keyworks.access.credential import BasicCredentials
from keyworks.access.key_encryption_key import KeyEncryptionKey
from keyworks.access.principal import Kind
from keyworks.authority.channel import ChannelPolicy
from keyworks.authority.library import PROFILES
from keyworks.authority.pending import LIFETIME
from keyworks.authority.status import CertificateRecord, Filter
from keyworks.devices.lifecycle import STEPS
from keyworks.devices.records import DeviceFilter
from keyworks.errors import InternalError, Unavailable
from keyworks.keys.purpose import Purpose
from keyworks.service import (
    accounts,
    anchors,
    authorities,
    authority_policy,
    certificates,
    channels,
    clock,
    description,
    importing,
    inventory,
    key_encryption_keys,
    keymaking,
    ledger,
    lifecycle,
    orders,
    requests,
    sequencing,
    server_certificate,
    stations,
)
from keyworks.service.doctor import inside
from keyworks.service.event import event
from keyworks.service.installation import Installation
from keyworks.service.policy import apply, history
from keyworks.service.policy.apply import Proposal
from keyworks.service.policy.document import with_section
from keyworks.settings.factory import AuthoritySection, ChannelSection, Draft, SiteSection
from keyworks.store.engine import Transaction
from keyworks.store.schema import metadata
from keyworks.store.statement import Statement
from keyworks.testing import (
    NOON,
    EnrollmentDesk,
    FixedClock,
    ledger_entries,
    move,
    next_generation,
    refuse_inserts,
)
from keyworks.x509.certificate import pem_of
from tests.unit.authority.policed import policed

DEVICES = b"manufacturer,product,serial_number\nMaker,Drive,SN-7\n"
ORDERS = b"number,manufacturer,product,first,last\nPO-2,Maker,Drive,SN-6,SN-6\n"
NEW_ORDER = orders.NewOrder("PO-1", "Maker", "Drive", ("SN-5",))
KEY = KeyEncryptionKey(b"key 1", "station:line-1", bytes(16))
Call = Callable[[Installation], Awaitable[object]]


async def _prepare(installation: Installation) -> None:
    """Make what the operations below change."""
    await inventory.add_devices(installation, "Maker", "Drive", ["SN-1"])
    new = await stations.add_station(installation, "line-1", ["idevid"])
    desk, _, _ = policed(EnrollmentDesk(installation), new.enrolls_at, ChannelPolicy(approvals=1))
    with pytest.raises(Unavailable):
        await desk.enroll(new.enrolls_at, by=BasicCredentials("line-1", new.secret))
    await _add_anchor(installation, "known")
    await key_encryption_keys.add_key(installation, KEY)


async def _retire(installation: Installation) -> None:
    await move(installation, "SN-1", "retire")


async def _name(installation: Installation) -> None:
    device = await inventory.find_device(installation, "SN-1")
    await inventory.name_device(installation, device, [("tag", "T-1")])


async def _close_order(installation: Installation) -> None:
    await orders.add_orders(installation, [NEW_ORDER])
    await orders.change_order(installation, "PO-1", is_open=False)


async def _add_anchor(installation: Installation, name: str = "foreign") -> None:
    root = await authorities.find_generation(installation, "root")
    pem = pem_of(root.certificate.der).encode()
    await anchors.add_anchor(installation, name, pem, Kind.DEVICE, "Maker")


async def _propose(installation: Installation) -> Proposal:
    document = await history.present_policy(installation)
    section = ChannelSection(authority="issuing", profile="station")
    return await apply.propose(installation, Draft(with_section(document, "channel", "second", section)))


async def _apply(installation: Installation) -> None:
    await apply.apply(installation, await _propose(installation), "apply a file")


async def _amend(installation: Installation) -> None:
    await apply.amend(installation, "a site", lambda one: with_section(one, "site", "hall-1", SiteSection()))


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


async def _waiting_request(installation: Installation) -> str:
    """Return the id of the station's request, which waits for approval."""
    [one] = await requests.list_requests(installation, "", "", 9)
    return one.id


async def _decided(
    installation: Installation, decide: Callable[[Installation, str], Awaitable[object]]
) -> None:
    await decide(installation, await _waiting_request(installation))


async def _expire_requests(installation: Installation) -> None:
    assert isinstance(installation.clock, FixedClock)
    installation.clock.advance(LIFETIME + timedelta(seconds=1))
    await requests.expire_requests(installation)


async def _correct_clock(installation: Installation) -> None:
    assert isinstance(installation.clock, FixedClock)
    installation.clock.advance(timedelta(hours=-1))
    await clock.correct_clock_mark(installation, await clock.clock_state(installation))


NEW_AUTHORITY = authority_policy.NewAuthority("second", "root")
SECOND = AuthoritySection(profile="root", organization="Example", publication_url="http://pki.example")
APPLIED = "policy.applied"
NEW_CHANNEL = channels.NewChannel("second", "issuing", "station")
OPERATIONS: dict[str, tuple[Call, tuple[str, ...]]] = {
    "create_authority": (
        lambda i: authority_policy.create_authority(i, NEW_AUTHORITY),
        ("key.generated", "certificate.intended", "certificate.issued", "authority.added", APPLIED),
    ),
    "prepare_authority": (
        lambda i: authorities.prepare_authority(i, "second", SECOND, PROFILES["root"]),
        ("key.generated", "certificate.intended", "certificate.issued"),
    ),
    "set_key_type": (
        lambda i: authority_policy.set_key_type(i, "issuing", "P-384"),
        ("authority.changed", APPLIED),
    ),
    "apply": (_apply, ("channel.added", APPLIED)),
    "amend": (_amend, ("site.added", APPLIED)),
    "start_next_generation": (
        _start_next_generation,
        ("key.generated", "certificate.intended", "certificate.issued"),
    ),
    "create_channel": (lambda i: channels.create_channel(i, NEW_CHANNEL), ("channel.added", APPLIED)),
    "enable_channel": (
        lambda i: channels.enable_channel(i, "idevid", enabled=False),
        ("channel.changed", APPLIED),
    ),
    "set_default_channel": (lambda i: channels.set_default_channel(i, "idevid"), ("channel.changed", APPLIED)),
    "add_anchor": (_add_anchor, ("anchor.added", APPLIED)),
    "drop_anchor": (lambda i: anchors.drop_anchor(i, "known"), ("anchor.removed", APPLIED)),
    "add_station": (
        lambda i: stations.add_station(i, "line-9", ["idevid"]),
        ("station.added", APPLIED, "secret.made"),
    ),
    "add_account": (
        lambda i: accounts.add_account(i, accounts.NewAccount(Kind.STATION, "line-9", ("stations",))),
        ("station.added", APPLIED, "secret.made"),
    ),
    "renew_secret": (lambda i: accounts.renew_secret(i, Kind.STATION, "line-1"), ("secret.made",)),
    "add_key": (
        lambda i: key_encryption_keys.add_key(i, replace(KEY, identifier=b"key 2")),
        ("key.shared",),
    ),
    "remove_key": (
        lambda i: key_encryption_keys.remove_key(i, KEY.owner, KEY.identifier),
        ("key.forgotten",),
    ),
    "set_account_active": (
        lambda i: accounts.set_account_active(i, Kind.STATION, "line-1", active=False),
        ("station.changed", APPLIED),
    ),
    "add_devices": (
        lambda i: inventory.add_devices(i, "Maker", "Drive", ["SN-8", "SN-9"]),
        ("device.registered", "device.registered"),
    ),
    "take_step": (_retire, ("device.retired",)),
    "name_device": (_name, ("device.named",)),
    "import_devices": (lambda i: importing.import_devices(i, DEVICES), ("device.registered",)),
    "import_orders": (lambda i: importing.import_orders(i, ORDERS), ("order.added", "device.registered")),
    "add_orders": (lambda i: orders.add_orders(i, [NEW_ORDER]), ("order.added", "device.registered")),
    "change_order": (_close_order, ("order.added", "device.registered", "order.closed")),
    "revoke_by_operator": (_revoke, ("certificate.revoked",)),
    "approve_request": (
        lambda i: _decided(i, requests.approve_request),
        ("request.approved",),
    ),
    "reject_request": (
        lambda i: _decided(i, lambda i, one: requests.reject_request(i, one, "unknown")),
        ("request.rejected",),
    ),
    "expire_requests": (_expire_requests, ("request.expired",)),
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
    "keys_of": lambda i: key_encryption_keys.keys_of(i, KEY.owner),
    "accounts_of": lambda i: accounts.accounts_of(i, Kind.STATION),
    "propose": _propose,
    "present_policy": history.present_policy,
    "export_policy": history.export_policy,
    "versions": history.versions,
    "version_text": lambda i: history.version_text(i, 1),
    "difference": lambda i: history.difference(i, 1, 1),
    "plan_step": lambda i: lifecycle.plan_step(i, [], STEPS["ship"]),
    "all_orders": orders.all_orders,
    "devices": lambda i: inventory.devices(i, DeviceFilter()),
    "certificates": lambda i: certificates.certificates(i, Filter()),
    "server_signer": server_certificate.server_signer,
    "server_root": server_certificate.server_root,
    "valid_server_certificate": server_certificate.valid_server_certificate,
    "published_by": inside.published_by,
    "ledger_signer": sequencing.ledger_signer,
    "open_sequencer": sequencing.open_sequencer,
    "ledger_identity": ledger.ledger_identity,
    "list_requests": lambda i: requests.list_requests(i, "", "", 9),
    "newest": lambda i: ledger.newest(i, "", 5),
    "place_waiting": ledger.place_waiting,
}
"""What is only looked at, where that is easily asked for."""

ELSEWHERE = frozenset(
    {
        # with tests of their own: they open what they work on
        *("create_installation", "join_installation", "move_installation", "upgrade_installation"),
        *(
            "find_account",
            "find_device",
            "find_order",
            "find_request",
            "make_rollover",
            "names_of_device",
            "history_of",
            "check_page",
            "certificates_of",
            "certificate",
            "export_chain",
            "describe",
        ),
        "examine",  # looks at an installation from outside
        *("export_ledger", "prove_entry", "issuance_of"),
    }
)


async def _actions(installation: Installation) -> list[str]:
    return [entry["action"] for entry in await ledger_entries(installation.store)]


def _everything(tx: Transaction) -> list[list[tuple[Any, ...]]]:
    return [tx.execute(Statement(select(one))) for one in metadata.sorted_tables if one.name != "clock_mark"]


def test_every_use_case_is_known_here() -> None:
    """A new one says whether it changes anything, and is tried below."""
    found = {
        name
        for module in pkgutil.walk_packages(service.__path__, "keyworks.service.")
        for name, value in vars(importlib.import_module(module.name)).items()
        if inspect.iscoroutinefunction(value) and not name.startswith("_")
        if value.__module__ == module.name
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
    await supplier.store.write(refuse_inserts, "entry")
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
    stored = repr(await supplier.store.read(_everything))
    assert new.name in stored
    assert new.secret not in stored
    await supplier.store.close()
    assert new.secret.encode() not in b"".join(file.read_bytes() for file in supplier_home.iterdir())
