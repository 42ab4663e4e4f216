"""``keyworks device``."""

from pathlib import Path

import pytest

from tests.unit.cli.typed import MAKER, Typed, enroll_devices

LOT = ("--manufacturer", MAKER, "--product", "P7")


def serial_numbers(cli: Typed, *filters: str) -> list[str]:
    return [one["serial_number"] for one in cli.json("device", "list", *filters)]


def test_devices_are_registered_by_name_and_once(supplier_cli: Typed) -> None:
    supplier_cli.done("device", "add", "SN-1", "SN-2", *LOT)
    again = supplier_cli.json("device", "add", "SN-2", "SN-3", *LOT)
    assert ([one["serial_number"] for one in again["added"]], again["known"]) == (["SN-3"], ["SN-2"])
    assert serial_numbers(supplier_cli) == ["SN-1", "SN-2", "SN-3"]


@pytest.mark.parametrize("source", ["-", "file"])
def test_devices_are_registered_from_a_list(supplier_cli: Typed, tmp_path: Path, source: str) -> None:
    listed = "\ufeffSN-1\r\n\r\n# a comment\r\n  SN-2  \r\n".encode()
    (tmp_path / "list.txt").write_bytes(listed)
    name = "-" if source == "-" else str(tmp_path / "list.txt")
    assert supplier_cli.done("device", "add", "--from", name, *LOT, stdin=listed) == "Registered 2 devices.\n"
    assert serial_numbers(supplier_cli) == ["SN-1", "SN-2"]


def test_a_list_with_wrong_lines_registers_nothing_and_names_each(supplier_cli: Typed) -> None:
    result = supplier_cli("device", "add", "--from", "-", *LOT, stdin="SN-1\nS_N\nSN-2\nSN-1\n")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "line 2: 'S_N' cannot be a serial number: letters, digits, spaces and '()+,-./:=? are allowed.",
        "line 4: 'SN-1' is on line 1 already.",
        "Error: The list is refused for 2 lines; nothing was registered.",
    ]
    assert serial_numbers(supplier_cli) == []


def test_an_empty_list_is_a_mistake(supplier_cli: Typed) -> None:
    assert "names no serial number" in supplier_cli.refused("device", "add", "--from", "-", *LOT, stdin="\n#\n")


@pytest.mark.parametrize("words", [(), ("SN-1", "--from", "-")])
def test_serial_numbers_come_from_one_place(supplier_cli: Typed, words: tuple[str, ...]) -> None:
    assert "with --from FILE" in supplier_cli.refused("device", "add", *words, *LOT, code=2)


def test_devices_are_found_by_state_maker_and_beginning(supplier_cli: Typed) -> None:
    enroll_devices(supplier_cli.home, "A-1")
    supplier_cli.done("device", "add", "A-2", "B-1", "--manufacturer", "Other", "--product", "P8")
    assert serial_numbers(supplier_cli, "--state", "issued") == ["A-1"]
    assert serial_numbers(supplier_cli, "--manufacturer", "Other") == ["A-2", "B-1"]
    assert serial_numbers(supplier_cli, "--serial", "A-") == []
    assert serial_numbers(supplier_cli, "--serial", "A-1") == ["A-1"]
    assert serial_numbers(supplier_cli, "--serial", "A-*") == ["A-1", "A-2"]
    assert serial_numbers(supplier_cli, "--serial", "A-*", "--manufacturer", "Oth*") == ["A-2"]


