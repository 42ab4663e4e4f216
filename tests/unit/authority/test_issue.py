"""The one path on which a certificate is issued."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from keyworks import oids
from keyworks.algorithms.public_key import PublicKey
from keyworks.algorithms.signer import Signer
from keyworks.authority.issue import IssuingPath, new_serial_number
from keyworks.authority.library import PROFILES
from keyworks.authority.order import Order, Replacement, Requester, request_key
from keyworks.authority.profile import YEAR, Wanted
from keyworks.authority.recording import revoke_certificate
from keyworks.authority.status import Filter, list_certificates
from keyworks.errors import BadSubjectKey, IntegrityFailure, LintFailed, NotAuthorized, OperatorError
from keyworks.service.authorities import find_generation
from keyworks.service.authority_policy import NewAuthority, create_authority
from keyworks.service.installation import Installation, location_of
from keyworks.store.engine import Transaction
from keyworks.store.opening import open_store
from keyworks.testing import (
    NOON,
    FixedClock,
    WrongSigner,
    ledger_entries,
    next_generation,
    software_signer,
    sql,
)
from keyworks.x509.certificate import Certificate
from keyworks.x509.name import Name
from keyworks.x509.path import validate

WANTED: Final = Wanted(Name.of((oids.ORGANIZATION_NAME, "Example"), (oids.COMMON_NAME, "line-1")))
REQUESTER: Final = Requester("station:line-1", "192.0.2.7")


async def order(
    installation: Installation, public_key: PublicKey | None = None, owner: str = "station:line-1"
) -> Order:
    """Return an order for a station's certificate, as an initial request makes one."""
    generation = await find_generation(installation, "issuing")
    key = public_key or software_signer().public_key
    return Order(
        issuer=generation.issuer,
        profile=PROFILES["station"],
        wanted=WANTED,
        public_key=key,
        owner=owner,
        replacement=Replacement.REVOKE,
        requester=REQUESTER,
        request_key=request_key("stations", key, WANTED, owner.encode()),
    )


async def count(installation: Installation) -> tuple[int, int]:
    """Return how many certificates and how many ledger entries there are."""
    wanted = Filter(most=1000)
    found = await installation.store.read(lambda tx: list_certificates(tx, wanted))
    return len(found), len(await ledger_entries(installation.store))


def signing_with(installation: Installation, signer: Signer) -> IssuingPath:
    async def find(_key_id: str) -> Signer:
        return signer

    return IssuingPath(installation.store, find, installation.clock)


async def revoke(installation: Installation, certificate_id: str) -> None:
    def write(tx: Transaction, items: Sequence[str]) -> list[bool]:
        return [revoke_certificate(tx, one, "cessationOfOperation", NOON) for one in items]

    assert await installation.store.write(write, certificate_id)


async def test_what_is_released_is_what_was_ordered(supplier: Installation) -> None:
    wanted = await order(supplier)
    issued = await supplier.path.issue(wanted)
    certificate = Certificate.parse(issued.der)
    assert certificate.subject == WANTED.subject
    assert certificate.public_key.spki == wanted.public_key.spki
    assert certificate.extended_key_usage == (oids.KP_CLIENT_AUTH,)
    assert not issued.repeated
    assert issued.chain == wanted.issuer.chain
    root = Certificate.parse(issued.chain[-1])
    assert len(validate((issued.der, *issued.chain[:-1]), [root], at=NOON).certificates) == 3


async def test_a_certificate_is_durable_with_its_ledger_entry_before_it_is_released(
    supplier: Installation,
) -> None:
    issued = await supplier.path.issue(await order(supplier))
    other = open_store(location_of(supplier.home, supplier.settings.database), supplier.clock)
    query, wanted = sql("SELECT der, state FROM certificate WHERE id = :id"), {"id": issued.certificate_id}
    assert await other.read(lambda tx: tx.execute(query, wanted)) == [(issued.der, "valid")]
    await other.close()
    [entry] = [
        one
        for one in await ledger_entries(supplier.store, "certificate.issued")
        if one["detail"]["certificate"] == issued.certificate_id
    ]
    assert (entry["actor"], entry["source"], entry["object"]) == (*_actor(), "station:line-1")
    assert entry["detail"]["fingerprint"] == Certificate.parse(issued.der).fingerprint.hex()


