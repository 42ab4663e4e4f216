"""What is found in an open installation."""

from datetime import timedelta

import pytest

from keyworks.authority.status import Filter
from keyworks.service.certificates import certificates, revoke_by_operator
from keyworks.service.channels import enable_channel
from keyworks.service.doctor.finding import Finding
from keyworks.service.doctor.inside import examinations, published_by
from keyworks.service.installation import Installation
from keyworks.service.ledger import place_waiting
from keyworks.testing import FixedClock


async def _found(installation: Installation) -> dict[str, Finding]:
    return {one.check: one for examining in examinations(installation).values() async for one in examining()}


async def test_a_fresh_installation_is_in_order(operator: Installation) -> None:
    await place_waiting(operator)
    found = await _found(operator)
    assert {one.level for one in found.values()} == {"ok"}
    assert list(found) == [
        "clock",
        "authority root",
        "key of root",
        "authority issuing",
        "key of issuing",
        "server certificate",
        "ledger",
    ]


@pytest.mark.parametrize(
    ("days", "level", "sentence"),
    [
        (365 * 8 - 200, "ok", "issues until"),
        (365 * 8 - 10, "warning", "It issues until"),
        (365 * 8 + 10, "error", "It issues no more since"),
        (365 * 10 + 10, "error", "Its certificate has ended"),
    ],
)
async def test_an_authority_s_next_generation_is_asked_for_in_time(
    operator: Installation, clock: FixedClock, days: int, level: str, sentence: str
) -> None:
    clock.advance(timedelta(days=days))
    finding = (await _found(operator))["authority issuing"]
    assert finding.level == level
    assert sentence in finding.sentence
    assert (level == "ok") or finding.remedy == "Run: keyworks authority next issuing"


async def test_an_authority_that_nothing_uses_is_told(supplier: Installation) -> None:
    await enable_channel(supplier, "idevid", enabled=False)
    assert (await _found(supplier))["authority idevid-issuing"].level == "info"


async def test_a_server_certificate_that_did_not_renew_or_is_none_is_told(
    operator: Installation, clock: FixedClock
) -> None:
    clock.advance(timedelta(days=280))
    assert (await _found(operator))["server certificate"].level == "warning"
    [own] = await certificates(operator, Filter(profile="tls-server"))
    await revoke_by_operator(operator, own.id, "superseded")
    assert (await _found(operator))["server certificate"].level == "error"


async def test_a_clock_that_was_set_back_is_told(operator: Installation, clock: FixedClock) -> None:
    clock.advance(timedelta(hours=-2))
    finding = (await _found(operator))["clock"]
    assert finding.level == "error"
    assert "7200 seconds behind" in finding.sentence


async def test_a_clock_that_runs_a_little_slow_is_told_before_it_matters(
    operator: Installation, clock: FixedClock
) -> None:
    clock.advance(timedelta(seconds=-9))
    assert (await _found(operator))["clock"].level == "warning"


async def test_entries_that_nobody_places_are_told_however_old_the_last_checkpoint_is(
    operator: Installation, clock: FixedClock
) -> None:
    await place_waiting(operator)
    clock.advance(timedelta(days=5))
    await enable_channel(operator, "ldevid", enabled=False)
    assert (await _found(operator))["ledger"].level == "ok"
    clock.advance(timedelta(minutes=5))
    finding = (await _found(operator))["ledger"]
    assert finding.level == "warning"
    assert "wait for their place since 2026-09-26" in finding.sentence
    assert "the last checkpoint is of 2026-09-21" in finding.sentence


async def test_what_is_published_is_what_certificates_point_to(supplier: Installation) -> None:
    published = await published_by(supplier)
    assert {one.file_name for one in published} == {"root-1", "issuing-1", "idevid-root-1", "idevid-issuing-1"}
    register, _ = await supplier.registers.current()
    for one in published:
        [generation] = [known for known in register.newest.values() if known.certificate.der == one.der]
        below = [
            known for known in register.newest.values() if known.certificate.issuer == generation.issuer.name
        ]
        assert all(one.address.encode() in known.certificate.der for known in below if known is not generation)
