"""``keyworks order``."""

from pathlib import Path

from tests.unit.cli.typed import Typed

LOT = ("--manufacturer", "Example Supplier", "--product", "P7")


def test_an_order_is_added_shown_closed_and_reopened(supplier_cli: Typed) -> None:
    added = supplier_cli.done("order", "add", "PO-1", *LOT, "--range", "A-1", "A-9", "--quota", "5")
    assert added == "Added order PO-1: 9 devices, quota 5.\n"
    assert supplier_cli.done("order", "quota", "PO-1", "7") == "Order PO-1: 0 of 7 issued.\n"
    assert supplier_cli.done("order", "close", "PO-1") == "Order PO-1 is closed.\n"
    assert supplier_cli.json("order", "show", "PO-1")["open"] is False
    assert supplier_cli.json("order", "reopen", "PO-1")["quota"] == 7
    assert [one["number"] for one in supplier_cli.json("order", "list")] == ["PO-1"]
    listed = supplier_cli.json("device", "list", "--order", "PO-1")
    assert [one["serial_number"] for one in listed] == [f"A-{number}" for number in range(1, 10)]


def test_ranges_that_overlap_are_refused(supplier_cli: Typed) -> None:
    ranges = ("--range", "A-1", "A-5", "--range", "A-5", "A-9")
    assert "The ranges overlap" in supplier_cli.refused("order", "add", "PO-1", *LOT, *ranges)


def test_orders_are_imported_from_a_file(supplier_cli: Typed, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("number;manufacturer;product;first;last\nPO-1;M;P;1;3\nPO-2;M;P;4;4\n")
    assert supplier_cli.done("order", "import", str(file)) == "Registered 4 devices of 2 orders.\n"
    again = supplier_cli("order", "import", str(file))
    assert again.exit_code == 1
    for line, number in ((2, "PO-1"), (3, "PO-2")):
        assert f"line {line}: There is an order '{number}' already" in again.output


def test_an_order_that_is_not_there_is_told(supplier_cli: Typed) -> None:
    assert "no order 'PO-9'" in supplier_cli.refused("order", "show", "PO-9")
    assert "no order 'PO-9'" in supplier_cli.refused("device", "list", "--order", "PO-9")
