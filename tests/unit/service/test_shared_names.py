"""What is registered for an account is no device's, and the other way round."""

from collections.abc import Mapping, Sequence

import pytest

from keyworks.access.principal import Kind
from keyworks.access.records import list_accounts
from keyworks.devices.names import Name, add_names
from keyworks.errors import OperatorError, RejectedName
from keyworks.service.accounts import NewAccount, add_account, set_account_active
from keyworks.service.importing import import_devices
from keyworks.service.installation import Installation
from keyworks.service.inventory import add_devices, find_device, name_device, names_of_device
from keyworks.service.policy.apply import apply, propose
from keyworks.service.policy.document import with_section
from keyworks.service.policy.history import present_policy
from keyworks.settings.factory import AccountSection, Draft, FactoryDocument
from keyworks.store.engine import Transaction

HOST = "pump-1.plant.example"


async def _account(installation: Installation, name: str, names: Mapping[str, tuple[str, ...]]) -> None:
    await add_account(installation, NewAccount(Kind.STATION, name, ("stations",), names))


async def _device(installation: Installation, kind: str, value: str) -> None:
    await add_devices(installation, "Maker", "Drive", ["SN-1"])
    await name_device(installation, await find_device(installation, "SN-1"), [(kind, value)])


@pytest.mark.parametrize(
    ("kind", "registered", "wanted"),
    [
        ("dns", "Pump-1.PLANT.example", HOST),
        ("ip", "2001:DB8::1", "2001:db8::1"),
        ("uri", "urn:pump:1", "urn:pump:1"),
        ("email", "pump@plant.example", "pump@plant.example"),
    ],
)
async def test_a_device_does_not_get_an_account_s_name(
    operator: Installation, kind: str, registered: str, wanted: str
) -> None:
    await _account(operator, "line-1", {kind: (registered,)})
    with pytest.raises(
        RejectedName, match=rf"The {kind} name '{wanted}' is registered for station line-1; cho"
    ):
        await _device(operator, kind, wanted)
    assert await names_of_device(operator, await find_device(operator, "SN-1")) == {}


async def test_an_import_tells_each_row_whose_name_it_wants(operator: Installation) -> None:
    await _account(operator, "line-1", {"dns": (HOST,)})
    table = f"manufacturer,product,serial_number,dns\nM,P,1,a.example\nM,P,2,{HOST}\n"
    done = await import_devices(operator, table.encode())
    assert [(one.line, one.reason) for one in done.refused] == [
        (
            3,
            (
                f"The dns name '{HOST}' is registered for station line-1; choose another, or take it from the "
                "account first."
            ),
        )
    ]
    assert done.added == 0


@pytest.mark.parametrize("value", [HOST, "PUMP-1.plant.example"])
async def test_an_account_does_not_get_a_device_s_name(operator: Installation, value: str) -> None:
    await _device(operator, "dns", HOST)
    with pytest.raises(
        OperatorError,
        match=rf"station\.line-1\.dns: '{HOST}' is registered for device SN-1 \(Maker, Drive\); choose "
        rf"another, or `keyworks device name remove SN-1 --dns {HOST}` first\.",
    ):
        await _account(operator, "line-1", {"dns": (value,)})
    assert await operator.store.read(list_accounts) == []
    await name_device(operator, await find_device(operator, "SN-1"), [("dns", HOST)], remove=True)
    await _account(operator, "line-1", {"dns": (value,)})


def _with_station(document: FactoryDocument) -> FactoryDocument:
    return with_section(document, "station", "line-1", AccountSection(channels=("stations",), dns=(HOST,)))


async def test_a_device_that_was_faster_than_an_apply_keeps_its_name(operator: Installation) -> None:
    """A name of a device is no change of the policy, so the plan does not become outdated by it."""
    proposal = await propose(operator, Draft(_with_station(await present_policy(operator))))
    await _device(operator, "dns", HOST)
    with pytest.raises(OperatorError, match="is registered for device SN-1"):
        await apply(operator, proposal, "apply factory.toml")
    assert await operator.store.read(list_accounts) == []


async def test_what_both_have_from_before_stands_in_no_other_change_s_way(operator: Installation) -> None:
    """Earlier releases let both have it."""
    await _account(operator, "line-1", {"dns": (HOST,)})
    await add_devices(operator, "Maker", "Drive", ["SN-1"])
    device = await find_device(operator, "SN-1")

    def as_before(tx: Transaction, items: Sequence[str]) -> list[list[Name]]:
        return [add_names(tx, one, [("dns", HOST)]) for one in items]

    await operator.store.write(as_before, device.id)
    await set_account_active(operator, Kind.STATION, "line-1", active=False)
    assert (await name_device(operator, device, [("dns", HOST)])).changed == ()
