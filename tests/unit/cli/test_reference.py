"""The reference of the command line is what the commands say."""

from pathlib import Path

from keyworks.cli.reference import reference

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"


def test_the_committed_reference_is_what_the_commands_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), (
        "run: python -m keyworks.cli.reference > docs/reference/cli.md"
    )


def test_the_reference_does_not_depend_on_the_terminal() -> None:
    assert max(len(line) for line in reference().splitlines()) <= 110
