"""Desks of a supplier and of an operator who trusts it for devices."""

import pytest

from keyworks.access.principal import Kind
from keyworks.service.anchors import add_anchor
from keyworks.service.authorities import find_generation
from keyworks.service.installation import Installation
from keyworks.service.inventory import add_devices
from keyworks.testing import EnrollmentDesk, Holder
from keyworks.x509.certificate import pem_of


@pytest.fixture
async def desk(supplier: Installation) -> EnrollmentDesk:
    """A supplier's, where three drives of one maker are registered."""
    await add_devices(supplier, "Maker", "Drive", ["SN-1", "SN-2", "SN-3"])
    return EnrollmentDesk(supplier)


@pytest.fixture
async def station(desk: EnrollmentDesk) -> Holder:
    """A station of the supplier, which may use channel ``idevid``."""
    return await desk.station("line-1", "idevid")


@pytest.fixture
async def field(operator: Installation, desk: EnrollmentDesk) -> EnrollmentDesk:
    """An operator's, which trusts the supplier for Maker's devices, and has two of them in its inventory."""
    root = await find_generation(desk.installation, "idevid-root")
    pem = pem_of(root.certificate.der).encode()
    await add_anchor(operator, "maker", pem, Kind.DEVICE, "Maker")
    await add_devices(operator, "Maker", "Drive", ["SN-1", "SN-2"])
    return EnrollmentDesk(operator)