def _actor() -> tuple[str, str]:
    return REQUESTER.actor, REQUESTER.source


async def test_a_certificate_that_cannot_be_recorded_is_not_released(supplier: Installation) -> None:
    """Certificate, key, companion and ledger entry stand in one transaction."""

    def fail(_tx: Transaction, _certificate_id: str) -> None:
        raise OperatorError("no")

    before = await count(supplier)
    signer = software_signer()
    with pytest.raises(OperatorError):
        await supplier.path.issue(replace(await order(supplier, signer.public_key), companion=fail))
    assert await count(supplier) == before
    await supplier.path.issue(await order(supplier, signer.public_key, owner="station:line-2"))


async def test_an_identical_request_gets_the_live_certificate(supplier: Installation) -> None:
    wanted = await order(supplier)
    first = await supplier.path.issue(wanted)
    before = await count(supplier)
    again = await supplier.path.issue(wanted)
    assert (again.der, again.repeated, again.chain) == (first.der, True, first.chain)
    assert await count(supplier) == before


async def test_an_identical_request_gets_the_chain_of_the_generation_that_answered_it_first(
    supplier: Installation,
) -> None:
    wanted = await order(supplier)
    first = await supplier.path.issue(wanted)
    await next_generation(supplier, "issuing")
    again = await supplier.path.issue(await order(supplier, wanted.public_key))
    assert (again.der, again.repeated, again.chain) == (first.der, True, first.chain)
    other = await supplier.path.issue(await order(supplier, owner="station:line-2"))
    assert other.chain[0] != first.chain[0]
    assert other.chain[1] == first.chain[1]


async def test_an_identical_request_never_gets_a_revoked_certificate(supplier: Installation) -> None:
    wanted = await order(supplier)
    first = await supplier.path.issue(wanted)
    await revoke(supplier, first.certificate_id)
    second = await supplier.path.issue(wanted)
    assert second.der != first.der
    assert (await supplier.path.issue(wanted)).der == second.der


async def test_an_identical_request_gets_what_its_profile_says_by_now(supplier: Installation) -> None:
    """A device that cannot make another key is not left with what a former version had in it."""
    wanted = await order(supplier)
    first = await supplier.path.issue(wanted)
    now = replace(wanted, profile=replace(wanted.profile, version=wanted.profile.version + 1))
    second = await supplier.path.issue(now)
    assert (second.repeated, second.der == first.der) == (False, False)
    assert (await supplier.path.issue(now)).der == second.der


async def test_an_identical_request_never_gets_an_expired_certificate(
    supplier: Installation, clock: FixedClock
) -> None:
    wanted = await order(supplier)
    first = await supplier.path.issue(wanted)
    clock.advance(YEAR - timedelta(seconds=1))
    assert (await supplier.path.issue(wanted)).der == first.der
    clock.advance(timedelta(seconds=1))
    second = await supplier.path.issue(wanted)
    assert not second.repeated
    assert (await supplier.path.issue(wanted)).der == second.der


async def test_a_renewal_always_issues_and_leaves_the_former_valid(supplier: Installation) -> None:
    renewal = replace(await order(supplier), request_key=None, replacement=Replacement.KEEP)
    issued = {(await supplier.path.issue(renewal)).certificate_id for _ in range(3)}
    assert len(issued) == 3
    found = await supplier.store.read(lambda tx: list_certificates(tx, Filter(owner="station:line-1")))
    assert [one.state for one in found] == ["valid"] * 3


async def test_two_workers_with_one_request_release_one_certificate(
    supplier: Installation, clock: FixedClock
) -> None:
    other = open_store(location_of(supplier.home, supplier.settings.database), clock)
    try:
        paths = (supplier.path, IssuingPath(other, supplier.keystore.signer, clock))
        orders = [await order(supplier, owner=f"station:{number}") for number in range(8)]
        issued = await asyncio.gather(*(path.issue(one) for one in orders for path in paths))
    finally:
        await other.close()
    pairs = list(zip(issued[::2], issued[1::2], strict=True))
    assert all(first.der == second.der for first, second in pairs)
    assert all({first.repeated, second.repeated} == {True, False} for first, second in pairs)
    found = await ledger_entries(supplier.store, "certificate.issued")
    serials = [f"{Certificate.parse(first.der).serial_number:x}" for first, _ in pairs]
    assert [sum(one["detail"]["serial_number"] == serial for one in found) for serial in serials] == [1] * 8


