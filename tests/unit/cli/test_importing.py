"""``keyworks device import``."""

import json
from pathlib import Path

from keyworks.cli.importing import MAX_SHOWN
from tests.unit.cli.typed import Typed

HEAD = "manufacturer,product,serial_number\n"


def test_devices_are_imported_from_standard_input(supplier_cli: Typed) -> None:
    table = HEAD + "M,P,SN-1\nM,P,SN-2\n"
    assert supplier_cli.done("device", "import", "-", stdin=table) == "Registered 2 devices.\n"
    told = supplier_cli.json("device", "import", "-", stdin=table + "M,P,SN-3\n")
    assert told == {"added": 1, "known": 2, "orders": [], "refused": []}


def test_refused_rows_are_named_and_all_of_them_are_in_the_report(supplier_cli: Typed, tmp_path: Path) -> None:
    table, report = HEAD + "M,P,=1\n" * (MAX_SHOWN + 20), tmp_path / "report.json"
    done = supplier_cli("device", "import", "-", "--report", str(report), stdin=table)
    said = done.stderr.splitlines()
    assert (done.exit_code, done.stdout, len(said)) == (1, "", MAX_SHOWN + 2)
    assert said[0].startswith("line 2: 'serial_number' is '=1': a spreadsheet")
    assert said[-2] == f"... and 20 rows more; all are in {report}."
    assert said[-1] == "Error: - is refused for 120 rows; nothing was imported."
    assert [one["line"] for one in json.loads(report.read_text())] == list(range(2, MAX_SHOWN + 22))


def test_a_script_gets_the_refused_rows_as_json(supplier_cli: Typed) -> None:
    done = supplier_cli("device", "import", "-", "--json", stdin=HEAD + "M,,SN-1\n")
    assert json.loads(done.stdout)["refused"] == [{"line": 2, "reason": "'product' is missing."}]


def test_what_is_no_table_is_refused_with_the_file_s_name(supplier_cli: Typed, tmp_path: Path) -> None:
    file = tmp_path / "devices.csv"
    file.write_bytes(HEAD.encode() + b"M\xfcller,P,SN-1\n")
    assert supplier_cli.refused("device", "import", str(file)) == (
        f"Error: {file}: Line 2 is not UTF-8 (octet 0xfc); save the table as UTF-8 (CSV UTF-8) and try again. "
        "Nothing was imported."
    )


def test_names_are_added_shown_and_removed(supplier_cli: Typed) -> None:
    supplier_cli.done("device", "import", "-", stdin=HEAD + "M,P,SN-1\nM,P,SN-2\n")
    added = supplier_cli.done("device", "name", "add", "SN-1", "--dns", "A.example", "--tag", "T 1")
    assert added == "Added a.example, T 1.\n"
    assert supplier_cli.json("device", "show", "SN-1")["names"] == {"dns": ["a.example"], "tag": ["T 1"]}
    assert supplier_cli.json("device", "list", "--name", "T 1")[0]["serial_number"] == "SN-1"
    assert "belongs to another" in supplier_cli.refused("device", "name", "add", "SN-2", "--dns", "a.example")
    assert supplier_cli.done("device", "name", "remove", "SN-1", "--tag", "T 1") == "Removed T 1.\n"
    assert supplier_cli.done("device", "name", "remove", "SN-1", "--tag", "T 1") == "Nothing was changed.\n"
    assert "Give at least one of" in supplier_cli.refused("device", "name", "add", "SN-1", code=2)


def test_the_history_of_a_device_is_shown(supplier_cli: Typed) -> None:
    supplier_cli.done("device", "import", "-", stdin=HEAD + "M,P,SN-1\n")
    supplier_cli.done("device", "retire", "SN-1")
    assert [one["action"] for one in supplier_cli.json("device", "history", "SN-1")] == [
        "device.registered",
        "device.retired",
    ]
    assert "from=registered" in supplier_cli.done("device", "history", "SN-1")