def test_what_begins_so_is_found_by_every_column_and_page_by_page(supplier_cli: Typed, tmp_path: Path) -> None:
    rows = "".join(f"M,Pump {n % 2},P-{n:02},Hall {n},p{n:02}.example,T{n}\n" for n in range(12))
    (tmp_path / "devices.csv").write_text(f"manufacturer,product,serial_number,site,dns,tag\n{rows}")
    supplier_cli.done("device", "import", str(tmp_path / "devices.csv"))
    orders = "number,manufacturer,product,first,last,quota\nPO-1,M,Valve,V-1,V-2,\nPO-2,M,Valve,V-3,V-3,\n"
    (tmp_path / "orders.csv").write_text(orders)
    supplier_cli.done("order", "import", str(tmp_path / "orders.csv"))
    assert serial_numbers(supplier_cli, "--product", "Pump*", "--limit", "20") == [
        f"P-{n:02}" for n in range(12)
    ]
    assert serial_numbers(supplier_cli, "--site", "Hall 1*") == ["P-01", "P-10", "P-11"]
    assert serial_numbers(supplier_cli, "--name", "p1*") == ["P-10", "P-11"]
    assert serial_numbers(supplier_cli, "--name", "T1*") == ["P-01", "P-10", "P-11"]
    assert serial_numbers(supplier_cli, "--order", "PO-*") == ["V-1", "V-2", "V-3"]
    assert serial_numbers(supplier_cli, "--order", "PO-2") == ["V-3"]
    assert serial_numbers(supplier_cli, "--order", "none*") == []
    assert "no order 'none'" in supplier_cli.refused("device", "list", "--order", "none")
    first = supplier_cli.json("device", "list", "--site", "Hall*", "--limit", "5")
    rest = serial_numbers(supplier_cli, "--site", "Hall*", "--after", first[-1]["id"])
    assert [one["serial_number"] for one in first] + rest == [f"P-{n:02}" for n in range(12)]


def test_a_star_that_is_not_the_end_is_refused(supplier_cli: Typed) -> None:
    said = supplier_cli.refused("device", "list", "--serial", "A*1")
    assert "'A*1' cannot be searched for: a * stands at the end, once" in said


def test_a_long_list_in_a_pipe_is_whole_and_aligned(supplier_cli: Typed) -> None:
    names = [f"SN-{number}" for number in range(1203)]
    supplier_cli.done("device", "add", "--from", "-", *LOT, stdin="\n".join(names))
    lines = supplier_cli.done("device", "list").splitlines()
    assert [line.split()[0] for line in lines[1:]] == names
    assert {line.index("P7") for line in lines[1:]} == {lines[0].index("PRODUCT")}


def test_a_limited_list_says_how_to_go_on(supplier_cli: Typed) -> None:
    supplier_cli.done("device", "add", *(f"SN-{number}" for number in range(5)), *LOT)
    first = supplier_cli("device", "list", "--limit", "2", "--json")
    words = first.stderr.split("add: ")[1].split()
    assert serial_numbers(supplier_cli, "--limit", "2", *words) == ["SN-2", "SN-3"]
    assert serial_numbers(supplier_cli, "--limit", "5") == [f"SN-{number}" for number in range(5)]


def test_a_device_is_shown_with_its_certificates(supplier_cli: Typed) -> None:
    enroll_devices(supplier_cli.home, "SN-1")
    shown = supplier_cli.json("device", "show", "SN-1")
    assert (shown["state"], [one["profile"] for one in shown["certificates"]]) == ("issued", ["idevid"])
    assert shown["certificates"][0]["id"] in supplier_cli.done("device", "show", "SN-1")


def test_a_device_is_shipped_and_retired(supplier_cli: Typed) -> None:
    enroll_devices(supplier_cli.home, "SN-1")
    assert "is shipped; a request" in supplier_cli.done("device", "ship", "SN-1")
    assert supplier_cli.done("device", "ship", "SN-1") == (
        "Device SN-1 is shipped already; nothing was changed.\n"
    )
    told = supplier_cli.done("device", "retire", "SN-1", "--product", "P7").splitlines()
    assert told == [
        "Device SN-1 is retired. Its certificates are not revoked by that; list them with:",
        f"  keyworks --home {supplier_cli.home} certificate list --device SN-1 --product P7",
    ]
    assert supplier_cli.json("device", "show", "SN-1")["state"] == "retired"
    assert "retired already; nothing was changed." in supplier_cli.done("device", "retire", "SN-1")
    assert supplier_cli.json("device", "retire", "SN-1")["changed"] is False
    assert "is retired; it cannot become shipped" in supplier_cli.refused("device", "ship", "SN-1")


def test_a_device_without_a_certificate_is_not_shipped_and_the_reason_is_said(supplier_cli: Typed) -> None:
    supplier_cli.done("device", "add", "SN-1", *LOT)
    assert "cannot become shipped without a certificate" in supplier_cli.refused("device", "ship", "SN-1")


