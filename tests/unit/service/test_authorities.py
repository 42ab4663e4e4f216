"""Authorities and their generations."""

import asyncio
from dataclasses import replace

import pytest

from keyworks.algorithms.registry import KEY_TYPES
from keyworks.errors import OperatorError
from keyworks.service.authorities import (
    NewAuthority,
    check_publication_url,
    create_authority,
    find_generation,
    list_generations,
    root_of,
)
from keyworks.service.installation import Installation
from keyworks.testing import NOON, ledger_entries
from keyworks.x509.path import validate
from keyworks.x509.tbs import NO_EXPIRY

ROOT = NewAuthority("plant", "root", "Example", "http://pki.example/")
ISSUING = NewAuthority("plant-issuing", "issuing", "Example", "http://pki.example", "plant")


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
        ({"profile": "ldevid"}, "no profile of an authority; choose one of root,"),
        ({"profile": "dealer"}, "no profile of an authority"),
        ({"profile": "issuing"}, "issuing needs a --parent"),
        ({"parent": "root"}, "A root certifies itself"),
        ({"profile": "issuing", "parent": "none"}, "no authority 'none'"),
        ({"profile": "issuing", "parent": "issuing"}, "certifies no further authorities"),
        ({"profile": "idevid-issuing", "parent": "root"}, "its parent must be an idevid-root"),
        ({"key_type": "P-192"}, "is no key type"),
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
