"""``keyworks doctor``."""

import json

import pytest

from tests.unit.cli.typed import Typed


def test_it_says_what_it_found_and_ends_with_0_where_everything_works(supplier_cli: Typed) -> None:
    said = supplier_cli.done("doctor").splitlines()
    assert said[0] == "ok       settings: keyworks.toml can be read."
    assert said[-1].startswith("0 errors, ")


def test_a_script_gets_every_finding_with_what_to_do(supplier_cli: Typed) -> None:
    found = supplier_cli.json("doctor")
    assert {tuple(one) for one in found} == {("check", "level", "sentence", "remedy")}
    levels = {one["level"] for one in found}
    assert "error" not in levels
    assert "warning" in levels  # the name of an example leads nowhere
    assert all(one["remedy"] for one in found if one["level"] == "warning")


def test_with_strict_a_warning_is_status_1(supplier_cli: Typed) -> None:
    assert supplier_cli("doctor", "--strict").exit_code == 1


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_what_does_not_work_is_status_1_and_said_where_the_rest_is(
    supplier_cli: Typed, words: tuple[str, ...]
) -> None:
    (supplier_cli.home / "keyworks.db").unlink()
    result = supplier_cli("doctor", *words)
    assert (result.exit_code, result.stderr) == (1, "")
    if words:
        assert [one["check"] for one in json.loads(result.stdout) if one["level"] == "error"] == ["database"]
    else:
        assert "error    database: There is no database" in result.stdout
        assert result.stdout.splitlines()[-1].startswith("1 error, ")
