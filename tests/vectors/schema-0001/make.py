"""Make a supplier's installation with the release whose schema was 0001; see ORIGIN.md."""

import asyncio
import sqlite3
import sys
from pathlib import Path

from keyworks import oids
from keyworks.service.authorities import plan_next_generation, start_next_generation
from keyworks.service.channels import set_default_channel
from keyworks.service.installation import Installation
from keyworks.service.inventory import add_devices
from keyworks.service.ledger import export_ledger
from keyworks.service.stations import add_station
from keyworks.testing import EnrollmentDesk, FixedClock, throwaway_installation
from keyworks.x509.certificate import pem_of
from keyworks.x509.name import Name


async def use(installation: Installation, folder: Path) -> None:
    """Let a line work for a while."""
    await add_devices(installation, "Example Drives", "Drive", ["SN-1", "SN-2", "SN-3"])
    desk = EnrollmentDesk(installation)
    line = await desk.station("line-1", "idevid")
    await desk.enroll("idevid", Name.of((oids.SERIAL_NUMBER, "SN-1")), by=line)
    await start_next_generation(installation, await plan_next_generation(installation, "issuing"))
    await set_default_channel(installation, "idevid")
    chain = (line.issued.der, *line.issued.chain)
    (folder / "line-1.pem").write_text("".join(map(pem_of, chain)))
    (folder / "line-2.secret").write_text((await add_station(installation, "line-2", ["idevid"])).secret + "\n")
    await export_ledger(installation, folder / "ledger")


async def main(folder: Path) -> None:
    """Make it in a new folder."""
    folder.mkdir()
    async with throwaway_installation(folder / "home", clock=FixedClock()) as installation:
        await use(installation, folder)
    with sqlite3.connect(folder / "home" / "keyworks.db") as database:
        (folder / "keyworks.sql").write_text("\n".join(database.iterdump()) + "\n")


asyncio.run(main(Path(sys.argv[1])))
