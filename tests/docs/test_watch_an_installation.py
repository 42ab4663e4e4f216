"""Watching an installation, typed as the page says; and the metrics that it names."""

import re
from pathlib import Path
from typing import Final

from keyworks.protocols.exchange import Request
from keyworks.server.meter import STATUSES, Board
from keyworks.server.metrics import Metrics
from keyworks.service.installation import Installation
from tests.docs.console import ROOT, differences, free_ports, left_in, typed_in, typing

PAGE: Final = ROOT / "docs" / "howto" / "watch-an-installation.md"
PORTS: Final = ("8443", "9443", "8080")
SECONDS: Final = 120.0


def test_every_command_of_the_page_does_what_it_shows(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    commands = list(typed_in(PAGE, free_ports(PORTS)))
    assert differences(commands, typing(commands, ROOT, home, SECONDS)) == []
    assert left_in(tmp_path) == []


async def test_the_page_lists_every_metric_and_its_rules_use_no_other(operator: Installation) -> None:
    reply = await Metrics(operator, Board(1)).respond(Request("GET", "/metrics", {}, b"", "192.0.2.1"))
    made = re.findall(r"^# TYPE (\w+)", reply.body.decode(), re.MULTILINE)
    text = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` ", text, re.MULTILINE) == made
    assert set(re.findall(r"keyworks_\w+", text)) <= set(made)
    assert set(re.findall(r"\b[2-5][0-9]{2}(?=[|\"])", text)) <= set(STATUSES)
