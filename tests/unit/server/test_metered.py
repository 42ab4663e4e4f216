"""What a worker issues is counted, by channel."""

from dataclasses import replace

from keyworks.oids import SERIAL_NUMBER
from keyworks.server.meter import Board
from keyworks.server.metered import MeteredPath
from keyworks.service.installation import Installation
from keyworks.service.inventory import add_devices
from keyworks.testing import EnrollmentDesk, software_signer
from keyworks.x509.name import Name


async def test_a_certificate_is_counted_once_however_often_it_is_asked_for(supplier: Installation) -> None:
    board = Board(1)
    path = MeteredPath(supplier.store, supplier.keystore.signer, supplier.clock, board.meter(0))
    desk = EnrollmentDesk(replace(supplier, path=path))
    await add_devices(supplier, "Example Supplier", "Pump", ["SN-1", "SN-2"])
    line, signer = await desk.station("line-1", "idevid"), software_signer()
    for _ in range(3):
        await desk.enroll("idevid", Name.of((SERIAL_NUMBER, "SN-1")), by=line, signer=signer)
    await desk.enroll("idevid", Name.of((SERIAL_NUMBER, "SN-2")), by=line)
    register, _ = await supplier.registers.current()
    assert board.totals().of("issued") == {
        (register.channels["stations"].id,): 1,
        (register.channels["idevid"].id,): 2,
    }
