"""The reference says what the code does: each generated page is compared with what its generator makes now."""

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from keyworks.authority.library import PROFILES
from keyworks.lint import RULES

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGES: Final = ("errors.md", "events.md", "factory.md", "lint-rules.md", "profiles.md", "settings.md")


@pytest.fixture(scope="module")
def generator() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOCS)
        yield importlib.import_module("generate")


def test_every_generated_page_is_held_to_the_code(generator: ModuleType) -> None:
    pages: Mapping[str, object] = generator.PAGES
    assert tuple(sorted(pages)) == PAGES


@pytest.mark.parametrize("name", PAGES)
def test_the_committed_page_is_what_the_generator_makes(generator: ModuleType, name: str) -> None:
    committed = (DOCS / "reference" / name).read_text(encoding="utf-8")
    assert committed == generator.page(name), "run: .venv/bin/python docs/generate.py"


def test_the_reference_lists_every_lint_rule_and_every_profile(generator: ModuleType) -> None:
    rules, profiles = generator.page("lint-rules.md"), generator.page("profiles.md")
    assert [name for name in RULES if f"| `{name}` |" not in rules] == []
    assert [name for name in PROFILES if f"| `{name}` version " not in profiles] == []


@pytest.mark.parametrize("name", ["settings.md", "factory.md"])
def test_the_reference_explains_every_setting(generator: ModuleType, name: str) -> None:
    rows = [line for line in generator.page(name).splitlines() if line.startswith("| `")]
    assert rows
    assert [row for row in rows if not row.rstrip(" |").endswith(".")] == []
