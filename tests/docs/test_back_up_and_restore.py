"""Backing up and restoring, what was confirmed is in the copy, and the fork is seen."""

from typing import Final

from tests.docs.console import ROOT, typed_in

PAGE: Final = ROOT / "docs" / "howto" / "back-up-and-restore.md"


def test_the_page_backs_up_while_the_server_runs_and_restores_while_it_does_not() -> None:
    typed = "\n".join(one.command for one in typed_in(PAGE))
    steps = [
        *(
            "serve",
            "VACUUM INTO",
            "integrity_check",
            "ledger export ledger-at-noon",
            "kill",
            "mv plant/keyworks.db*",
        ),
        *("cp backup/keyworks.db plant/", "serve", "ledger export ledger-after", "--checkpoint", "kill"),
    ]
    place = 0
    for step in steps:
        place = typed.index(step, place) + 1
    assert [one.status for one in typed_in(PAGE)].count(1) == 1
