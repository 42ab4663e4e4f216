"""Watching an installation; and the metrics that it names."""

import re
from typing import Final

from keyworks.protocols.exchange import Request
from keyworks.server.meter import STATUSES, Board
from keyworks.server.metrics import CAUSES, Metrics
from keyworks.service.installation import Installation
from tests.docs.console import ROOT

PAGE: Final = ROOT / "docs" / "howto" / "watch-an-installation.md"


async def test_the_page_lists_every_metric_and_its_rules_use_no_other(operator: Installation) -> None:
    reply = await Metrics(operator, Board(1)).respond(Request("GET", "/metrics", {}, b"", "192.0.2.1"))
    made = re.findall(r"^# TYPE (\w+)", reply.body.decode(), re.MULTILINE)
    text = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` ", text, re.MULTILINE) == made
    assert set(re.findall(r"(?<!\w)keyworks_\w+", text)) <= set(made)
    assert set(re.findall(r"\b[2-5][0-9]{2}(?=[|\"])", text)) <= set(STATUSES)
    causes = {one for group in re.findall(r'cause=~"([A-Za-z|]+)"', text) for one in group.split("|")}
    assert causes
    assert causes <= set(CAUSES)
