"""Figures that the documents give are the code's."""

import re
from pathlib import Path
from typing import Final

import pytest

from keyworks.access.secret import LIFETIME, SECRET_OCTETS
from keyworks.authority.issue import new_serial_number
from keyworks.keys.master import SCRYPT_COST, SMALLEST_PASSPHRASE
from keyworks.ledger.entry import SALT_OCTETS
from keyworks.ledger.records import TILE
from keyworks.ledger.sequencer import BATCH, INTERVAL_SECONDS
from keyworks.server.application import MAX_LOGGED
from keyworks.server.tls import MAX_CHAIN, MAX_CHAIN_OCTETS
from keyworks.store.engine import MAX_GROUP
from keyworks.testing import NOON

ROOT: Final = Path(__file__).parents[2]
_N, _R, _P = SCRYPT_COST
_WORDS: Final = {8: "eight"}
_HOURS: Final = int(LIFETIME.total_seconds() // 3600)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("docs/adr/0007-group-commit.md", f"at most {MAX_GROUP} of them"),
        ("docs/adr/0008-ledger.md", f"at most {BATCH:,} waiting entries"),
        ("docs/adr/0008-ledger.md", f"at least once {'a second' if INTERVAL_SECONDS == 1.0 else ''} while"),
        ("docs/adr/0008-ledger.md", f"a {SALT_OCTETS}-octet random salt"),
        ("docs/adr/0008-ledger.md", f"tiles of {TILE}"),
        ("docs/adr/0009-keys-sealed-at-rest.md", f"scrypt (N = {_N}, r = {_R}, p = {_P}"),
        ("docs/adr/0009-keys-sealed-at-rest.md", f"It is {SMALLEST_PASSPHRASE} characters or longer"),
        ("docs/explanation/how-a-certificate-is-issued.md", f"more than {_WORDS[MAX_CHAIN]} certificates"),
        ("docs/explanation/how-a-certificate-is-issued.md", f"or {MAX_CHAIN_OCTETS // 1024} KiB are refused"),
        ("docs/explanation/how-a-certificate-is-issued.md", f"logs {MAX_LOGGED} a minute one by one"),
        ("docs/explanation/what-the-ledger-proves.md", f"{SALT_OCTETS} random octets (the salt)"),
        ("SECURITY.md", f"scrypt (N = {_N}, r = {_R}, p = {_P})"),
        ("SECURITY.md", f"At least {SMALLEST_PASSPHRASE} characters"),
        ("SECURITY.md", f"have {SECRET_OCTETS * 8} random bits"),
        ("SECURITY.md", f"for {_HOURS} hours"),
    ],
)
def test_a_figure_is_the_code_s(document: str, said: str) -> None:
    text = re.sub(r"\s+", " ", (ROOT / document).read_text(encoding="utf-8"))
    assert said in text


def test_a_serial_number_has_the_octets_that_the_decision_says() -> None:
    assert (new_serial_number((1 << 40) - 1).bit_length() + 7) // 8 == 15
    assert new_serial_number(NOON) >> 80 == NOON
    decision = (ROOT / "docs" / "adr" / "0011-serial-numbers.md").read_text(encoding="utf-8")
    assert "80 random bits" in decision
    assert "at most 15 octets" in decision
