"""Certificates from one generation of a root to the next, and back."""

import pytest

from keyworks.service.authorities import find_generation, plan_next_generation, start_next_generation
from keyworks.service.installation import Installation
from keyworks.service.rollover import make_rollover
from keyworks.testing import EnrollmentDesk, FixedClock, ledger_entries, next_generation
from keyworks.x509.certificate import Certificate
from keyworks.x509.path import validate


async def rollovers(installation: Installation) -> list[Certificate]:
    register, _ = await installation.registers.current()
    return [Certificate.parse(one.der) for one in register.rollovers]


@pytest.mark.parametrize("name", ["root", "idevid-root"])
async def test_a_new_root_is_certified_by_the_old_one_and_the_other_way_round(
    supplier: Installation, name: str
) -> None:
    """RFC 9810 §4.4.1: one's name and key, the other's signature; both end with the old one."""
    old = (await find_generation(supplier, name)).certificate
    new = (await next_generation(supplier, name)).certificate
    found = await rollovers(supplier)
    assert [(one.subject, one.issuer) for one in found] == [
        (new.subject, old.subject),
        (old.subject, new.subject),
    ]
    assert [one.public_key for one in found] == [new.public_key, old.public_key]
    assert {one.not_after for one in found} == {old.not_after}
    intended = await ledger_entries(supplier.store, "certificate.intended")
    assert len(intended[-3:]) == len({one["detail"]["serial_number"] for one in intended[-3:]}) == 3


async def test_who_knows_one_root_verifies_what_stands_below_the_other(
    supplier: Installation, clock: FixedClock
) -> None:
    """RFC 7030 §4.1.3."""
    desk = EnrollmentDesk(supplier)
    old = (await find_generation(supplier, "root")).certificate
    before = await desk.station("line-1", "idevid")
    new = (await next_generation(supplier, "root", "issuing")).issuer.chain[-1]
    after = await desk.station("line-2", "idevid")
    others = [der for der in await desk.enrollment.ca_certificates("stations") if der not in (old.der, new)]
    for holder, root in ((before, Certificate.parse(new)), (after, old)):
        path = validate([holder.issued.der, *others], [root], at=clock.at)
        assert len(path.certificates) == 4
        assert path.certificates[-1] == root


async def test_a_root_that_nothing_stands_below_yet_is_known_to_clients(supplier: Installation) -> None:
    desk = EnrollmentDesk(supplier)
    before = await desk.enrollment.ca_certificates("stations")
    new = (await next_generation(supplier, "root")).certificate
    after = await desk.enrollment.ca_certificates("stations")
    assert after[: len(before)] == before
    assert set(after[len(before) :]) == {new.der, *(one.der for one in await rollovers(supplier))}
    assert len(await desk.enrollment.ca_certificates("idevid")) == 2


async def test_what_is_there_is_not_made_again(supplier: Installation) -> None:
    await next_generation(supplier, "root")
    register, _ = await supplier.registers.current()
    before = await ledger_entries(supplier.store)
    await make_rollover(supplier, register.authority("root").id)
    await make_rollover(supplier, register.authority("issuing").id)
    assert await ledger_entries(supplier.store) == before
    assert len(await rollovers(supplier)) == 2


async def test_a_root_that_has_ended_leads_nowhere(supplier: Installation, clock: FixedClock) -> None:
    old = await find_generation(supplier, "root")
    clock.at = old.certificate.not_after
    await start_next_generation(supplier, await plan_next_generation(supplier, "root"))
    assert await rollovers(supplier) == []


async def test_the_first_generation_leads_nowhere(supplier: Installation) -> None:
    register, _ = await supplier.registers.current()
    assert await make_rollover(supplier, register.authority("root").id) == 0
