"""Authorities and their generations."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from keyworks.algorithms.registry import KEY_TYPES
from keyworks.errors import OperatorError
from keyworks.keys.records import find_key
from keyworks.service.authorities import (
    check_publication_url,
    find_generation,
    list_generations,
    plan_next_generation,
    root_of,
    start_next_generation,
)
from keyworks.service.authority_policy import NewAuthority, create_authority, set_key_type
from keyworks.service.installation import Installation, open_installation
from keyworks.testing import NOON, FixedClock, ledger_entries, next_generation
from keyworks.x509.path import validate
from keyworks.x509.tbs import NO_EXPIRY

ROOT = NewAuthority("plant", "root", None, "Example", "http://pki.example/")
ISSUING = NewAuthority("plant-issuing", "issuing", "plant")


async def test_a_root_certifies_itself(operator: Installation) -> None:
    generation = await create_authority(operator, ROOT)
    certificate = generation.certificate
    assert certificate.issuer == certificate.subject
    assert (generation.number, generation.authority.parent_id) == (1, None)
    assert generation.authority.publication_url == "http://pki.example"
    assert root_of(generation) == certificate


async def test_an_issuing_authority_is_certified_by_its_parent(operator: Installation) -> None:
    root = await create_authority(operator, ROOT)
    issuing = await create_authority(operator, ISSUING)
    assert issuing.authority.parent_id == root.authority.id
    assert root_of(issuing) == root.certificate
    validate([issuing.certificate.der], [root.certificate], at=NOON)
    assert issuing.certificate.not_after <= root.certificate.not_after


async def test_an_authority_stops_issuing_before_it_stops_signing_status(supplier: Installation) -> None:
    for generation in await list_generations(supplier):
        assert NOON < generation.issues_until < generation.certificate.not_after


async def test_what_vouches_for_devices_never_ends(supplier: Installation) -> None:
    """IEEE 802.1AR-2018 §8.5: 99991231235959Z."""
    for name in ("idevid-root", "idevid-issuing"):
        assert (await find_generation(supplier, name)).certificate.not_after == NO_EXPIRY


async def test_a_supplier_has_two_roots_that_share_nothing(supplier: Installation) -> None:
    """Whoever trusts its devices does not trust its stations and servers."""
    roots = {root_of(generation).fingerprint for generation in await list_generations(supplier)}
    assert len(roots) == 2


@pytest.mark.parametrize("key_type", [one for one in KEY_TYPES if not one.startswith("rsa")])
async def test_an_authority_may_have_any_key(operator: Installation, key_type: str) -> None:
    generation = await create_authority(operator, replace(ROOT, key_type=key_type))
    assert generation.certificate.public_key.key_type == key_type


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "root"}, "There is an authority 'root' already"),
        ({"name": "Plant"}, "cannot be a label"),
        ({"name": "cacerts"}, "a word of an enrollment protocol"),
        ({"name": ""}, "cannot be a label"),
        ({"profile": "ldevid"}, "no profile of an authority 'ldevid'"),
        ({"profile": "dealer"}, "no profile of an authority 'dealer'"),
        ({"profile": "issuing"}, "issuing needs a parent"),
        ({"parent": "root"}, "root certifies itself; take its parent away"),
        ({"profile": "issuing", "parent": "none"}, "no authority 'none'"),
        ({"profile": "issuing", "parent": "issuing"}, "certifies no authorities"),
        ({"profile": "idevid-issuing", "parent": "root"}, "never ends and would outlive its issuer root"),
        ({"key_type": "P-192"}, "is weak or unknown"),
        ({"organization": "x" * 65}, "cannot be named so"),
        ({"organization": "a\nb"}, "cannot be named so"),
        ({"organization": "x" * 60}, "cannot be named so"),
        ({"publication_url": "https://pki.example"}, "cannot be a publication address"),
    ],
)
async def test_what_cannot_be_is_told_and_makes_neither_key_nor_entry(
    operator: Installation, changes: dict[str, str], sentence: str
) -> None:
    before = await ledger_entries(operator.store)
    with pytest.raises(OperatorError, match=sentence):
        await create_authority(operator, replace(ROOT, **changes))
    assert await ledger_entries(operator.store) == before
    assert len(await list_generations(operator)) == 2


async def test_of_two_authorities_of_one_name_at_once_one_is_created(operator: Installation) -> None:
    outcomes = await asyncio.gather(
        create_authority(operator, ROOT), create_authority(operator, ROOT), return_exceptions=True
    )
    assert [type(outcome).__name__ for outcome in outcomes].count("OperatorError") == 1
    assert [one.authority.name for one in await list_generations(operator)] == ["root", "issuing", "plant"]
    issued = await ledger_entries(operator.store, "certificate.issued")
    assert [entry["object"] for entry in issued].count("authority:plant") == 1


async def test_an_authority_that_is_not_there_is_told(operator: Installation) -> None:
    with pytest.raises(OperatorError, match="no authority 'none'"):
        await find_generation(operator, "none")


@pytest.mark.parametrize(
    "url",
    [
        "http://pki.example",
        "http://pki.example:8080/a/b-c_d.e~f",
        "http://192.0.2.1",
        "http://[2001:db8::1]:80",
        "http://localhost",
    ],
)
def test_a_publication_address_is_kept_without_a_slash_at_its_end(url: str) -> None:
    assert check_publication_url(url) == check_publication_url(f"{url}/") == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pki.example",
        "https://pki.example",
        "ldap://pki.example",
        "http://",
        "http:///path",
        "http://pki.example?x=1",
        "http://pki.example#x",
        "http://user@pki.example",
        "http://pki.example/a b",
        "http://pki.example/a\nb",
        "http://pki\t.example",
        "http://pki.example/%zz",
        "http://pki.example//",
        "http://größe.example",
        "http://[",
        "http://-pki.example",
        "http://pki.example:port",
        " http://pki.example",
        f"http://pki.example/{'x' * 200}",
    ],
)
def test_what_could_not_be_fetched_for_decades_is_no_publication_address(url: str) -> None:
    """RFC 5280 §4.2.1.13: a URI; it is burnt into certificates."""
    with pytest.raises(OperatorError, match="cannot be a publication address"):
        check_publication_url(url)


async def test_the_next_generation_has_a_key_of_its_own_and_all_else_of_the_former(
    operator: Installation,
) -> None:
    former = await find_generation(operator, "issuing")
    started = await next_generation(operator, "issuing")
    assert (started.number, started.authority) == (2, former.authority)
    assert started.certificate.subject.text == "CN=Example Operator issuing G2,O=Example Operator"
    assert started.certificate.public_key.key_type == former.certificate.public_key.key_type
    assert started.certificate.public_key != former.certificate.public_key
    assert started.issuer.file_name == "issuing-2"
    assert await find_generation(operator, "issuing") == started
    assert await find_generation(operator, "issuing", 1) == former


async def test_it_is_certified_by_its_parents_current_generation(operator: Installation) -> None:
    plan = await plan_next_generation(operator, "issuing")
    assert not plan.brings_a_root
    root = await next_generation(operator, "root")
    plan = await plan_next_generation(operator, "issuing")
    assert plan.brings_a_root
    await set_key_type(operator, "issuing", "P-384")
    started = await start_next_generation(operator, plan)
    assert root_of(started) == root.certificate != root_of(plan.former)
    assert started.certificate.public_key.key_type == "P-384"
    validate([started.certificate.der], [root.certificate], at=NOON)
    assert root_of(await find_generation(operator, "issuing", 1)) == root_of(plan.former)


async def test_a_roots_next_generation_is_a_new_root_beside_the_former(operator: Installation) -> None:
    plan = await plan_next_generation(operator, "root")
    assert plan.brings_a_root
    certificate = (await start_next_generation(operator, plan)).certificate
    assert certificate.issuer == certificate.subject != plan.former.certificate.subject
    assert certificate.not_after == plan.former.certificate.not_after


async def test_it_is_intended_before_it_is_signed_and_recorded_with_the_generation(
    operator: Installation,
) -> None:
    before = len(await ledger_entries(operator.store))
    started = await next_generation(operator, "root")
    made, intended, issued, *across = (await ledger_entries(operator.store))[before:]
    assert [one["action"] for one in (made, intended, issued)] == [
        "key.generated",
        "certificate.intended",
        "certificate.issued",
    ]
    assert {one["object"] for one in (made, intended, issued)} == {"authority:root"}
    assert issued["detail"]["fingerprint"] == started.certificate.fingerprint.hex()
    assert issued["detail"]["issuer"] == "root-2"
    assert [one["action"] for one in across] == ["certificate.intended", "certificate.issued"] * 2
    assert [one["detail"].get("issuer") for one in across] == [None, "root-1", None, "root-2"]


@pytest.mark.parametrize("name", ["root", "issuing"])
async def test_of_two_operators_who_start_it_at_once_one_does(
    operator: Installation, operator_home: Path, clock: FixedClock, name: str
) -> None:
    plan = await plan_next_generation(operator, name)
    async with open_installation(operator_home, clock) as other:
        outcomes = await asyncio.gather(
            *(start_next_generation(one, plan) for one in (operator, other, operator)), return_exceptions=True
        )
    lost = [one for one in outcomes if isinstance(one, OperatorError)]
    assert len(lost) == 2
    assert "somebody else has started a generation" in lost[0].detail
    own = [one for one in await list_generations(operator) if one.authority.name == name]
    assert [one.number for one in own] == [1, 2]
    made = {one["detail"]["key"] for one in await ledger_entries(operator.store, "key.generated")}
    gone = {one["detail"]["key"] for one in await ledger_entries(operator.store, "key.destroyed")}
    for key_id in made:
        found = await operator.store.read(lambda tx, key_id=key_id: find_key(tx, key_id))  # type: ignore[misc]
        assert (found is None) is (key_id in gone)
    assert len(gone) == 2
    assert {one.issuer.key_id for one in own} <= made - gone


@pytest.mark.parametrize("started", ["issuing", "root"])
async def test_a_plan_that_is_out_of_date_makes_neither_key_nor_entry(
    operator: Installation, started: str
) -> None:
    """What the operator has agreed to would no longer be what happens."""
    plan = await plan_next_generation(operator, "issuing")
    await next_generation(operator, started)
    before = await ledger_entries(operator.store)
    with pytest.raises(OperatorError, match="was not started"):
        await start_next_generation(operator, plan)
    assert await ledger_entries(operator.store) == before


async def test_a_parent_that_has_ceased_to_issue_certifies_nothing(
    operator: Installation, clock: FixedClock
) -> None:
    clock.at = (await find_generation(operator, "root")).issues_until + 1
    before = await ledger_entries(operator.store)
    with pytest.raises(OperatorError, match="`keyworks authority next root`"):
        await plan_next_generation(operator, "issuing")
    with pytest.raises(OperatorError, match="`keyworks authority next root`"):
        await create_authority(operator, replace(ISSUING, parent="root"))
    assert await ledger_entries(operator.store) == before
    await next_generation(operator, "root", "issuing")


async def test_generations_are_listed_with_their_authority(operator: Installation) -> None:
    await next_generation(operator, "issuing", "root")
    listed = [(one.authority.name, one.number) for one in await list_generations(operator)]
    assert listed == [("root", 1), ("root", 2), ("issuing", 1), ("issuing", 2)]


async def test_what_is_not_there_has_no_next_generation(operator: Installation) -> None:
    with pytest.raises(OperatorError, match="no authority 'none'"):
        await plan_next_generation(operator, "none")
    with pytest.raises(OperatorError, match="no generation 2; see `keyworks authority show root`"):
        await find_generation(operator, "root", 2)
    with pytest.raises(OperatorError, match="no authority 'none'"):
        await set_key_type(operator, "none", "P-384")


async def test_a_key_that_is_too_weak_is_not_even_planned(operator: Installation) -> None:
    for key_type in ("P-192", "rsa-2048"):
        with pytest.raises(OperatorError, match=key_type):
            await set_key_type(operator, "root", key_type)