async def test_a_refused_order_does_not_fail_those_it_shares_a_transaction_with(
    supplier: Installation,
) -> None:
    taken = software_signer().public_key
    await supplier.path.issue(await order(supplier, taken))
    orders = [await order(supplier, owner=f"station:{number}") for number in range(4)]
    orders.insert(2, await order(supplier, taken, owner="station:thief"))
    outcomes = await asyncio.gather(*map(supplier.path.issue, orders), return_exceptions=True)
    assert [isinstance(one, NotAuthorized) for one in outcomes] == [False, False, True, False, False]


@pytest.mark.parametrize("what", ["a wrong signature", "another key"])
async def test_a_signature_that_the_issuers_key_does_not_verify_issues_nothing(
    supplier: Installation, what: str
) -> None:
    wanted = await order(supplier)
    right = await supplier.keystore.signer(wanted.issuer.key_id)
    shown = software_signer()
    wrong: Signer = replace(shown, public_key=right.public_key) if what == "a wrong signature" else shown
    before = await count(supplier)
    with pytest.raises(IntegrityFailure, match="nothing was issued") as refused:
        await signing_with(supplier, wrong).issue(wanted)
    assert wanted.issuer.key_id in refused.value.private
    assert await count(supplier) == before


async def test_what_breaks_a_rule_is_neither_signed_nor_recorded(supplier: Installation) -> None:
    wanted = await order(supplier)
    wanted = replace(wanted, profile=replace(wanted.profile, extended_key_usage=()))
    before = await count(supplier)
    with pytest.raises(LintFailed):
        await signing_with(supplier, WrongSigner(software_signer())).issue(wanted)
    assert await count(supplier) == before


async def test_a_key_that_the_profile_does_not_certify_is_refused_on_the_path_itself(
    supplier: Installation,
) -> None:
    wanted = await order(supplier, software_signer("rsa-2048").public_key)
    strict = replace(wanted, profile=replace(wanted.profile, smallest_rsa_bits=3072))
    with pytest.raises(BadSubjectKey):
        await supplier.path.issue(strict)


async def test_an_authoritys_certificate_is_announced_before_it_is_signed(supplier: Installation) -> None:
    """So that the signatures a token counts can be reconciled with the ledger after a crash."""
    new = NewAuthority("second", "issuing", "root")
    generation = await create_authority(supplier, new)
    about = [one for one in await ledger_entries(supplier.store) if one["object"] == "authority:second"]
    assert [one["action"] for one in about] == [
        "key.generated",
        "certificate.intended",
        "certificate.issued",
        "authority.added",
    ]
    serial_number = f"{generation.certificate.serial_number:x}"
    assert {one["detail"]["serial_number"] for one in about[1:3]} == {serial_number}


async def test_an_authoritys_certificate_that_was_not_signed_is_on_record_as_intended(
    supplier: Installation,
) -> None:
    root = await find_generation(supplier, "root")
    key = software_signer().public_key
    wanted = replace(
        await order(supplier, key, owner="authority:second"),
        issuer=root.issuer,
        profile=PROFILES["issuing"],
        request_key=None,
    )
    certificates, entries = await count(supplier)
    wrong = WrongSigner(software_signer())
    with pytest.raises(IntegrityFailure):
        await signing_with(supplier, wrong).issue(wanted)
    assert await count(supplier) == (certificates, entries + 1)
    [*_, last] = await ledger_entries(supplier.store)
    assert (last["action"], last["object"]) == ("certificate.intended", "authority:second")


def test_serial_numbers_are_ordered_by_time_and_unpredictable_behind_it() -> None:
    """RFC 5280 §4.1.2.2: positive, at most 20 octets; CA practice: at least 64 random bits."""
    numbers = {new_serial_number(NOON) for _ in range(1000)}
    assert len(numbers) == 1000
    assert {number >> 80 for number in numbers} == {NOON}
    assert len({number & (1 << 64) - 1 for number in numbers}) == 1000
    assert max(numbers) < new_serial_number(NOON + 1) < 1 << 159
