"""Generations: they issue in their usage period and no longer."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keyworks.authority.profile import YEAR
from keyworks.errors import Unavailable
from keyworks.service.authorities import find_generation
from keyworks.service.installation import Installation
from keyworks.testing import NOON
from keyworks.x509.tbs import NO_EXPIRY


@pytest.mark.parametrize(("name", "years"), [("idevid-root", 20), ("idevid-issuing", 10)])
async def test_an_idevid_authority_lives_for_ever_and_issues_for_a_limited_time(
    supplier: Installation, name: str, years: int
) -> None:
    generation = await find_generation(supplier, name)
    assert generation.certificate.not_after == NO_EXPIRY
    last = NOON + int((years * YEAR).total_seconds())
    generation.check_issues(last)
    with pytest.raises(Unavailable, match=f"`keyworks authority next {name}`"):
        generation.check_issues(last + 1)


async def test_an_authority_issues_neither_before_nor_after_its_certificate(supplier: Installation) -> None:
    generation = await find_generation(supplier, "issuing")
    generation.check_issues(generation.certificate.not_before)
    with pytest.raises(Unavailable):
        generation.check_issues(generation.certificate.not_before - 1)
    endless = replace(generation, issues_until=NO_EXPIRY)
    endless.check_issues(generation.certificate.not_after)
    with pytest.raises(Unavailable):
        endless.check_issues(generation.certificate.not_after + 1)


async def test_a_disabled_authority_issues_nothing_and_one_that_is_not_in_force_yet_does(
    supplier: Installation,
) -> None:
    """So that an authority is certified before the policy that has both is in force."""
    generation = await find_generation(supplier, "issuing")
    disabled = replace(generation.authority, enabled=False)
    with pytest.raises(Unavailable, match="Authority issuing is disabled; enable it first"):
        replace(generation, authority=disabled).check_issues(NOON)
    replace(generation, authority=replace(disabled, retired=True)).check_issues(NOON)


async def test_a_generation_contributes_its_own_name_key_and_addresses(supplier: Installation) -> None:
    generation = await find_generation(supplier, "issuing")
    issuer, certificate = generation.issuer, generation.certificate
    assert issuer.name == certificate.subject
    assert issuer.key_identifier == certificate.subject_key_identifier
    assert issuer.signature == certificate.public_key.signature_algorithm
    assert issuer.not_after == certificate.not_after
    assert issuer.file_name == "issuing-1"
    root = await find_generation(supplier, "root")
    assert issuer.chain == (certificate.der, root.certificate.der)


async def test_an_issuing_authority_ends_no_later_than_its_root(supplier: Installation) -> None:
    issuing, root = await find_generation(supplier, "issuing"), await find_generation(supplier, "root")
    assert issuing.certificate.not_after <= root.certificate.not_after
    assert root.certificate.not_after - NOON == int((25 * YEAR - timedelta(seconds=1)).total_seconds())