def test_a_retired_device_that_is_registered_again_is_told(supplier_cli: Typed) -> None:
    supplier_cli.done("device", "add", "SN-1", "SN-2", *LOT)
    supplier_cli.done("device", "retire", "SN-1")
    assert supplier_cli.done("device", "add", "SN-1", "SN-2", *LOT).splitlines() == [
        "Registered 0 devices.",
        "Nothing changed for 2 devices registered before: SN-1, SN-2.",
        "Retired, and so without new certificates: SN-1.",
    ]
    assert supplier_cli.json("device", "add", "SN-1", "SN-2", *LOT)["retired"] == ["SN-1"]


def test_a_serial_number_that_another_device_has_too_is_registered_with_a_warning(supplier_cli: Typed) -> None:
    """Two suppliers may share it; or somebody mistyped the product."""
    supplier_cli.done("device", "add", "SN-1", *LOT)
    words = ("device", "add", "SN-1", "SN-2", "--manufacturer", MAKER, "--product", "P8")
    told = supplier_cli.done(*words).splitlines()
    assert told[:2] == [
        "Registered 2 devices.",
        f"Warning: other devices have the same serial number: SN-1 ({MAKER}, P7, registered).",
    ]
    assert "other devices" not in supplier_cli.done(*words)
    also = supplier_cli.json("device", "add", "SN-1", "--manufacturer", "Other", "--product", "P7")
    assert [(one["manufacturer"], one["product"]) for one in also["namesakes"]] == [
        (MAKER, "P7"),
        (MAKER, "P8"),
    ]


def test_a_table_is_not_taken_for_a_list(supplier_cli: Typed) -> None:
    """A header would become a device, and its lines devices that nobody has."""
    table = "serial,product\nSN-1,P7\n"
    result = supplier_cli("device", "add", "--from", "-", *LOT, stdin=table)
    assert result.exit_code == 1
    assert "line 1: 'serial,product' looks like a line of a table" in result.stderr
    assert serial_numbers(supplier_cli) == []
    supplier_cli.done("device", "add", "SN-1,P7", *LOT)
    assert serial_numbers(supplier_cli) == ["SN-1,P7"]


def test_a_list_in_another_encoding_is_refused_with_its_name_and_the_remedy(
    supplier_cli: Typed, tmp_path: Path
) -> None:
    (tmp_path / "list.txt").write_bytes("SN-1\r\n".encode("utf-16"))
    said = supplier_cli.refused("device", "add", "--from", str(tmp_path / "list.txt"), *LOT)
    assert (
        f"{tmp_path / 'list.txt'}: The list of serial numbers is not text in UTF-8 but in UTF-16; save" in said
    )


def test_a_list_does_not_go_on_after_a_device_that_is_not_there(supplier_cli: Typed) -> None:
    supplier_cli.done("device", "add", "SN-1", *LOT)
    assert "No device has the id 'xyz'" in supplier_cli.refused("device", "list", "--after", "xyz")


def test_a_serial_number_of_two_products_needs_the_product(supplier_cli: Typed) -> None:
    for product in ("P7", "P8"):
        supplier_cli.done("device", "add", "SN-1", "--manufacturer", MAKER, "--product", product)
    assert "name its --product" in supplier_cli.refused("device", "show", "SN-1")
    assert supplier_cli.json("device", "show", "SN-1", "--product", "P8")["product"] == "P8"


def test_a_number_of_two_manufacturers_needs_the_manufacturer(supplier_cli: Typed) -> None:
    for maker in (MAKER, "Other"):
        supplier_cli.done("device", "add", "SN-1", "--manufacturer", maker, "--product", "P7")
    assert "name its --manufacturer" in supplier_cli.refused("device", "show", "SN-1", "--product", "P7")
    told = ("SN-1", "--manufacturer", "Other")
    assert supplier_cli.json("device", "show", *told)["manufacturer"] == "Other"
    assert supplier_cli.json("certificate", "list", "--device", *told) == []
    supplier_cli.done("device", "retire", *told)
    assert supplier_cli.json("device", "show", *told)["state"] == "retired"


def test_a_device_that_is_not_there_is_a_sentence(supplier_cli: Typed) -> None:
    assert supplier_cli.refused("device", "show", "X") == (
        "Error: There is no device 'X'; see `keyworks device list`."
    )
