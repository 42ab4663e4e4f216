"""Commands typed at an installation of the test's own."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from keyworks.cli.root import root
from keyworks.testing import FixedClock


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


@pytest.fixture
def supplier_cli(supplier_home: Path, clock: FixedClock) -> Typed:
    """Commands at a supplier's installation."""
    return Typed(supplier_home, clock)


@pytest.fixture
def operator_cli(operator_home: Path, clock: FixedClock) -> Typed:
    """Commands at an operator's installation."""
    return Typed(operator_home, clock)
