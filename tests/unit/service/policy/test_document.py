"""The policy as a document: composed from the tables, resolved, abbreviated."""

from collections.abc import Sequence

import msgspec
import pytest

from keyworks.authority.register import read_register
from keyworks.service.installation import Installation
from keyworks.service.policy.document import (
    compose,
    digest_of,
    profiles_of,
    resolve,
    with_section,
    without_section,
    written,
)
from keyworks.service.policy.history import present_policy
from keyworks.settings.factory import (
    AccountSection,
    AnchorSection,
    AuthoritySection,
    ChannelSection,
    FactoryDocument,
    FactorySection,
    ProfileSection,
    SiteSection,
)
from keyworks.settings.toml import Source
from keyworks.store.engine import Transaction
from keyworks.testing import next_generation, sql

PEM = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
SMALL = FactoryDocument(factory=FactorySection(organization="Example", publication_url="http://pki.example"))


def _forget_the_factory(tx: Transaction, items: Sequence[None]) -> list[None]:
    tx.execute(sql("DELETE FROM factory"))
    return [None] * len(items)


async def test_a_policy_that_was_never_written_down_is_composed_from_what_is_certified(
    operator: Installation,
) -> None:
    """As of an installation of a release that had no document."""
    present = await present_policy(operator)
    await operator.store.write(_forget_the_factory, None)
    composed = await operator.store.read(lambda tx: compose(tx, read_register(tx)))
    assert composed == present


async def test_a_next_generation_changes_no_policy(operator: Installation) -> None:
    before = await present_policy(operator)
    await next_generation(operator, "root", "issuing")
    assert await present_policy(operator) == before


def test_what_a_section_leaves_to_others_is_filled_in() -> None:
    document = with_section(SMALL, "authority", "root", AuthoritySection(profile="root"))
    document = with_section(document, "profile", "pump", ProfileSection(based_on="ldevid", lifetime="730d"))
    document = with_section(document, "channel", "pumps", ChannelSection(authority="root", profile="pump"))
    document = with_section(document, "channel", "odd", ChannelSection(authority="root", profile="none"))
    resolved = resolve(document)
    assert resolved.authority["root"].organization == "Example"
    assert resolved.authority["root"].publication_url == "http://pki.example"
    assert resolved.profile["pump"].lifetime == "2y"
    assert resolved.channel["pumps"].accepts == ("device",)
    assert resolved.channel["odd"].accepts == ()
    assert resolve(resolved) == resolved
    assert Source("f", written(resolved)).read(FactoryDocument) == msgspec.structs.replace(
        document, profile={"pump": ProfileSection(based_on="ldevid", lifetime="2y")}
    )


@pytest.mark.parametrize(
    ("section", "value", "same"),
    [
        (
            "authority",
            AuthoritySection(profile="root", publication_url="http://pki.example/", organization="Example"),
            AuthoritySection(profile="root"),
        ),
        (
            "channel",
            ChannelSection(authority="a", profile="ldevid", accepts=("station", "device", "device")),
            ChannelSection(authority="a", profile="ldevid", accepts=("device", "station")),
        ),
        (
            "station",
            AccountSection(channels=("b", "a", "b"), ip=("2001:DB8:0::1",), dns=("x", "x")),
            AccountSection(channels=("a", "b"), ip=("2001:db8::1",), dns=("x",)),
        ),
        (
            "anchor",
            AnchorSection(vouches_for="station", certificate=f"A note before it.\n{PEM}"),
            AnchorSection(vouches_for="station", certificate=PEM),
        ),
    ],
)
def test_what_means_the_same_is_equal_once_resolved(section: str, value: object, same: object) -> None:
    documents = [resolve(msgspec.structs.replace(SMALL, **{section: {"x": one}})) for one in (value, same)]
    assert documents[0] == documents[1]
    assert written(documents[0]) == written(documents[1])


def test_what_differs_from_the_usual_is_written() -> None:
    document = with_section(
        SMALL, "authority", "root", AuthoritySection(profile="root", organization="Other", key="P-384")
    )
    channel = ChannelSection(authority="root", profile="ldevid", accepts=("station",))
    text = written(resolve(with_section(document, "channel", "x", channel)))
    assert 'organization = "Other"\nkey = "P-384"' in text
    assert 'accepts = ["station"]' in text


def test_equal_documents_have_equal_digests() -> None:
    one = with_section(with_section(SMALL, "site", "a", SiteSection()), "site", "b", SiteSection())
    other = with_section(with_section(SMALL, "site", "b", SiteSection()), "site", "a", SiteSection())
    assert digest_of(written(resolve(one))) == digest_of(written(resolve(other)))
    assert without_section(one, "site", "a") == without_section(other, "site", "a")


def test_a_profile_that_cannot_be_is_none_that_may_be_used() -> None:
    document = with_section(SMALL, "profile", "odd", ProfileSection(based_on="none"))
    assert "odd" not in profiles_of(document)
    assert "ldevid" in profiles_of(document)
