"""``keyworks plan``, ``apply`` and ``policy``."""

from pathlib import Path

import pytest

from tests.unit.cli.typed import Typed

SITE = "\n[site.hall-1]\nzone = 'control'\n"


@pytest.fixture
def file(operator_cli: Typed, tmp_path: Path) -> Path:
    """The operator's policy with a site more."""
    file = tmp_path / "factory.toml"
    file.write_text(operator_cli.done("policy", "export") + SITE)
    return file


def test_a_plan_shows_what_would_change_and_changes_nothing(operator_cli: Typed, file: Path) -> None:
    assert operator_cli.done("plan", str(file)) == "+ site hall-1\n    zone: control\n"
    planned = operator_cli.json("plan", str(file))
    assert planned == {
        "version": 1,
        "changes": [
            {
                "section": "site",
                "name": "hall-1",
                "change": "added",
                "settings": {"zone": {"before": "", "after": "control"}},
                "meaning": [],
            }
        ],
    }
    assert [one["version"] for one in operator_cli.json("policy", "history")] == [1]


def test_a_plan_tells_scripts_whether_there_is_something_to_apply(operator_cli: Typed, file: Path) -> None:
    assert operator_cli("plan", str(file), "--exit-code").exit_code == 4
    operator_cli.done("apply", str(file), "--yes")
    assert operator_cli("plan", str(file), "--exit-code").exit_code == 0
    assert "nothing to apply" in operator_cli.done("plan", str(file))


def test_applying_asks_first(operator_cli: Typed, file: Path) -> None:
    refused = operator_cli("apply", str(file), stdin="n\n")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "+ site hall-1" in refused.stderr
    assert "Nothing was applied." in refused.stderr
    assert operator_cli("apply", str(file), stdin="y\n").stdout == "Version 2 is in force: 1 change.\n"
    assert operator_cli.done("apply", str(file), "--yes").endswith("there is nothing to apply.\n")


def test_a_policy_comes_from_standard_input_too(operator_cli: Typed, file: Path) -> None:
    made = operator_cli.json("apply", "-", "--yes", stdin=file.read_text())
    assert (made["version"], made["changes"][0]["name"]) == (2, "hall-1")
    assert operator_cli.json("policy", "history")[1]["what"] == "apply standard input"
    told = operator_cli.refused("plan", "-", stdin="[factory]\norganisation = 'Example Plant'\n")
    assert told.startswith("standard input:2: there is no setting 'factory.organisation'")


def test_a_version_that_is_not_expected_is_not_replaced(operator_cli: Typed, file: Path) -> None:
    said = operator_cli.refused("apply", str(file), "--expect", "3", "--yes")
    assert said == "Error: Version 1 is in force, not 3; plan again."
    operator_cli.done("apply", str(file), "--expect", "1", "--yes")


def test_who_gets_an_account_is_told_how_it_gets_its_secret(operator_cli: Typed, file: Path) -> None:
    file.write_text(file.read_text() + "[station.line-1]\nchannels = ['stations']\n")
    told = operator_cli.done("apply", str(file), "--yes").splitlines()
    assert told[-2] == "Their first certificates need one-time secrets:"
    assert told[-1].endswith("station secret line-1")
    assert operator_cli.json("station", "secret", "line-1")["enrolls_at"] == "stations"


def test_every_mistake_is_told_with_its_line(operator_cli: Typed, file: Path) -> None:
    file.write_text(file.read_text() + "[station.a]\nsite = 'x'\n[station.b]\nsite = 'y'\n")
    result = operator_cli("plan", str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    assert [line.rpartition("factory.toml:")[2][2:9] for line in result.stderr.splitlines()] == [
        ": stati",
        ": stati",
    ]


def test_versions_are_listed_shown_and_compared(operator_cli: Typed, file: Path) -> None:
    first = operator_cli.done("policy", "show")
    operator_cli.done("apply", str(file), "--yes")
    assert "apply factory.toml" in operator_cli.done("policy", "history")
    assert operator_cli.done("policy", "show", "1") == first
    assert operator_cli.json("policy", "show", "1") == {"document": first}
    assert operator_cli.done("policy", "diff", "1", "2") == "+ site hall-1\n    zone: control\n"
    assert operator_cli.done("policy", "diff", "2", "2") == "Both say the same.\n"
    assert operator_cli.json("policy", "diff", "2", "1")["changes"][0]["change"] == "removed"
    assert "no version 9" in operator_cli.refused("policy", "show", "9")


def test_an_export_is_written_to_a_file(operator_cli: Typed, tmp_path: Path) -> None:
    assert operator_cli.done("policy", "export", "--output", str(tmp_path / "out.toml")) == ""
    assert (tmp_path / "out.toml").read_text() == operator_cli.done("policy", "show")


def test_an_export_replaces_no_file_unasked(operator_cli: Typed, tmp_path: Path) -> None:
    file = tmp_path / "factory.toml"
    file.write_text("# a remark of ours\n")
    assert operator_cli.refused("policy", "export", "-o", str(file)) == (
        f"Error: {file} is there already and stays as it is; name another file, or add --force to replace it."
    )
    assert file.read_text() == "# a remark of ours\n"
    operator_cli.done("policy", "export", "-o", str(file), "--force")
    assert file.read_text() == operator_cli.done("policy", "show")


def test_a_file_that_is_not_there_is_told(operator_cli: Typed, tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    assert operator_cli.refused("plan", str(missing)) == (
        f"Error: {missing} cannot be read: No such file or directory."
    )
