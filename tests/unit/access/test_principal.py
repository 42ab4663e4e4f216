"""Who asks, as the ledger says it."""

import pytest

from keyworks.access.principal import DeviceIdentity, Kind, Principal


@pytest.mark.parametrize(
    ("principal", "text"),
    [
        (Principal(Kind.STATION, "line-1"), "station:line-1"),
        (Principal(Kind.SERVICE, "scheduler"), "service:scheduler"),
        (Principal(Kind.DEVICE, "S-1", DeviceIdentity("Example", "Pump", "S-1")), "device:Example/S-1"),
    ],
)
def test_a_principal_is_named_with_its_kind(principal: Principal, text: str) -> None:
    assert principal.text == text
