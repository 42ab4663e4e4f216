"""Every dependency has its reason in a decision, and every reason a dependency."""

import re
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")
_ROW: Final = re.compile(r"^\| (?P<name>[A-Za-z][A-Za-z0-9_-]*) \|", re.MULTILINE)


def test_the_decision_on_dependencies_has_a_line_for_each() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    names = {found[0] for one in declared if (found := _NAME.match(one))}
    decision = (ROOT / "docs" / "adr" / "0016-dependencies.md").read_text()
    assert set(_ROW.findall(decision)) - {"package"} == names
