"""What commands share."""

from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from keyworks.cli.command import Address, Duration, Session
from keyworks.cli.root import root
from keyworks.testing import FixedClock
from tests.unit.cli.typed import Typed


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("12h", timedelta(hours=12)),
        ("30d", timedelta(days=30)),
        ("8w", timedelta(weeks=8)),
        ("0d", timedelta()),
    ],
)
def test_a_time_span_is_read(text: str, span: timedelta) -> None:
    assert Duration().convert(text, None, None) == span


@pytest.mark.parametrize("text", ["", "d", "30", "30D", "1 d", "-1d", "1.5h", "1234567d", "\u0663d"])
def test_what_is_no_time_span_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="12h, 30d or 8w"):
        Duration().convert(text, None, None)


@pytest.mark.parametrize("text", ["127.0.0.1:8443", "[::1]:0", "pki.example:65535"])
def test_an_address_is_read(text: str) -> None:
    assert Address().convert(text, None, None) == text


def test_a_session_returns_what_its_work_returned(supplier_home: Path) -> None:
    async def work(installation: object) -> str:
        return type(installation).__name__

    assert Session(supplier_home, clock=FixedClock()).run(work) == "Installation"


@pytest.mark.parametrize("before", [0, 1, 2])
def test_two_homes_are_refused_wherever_they_are_typed(
    supplier_cli: Typed, tmp_path: Path, before: int
) -> None:
    """Whichever won, somebody would work on the wrong installation."""

    def typed(*homes: Path) -> Result:
        options = [("--home", str(home)) for home in homes]
        words = [word for option in options[:before] for word in option]
        words += ["authority", "list", *(word for option in options[before:] for word in option)]
        return CliRunner().invoke(root, words, obj=supplier_cli.clock)

    refused = typed(tmp_path, supplier_cli.home)
    assert (refused.exit_code, "Name one." in refused.stderr) == (2, True)
    assert "idevid-root" in typed(supplier_cli.home, supplier_cli.home).stdout


def test_the_home_on_the_command_line_wins_over_the_environment(supplier_cli: Typed, tmp_path: Path) -> None:
    words = ["--home", str(supplier_cli.home), "authority", "list"]
    runner = CliRunner(env={"KEYWORKS_HOME": str(tmp_path)})
    assert runner.invoke(root, words, obj=supplier_cli.clock).exit_code == 0
    assert runner.invoke(root, words[2:], obj=supplier_cli.clock).exit_code == 1
