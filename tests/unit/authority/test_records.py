"""The authorities' statements: each that issuing or authenticating waits for goes straight to its rows."""

import re
from typing import Final

import pytest

from keyworks.authority import records
from keyworks.authority.records import serial_octets
from keyworks.service.installation import Installation
from keyworks.store.statement import Statement
from keyworks.testing import explained

HOT: Final = (
    "CLAIM_KEY",
    "SELECT_KEY_OWNER",
    "DISCLAIM_KEY",
    "INSERT_CERTIFICATE",
    "FORGET_REQUEST",
    "TAKE_EMPTY_SLOT",
    "TAKE_SLOT",
    "SELECT_LIVE",
    "SELECT_REPEATED",
    "SELECT_OWN",
    "SELECT_DER",
    "REVOKE",
    "BLOCK_KEY",
)


async def plan_of(installation: Installation, statement: Statement) -> list[str]:
    """Return the steps in which SQLite executes a statement."""
    values = dict.fromkeys(re.findall(r":(\w+)", statement.sqlite.text))
    rows = await installation.store.read(lambda tx: tx.execute(explained(statement), values))
    return [row[-1] for row in rows]


@pytest.mark.parametrize("name", HOT)
@pytest.mark.file
async def test_no_statement_of_the_issuing_path_looks_at_every_row(supplier: Installation, name: str) -> None:
    assert not [step for step in await plan_of(supplier, getattr(records, name)) if "SCAN" in step]


@pytest.mark.file
async def test_a_statement_that_looks_at_every_row_would_be_noticed(supplier: Installation) -> None:
    """As finding a certificate by its fingerprint does, for people."""
    assert any("SCAN" in step for step in await plan_of(supplier, records.SELECT_BY_FINGERPRINT))


def test_stored_serial_numbers_sort_like_numbers() -> None:
    numbers = [0, 1, 255, 256, 1 << 64, (1 << 159) - 1, (1 << 160) - 1]
    octets = [serial_octets(number) for number in numbers]
    assert {len(one) for one in octets} == {20}
    assert octets == sorted(octets)
    assert [int.from_bytes(one, "big") for one in octets] == numbers


@pytest.mark.parametrize("number", [-1, 1 << 160, 1 << 4000])
def test_a_serial_number_that_cannot_be_ours_is_that_of_none(number: int) -> None:
    """RFC 5280 §4.1.2.2: at most 20 octets; a stranger's certificate may have any."""
    assert serial_octets(number) == b""
