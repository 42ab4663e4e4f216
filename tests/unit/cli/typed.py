"""Commands typed at an installation, as a test types them."""

import asyncio
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from keyworks.cli.root import root
from keyworks.oids import SERIAL_NUMBER
from keyworks.service.installation import open_installation
from keyworks.service.inventory import add_devices
from keyworks.testing import EnrollmentDesk, FixedClock
from keyworks.x509.name import Name

MAKER = "Example Supplier"


class Typed:
    """Types commands; each is run as in a process of its own.

    Args:
        home: The installation's folder.
        clock: What the commands believe the time is.
    """

    def __init__(self, home: Path, clock: FixedClock) -> None:
        self.home = home
        self.clock = clock

    def __call__(self, *words: str, stdin: str | bytes | None = None) -> Result:
        """Type a command, and return what came of it."""
        arguments = ["--home", str(self.home), *words]
        return CliRunner(env={"KEYWORKS_DEBUG": "0"}).invoke(root, arguments, input=stdin, obj=self.clock)

    def done(self, *words: str, stdin: str | bytes | None = None) -> str:
        """Type a command that succeeds, and return its output."""
        result = self(*words, stdin=stdin)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *words: str, stdin: str | bytes | None = None) -> Any:
        """Type a command with ``--json``, and return the one document it prints."""
        return json.loads(self.done(*words, "--json", stdin=stdin))

    def refused(self, *words: str, code: int = 1, stdin: str | bytes | None = None) -> str:
        """Type a command that fails, and return its last line on standard error."""
        result = self(*words, stdin=stdin)
        assert (result.exit_code, result.stdout) == (code, ""), result.output
        return result.stderr.splitlines()[-1]


def enroll_devices(home: Path, *serial_numbers: str) -> None:
    """Register devices at a supplier's installation, and let each get its IDevID."""

    async def work() -> None:
        async with open_installation(home, FixedClock()) as installation:
            await add_devices(installation, MAKER, "P7", serial_numbers)
            desk = EnrollmentDesk(installation)
            line = await desk.station("line-1", "idevid")
            for one in serial_numbers:
                await desk.enroll("idevid", Name.of((SERIAL_NUMBER, one)), by=line)

    asyncio.run(work())
