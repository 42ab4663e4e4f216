"""What is found about the database."""

from pathlib import Path

import pytest

from keyworks.service.doctor.database import examine_database, judged, judged_server
from keyworks.service.installation import settings_of
from keyworks.store.inspection import Inspection
from keyworks.store.postgresql.inspection import ServerInspection

pytestmark = pytest.mark.file


def _level(home: Path) -> str:
    [finding] = examine_database(home, settings_of(home))
    assert finding.level in ("ok", "info") or finding.remedy
    return finding.level


def test_a_fresh_database_is_in_order(supplier_home: Path) -> None:
    assert _level(supplier_home) == "ok"


def test_a_damaged_database_is_told(supplier_home: Path) -> None:
    database = supplier_home / "keyworks.db"
    octets = bytearray(database.read_bytes())
    octets[40_000:60_000] = bytes(20_000)
    database.write_bytes(octets)
    assert _level(supplier_home) == "error"


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (Inspection("wal", "full", ()), "ok"),
        (Inspection("delete", "full", ()), "info"),
        (Inspection("wal", "normal", ()), "error"),
        (Inspection("wal", "full", ("row 3 missing from index x",)), "error"),
    ],
)
def test_how_a_database_is_has_a_meaning(found: Inspection, level: str) -> None:
    assert judged(found).level == level


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (ServerInspection("15.18", False, True, True, "on", True), "ok"),
        (ServerInspection("15.18", False, True, True, "remote_apply", True), "ok"),
        (ServerInspection("15.18", False, True, True, "on", False), "info"),
        (ServerInspection("15.18", False, True, True, "remote_write", True), "warning"),
        (ServerInspection("15.18", False, False, True, "on", True), "error"),
        (ServerInspection("15.18", False, True, False, "on", True), "error"),
        (ServerInspection("15.18", True, True, True, "on", True), "error"),
    ],
)
def test_how_a_server_is_has_a_meaning(found: ServerInspection, level: str) -> None:
    [finding] = judged_server(found)
    assert finding.level == level
