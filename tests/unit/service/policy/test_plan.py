"""What a change is, and what it means: a pure comparison."""

from dataclasses import replace

import msgspec
import pytest

from keyworks.service.policy.plan import Change, Facts, Live, as_text, concerned_channels, differences, plan
from keyworks.settings.factory import (
    AccountSection,
    AuthoritySection,
    ChannelSection,
    FactoryDocument,
    FactorySection,
    ProfileSection,
    SiteSection,
)
from keyworks.settings.toml import Section
from keyworks.testing import NOON

LDEVID = ChannelSection(authority="issuing", profile="pump", accepts=("device",))
PRESENT = FactoryDocument(
    factory=FactorySection(organization="Example Plant", publication_url="http://pki.example"),
    site={"hall-1": SiteSection(zone="a")},
    authority={"issuing": AuthoritySection(profile="issuing"), "other": AuthoritySection(profile="issuing")},
    profile={"pump": ProfileSection(based_on="ldevid", lifetime="90d")},
    channel={"ldevid": LDEVID, "tls": ChannelSection(authority="other", profile="tls-server")},
    station={"line-1": AccountSection(channels=("stations",))},
)
LIVE = Facts(channels={"ldevid": Live(214, NOON), "tls": Live(0, 0)})


def changed(section: str, name: str, value: Section | None) -> FactoryDocument:
    sections = {**getattr(PRESENT, section), name: value}
    kept = {one: known for one, known in sections.items() if known is not None}
    return msgspec.structs.replace(PRESENT, **{section: kept})


def lines(wanted: FactoryDocument, facts: Facts = LIVE) -> list[str]:
    return as_text(plan(PRESENT, wanted, differences(PRESENT, wanted), facts))


def test_equal_documents_need_no_step() -> None:
    assert differences(PRESENT, msgspec.structs.replace(PRESENT)) == ()
    assert lines(PRESENT) == []


@pytest.mark.parametrize(
    ("section", "name", "value", "told"),
    [
        (
            "channel",
            "ldevid",
            msgspec.structs.replace(LDEVID, profile="ldevid", approvals=2),
            [
                "~ channel ldevid",
                "    profile: pump → ldevid",
                "    approvals: 0 → 2",
                "    214 live certificates will be renewed with profile ldevid.",
            ],
        ),
        (
            "channel",
            "ldevid",
            msgspec.structs.replace(LDEVID, authority="other"),
            [
                "~ channel ldevid",
                "    authority: issuing → other",
                "    214 live certificates will be renewed by authority other.",
            ],
        ),
        (
            "channel",
            "ldevid",
            msgspec.structs.replace(LDEVID, enabled=False),
            [
                "~ channel ldevid",
                "    enabled: true → false",
                "    It refuses everybody; 214 live certificates cannot be renewed meanwhile.",
            ],
        ),
        (
            "channel",
            "ldevid",
            None,
            [
                "- channel ldevid",
                "    It is retired and refuses everybody; its label can come back.",
                "    The last of its 214 live certificates ends 2026-09-21.",
            ],
        ),
        (
            "channel",
            "pumps",
            LDEVID,
            [
                "+ channel pumps",
                "    authority: issuing",
                "    profile: pump",
                "    accepts: device",
                "    It serves under /.well-known/est/pumps/.",
            ],
        ),
        (
            "profile",
            "pump",
            ProfileSection(based_on="ldevid", lifetime="30d", san={"dns": ("{dns}", "{request}")}),
            [
                "~ profile pump",
                "    lifetime: 90d → 30d",
                "    san: - → dns {dns}, {request}",
                "    Channel ldevid: 214 live certificates will be renewed with its new version.",
            ],
        ),
        (
            "authority",
            "issuing",
            AuthoritySection(profile="issuing", key="P-384", enabled=False),
            [
                "~ authority issuing",
                "    key: P-256 → P-384",
                "    enabled: true → false",
                "    The new key comes with its next generation: `keyworks authority next issuing`.",
                "    Channel ldevid: it refuses everybody; 214 live certificates cannot be renewed meanwhile.",
            ],
        ),
        (
            "station",
            "line-1",
            None,
            ["- station line-1", "    It is refused with its next request."],
        ),
        (
            "service",
            "broker",
            AccountSection(channels=("tls",), dns=("a.example",)),
            [
                "+ service broker",
                "    channels: tls",
                "    dns: a.example",
                "    It gets a one-time secret by `keyworks service secret broker`.",
            ],
        ),
        ("site", "hall-1", SiteSection(), ["~ site hall-1", "    zone: a → "]),
    ],
)
def test_a_step_says_what_changes_and_what_that_means(
    section: str, name: str, value: Section | None, told: list[str]
) -> None:
    assert lines(changed(section, name, value)) == told


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("P-256", []),
        ("P-384", ["    The new key comes with its next generation: `keyworks authority next old`."]),
    ],
)
def test_an_authority_that_comes_back_has_its_key(key: str, told: list[str]) -> None:
    wanted = changed("authority", "old", AuthoritySection(profile="issuing", key=key))
    first = "    It was made before and is as it was, with its P-256 key; it issues from now on."
    assert lines(wanted, Facts(keys={"old": "P-256"}))[-len(told) - 1 :] == [first, *told]


def test_an_account_that_loses_a_channel_keeps_what_it_has_and_renews_it_no_more() -> None:
    wanted = changed("station", "line-1", AccountSection())
    assert lines(wanted, Facts(accounts={("station", "line-1"): Live(1, NOON)})) == [
        "~ station line-1",
        "    channels: stations → -",
        "    1 live certificate of it cannot be renewed any more; the last ends 2026-09-21.",
    ]


def test_what_nobody_holds_is_not_said_to_be_renewed() -> None:
    for section in (
        ChannelSection(authority="issuing", profile="tls-service"),
        ChannelSection(authority="other", profile="tls-server", enabled=False),
    ):
        assert not any("renewed" in line for line in lines(changed("channel", "tls", section)))


def test_one_certificate_is_not_several() -> None:
    assert (Live(1, NOON).text, Live(2, NOON).text, Live(0, 0).text) == (
        "1 live certificate",
        "2 live certificates",
        "0 live certificates",
    )


@pytest.mark.parametrize(
    ("section", "name", "concerned"),
    [
        ("channel", "ldevid", {"ldevid"}),
        ("profile", "pump", {"ldevid"}),
        ("authority", "issuing", {"ldevid"}),
        ("site", "hall-1", set()),
        ("channel", "new", set()),
    ],
)
def test_only_channels_that_a_change_touches_are_looked_at(
    section: str, name: str, concerned: set[str]
) -> None:
    before = getattr(PRESENT, section).get(name)
    assert concerned_channels([Change(section, name, before, None)], PRESENT) == concerned


def test_differences_come_section_by_section_names_in_order() -> None:
    wanted = changed("station", "a", AccountSection())
    wanted = msgspec.structs.replace(wanted, site={"b": SiteSection(), "a": SiteSection()})
    titles = [(one.sign, one.title) for one in differences(PRESENT, wanted)]
    assert titles == [("+", "site a"), ("+", "site b"), ("-", "site hall-1"), ("+", "station a")]


def test_another_owner_is_a_change_of_the_factory() -> None:
    factory = msgspec.structs.replace(PRESENT.factory, organization="Other Plant")
    [change] = differences(PRESENT, msgspec.structs.replace(PRESENT, factory=factory))
    assert (change.title, change.rows) == ("factory", [("organization", "Example Plant", "Other Plant")])
    assert replace(change, after=None).sign == "-"
