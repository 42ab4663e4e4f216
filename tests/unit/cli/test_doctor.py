"""``keyworks doctor``."""

from tests.unit.cli.typed import Typed


def test_it_says_what_it_found_and_ends_with_0_where_everything_works(supplier_cli: Typed) -> None:
    said = supplier_cli.done("doctor").splitlines()
    assert said[0] == "ok       settings: keyworks.toml can be read."
    assert said[-1].startswith("0 errors, ")
    levels = {one["level"] for one in supplier_cli.json("doctor")}
    assert "error" not in levels
    assert "warning" in levels  # nothing is published at the address of an example


def test_with_strict_a_warning_is_status_1(supplier_cli: Typed) -> None:
    assert supplier_cli("doctor", "--strict").exit_code == 1


def test_what_does_not_work_is_status_1(supplier_cli: Typed) -> None:
    (supplier_cli.home / "keyworks.db").unlink()
    result = supplier_cli("doctor")
    assert result.exit_code == 1
    assert "error    database: There is no database" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("1 error, ")
