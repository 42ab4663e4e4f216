"""Every mistake in a factory.toml is told with its line, its reason and its remedy, and nothing is changed."""

from datetime import timedelta

import pytest

from keyworks.errors import OperatorError
from keyworks.service.installation import Installation
from keyworks.service.policy.history import export_policy
from keyworks.settings.factory import (
    AccountSection,
    AuthoritySection,
    ChannelSection,
    FactorySection,
    ProfileSection,
    SiteSection,
)
from keyworks.testing import FixedClock
from tests.unit.service.policy.mistake import Mistake, Propose, check, state

ADDED = {
    "wrong type": Mistake(
        "[channel.x]\nauthority = 3\nprofile = 'ldevid'", 2, "channel.x.authority has to be text"
    ),
    "missing setting": Mistake("[channel.x]\nauthority = 'issuing'", 1, "channel.x lacks 'profile'"),
    "unknown section": Mistake("[chanel.x]\n", 1, "there is no setting 'chanel'; did you mean 'channel'?"),
    "unknown setting": Mistake(
        "[channel.x]\nauthority = 'issuing'\nprofil = 'ldevid'\nprofile = 'ldevid'",
        3,
        "there is no setting 'channel.x.profil'; did you mean 'profile'?",
    ),
    "two channels of one label": Mistake(
        "[channel.ldevid]\nauthority = 'issuing'\n",
        1,
        "this is not TOML: 'channel.ldevid' is there twice, first in line ",
    ),
    "authority that is not there": Mistake(
        "[channel.x]\nauthority = 'isuing'\nprofile = 'ldevid'",
        2,
        "channel.x.authority: there is no authority 'isuing' (did you mean 'issuing'?).",
    ),
    "profile that is not there": Mistake(
        "[channel.x]\nauthority = 'issuing'\nprofile = 'ldevidd'",
        3,
        "channel.x.profile: there is no profile of a channel 'ldevidd' (did you mean 'ldevid'?).",
    ),
    "profile of an authority for a channel": Mistake(
        "[channel.x]\nauthority = 'issuing'\nprofile = 'issuing'",
        3,
        "there is no profile of a channel 'issuing'",
    ),
    "channel of an authority for authorities": Mistake(
        "[channel.x]\nauthority = 'root'\nprofile = 'ldevid'",
        2,
        "channel.x.authority: root certifies authorities only; name an issuing one.",
    ),
    "word of a protocol as label": Mistake(
        "[channel.cacerts]\nauthority = 'issuing'\nprofile = 'ldevid'",
        1,
        "channel.cacerts: 'cacerts' is a word of an enrollment protocol; choose another label.",
    ),
    "who may not ask": Mistake(
        "[channel.x]\nauthority = 'issuing'\nprofile = 'station'\naccepts = ['device']",
        4,
        "channel.x.accepts: profile station is not for a device; possible are station.",
    ),
    "who does not exist": Mistake(
        "[channel.x]\nauthority = 'issuing'\nprofile = 'ldevid'\naccepts = ['devise']",
        4,
        "there is no kind of who may ask 'devise' (did you mean 'device'?).",
    ),
    "nobody may ask": Mistake(
        "[channel.x]\nauthority = 'issuing'\nprofile = 'ldevid'\naccepts = []",
        4,
        "channel.x.accepts: name who may ask: device, station.",
    ),
    "word that is none": Mistake(
        "[channel.x]\nauthority = 'issuing'\nprofile = 'ldevid'\nencoding = 'one line'",
        4,
        "channel.x.encoding: 'one line' is none of auto, one-line, wrapped (did you mean 'one-line'?).",
    ),
    "too many approvals": Mistake(
        "[channel.x]\nauthority = 'issuing'\nprofile = 'ldevid'\napprovals = -1",
        4,
        "channel.x.approvals: 0 to 9 operators can have to approve.",
    ),
    "weak key made by the server": Mistake(
        "[channel.x]\nauthority = 'issuing'\nprofile = 'ldevid'\nserver_keys = 'rsa-1024'",
        4,
        "channel.x.server_keys: 'rsa-1024' is no key that profile ldevid certifies",
    ),
    "two defaults": Mistake(
        "[channel.x]\nauthority = 'issuing'\nprofile = 'ldevid'\ndefault = true\n"
        "[channel.y]\nauthority = 'issuing'\nprofile = 'ldevid'\ndefault = true",
        8,
        "channel.y.default: x is the default already; one channel can be.",
    ),
    "default where nobody can ask": Mistake(
        "[channel.x]\nauthority = 'issuing'\nprofile = 'tls-server'\ndefault = true",
        4,
        "channel.x.default: it is for this server's own certificate; nobody can ask there.",
    ),
    "IDevID from another authority": Mistake(
        "[channel.x]\nauthority = 'issuing'\nprofile = 'idevid'",
        2,
        "channel.x.authority: IDevIDs, and only they, come from an idevid-issuing authority",
    ),
    "leaf that outlives its issuer": Mistake(
        "[profile.short]\nbased_on = 'issuing'\nlifetime = '300d'\n"
        "[authority.s]\nprofile = 'short'\nparent = 'root'\n"
        "[channel.x]\nauthority = 's'\nprofile = 'ldevid'",
        9,
        "channel.x.profile: ldevid lives 730 days and would outlive its issuer s, which has 300 left",
    ),
    "authority that outlives its issuer": Mistake(
        "[authority.x]\nprofile = 'idevid-issuing'\nparent = 'root'",
        2,
        "authority.x.profile: idevid-issuing never ends and would outlive its issuer root; take an authority",
    ),
    "cycle of authorities": Mistake(
        "[authority.a]\nprofile = 'issuing'\nparent = 'b'\n[authority.b]\nprofile = 'issuing'\nparent = 'a'",
        3,
        "authority.a.parent: b stands below a itself; one of them has to be a root.",
    ),
    "parent that is not there": Mistake(
        "[authority.a]\nprofile = 'issuing'\nparent = 'rot'",
        3,
        "authority.a.parent: there is no authority 'rot' (did you mean 'root'?).",
    ),
    "parent that certifies no authorities": Mistake(
        "[authority.a]\nprofile = 'issuing'\nparent = 'issuing'",
        3,
        "authority.a.parent: issuing certifies no authorities (its pathLen is 0); name a root.",
    ),
    "parent that is disabled": Mistake(
        "[authority.r]\nprofile = 'root'\nenabled = false\n[authority.a]\nprofile = 'issuing'\nparent = 'r'",
        6,
        "authority.a.parent: r is disabled; enable it first.",
    ),
    "no parent": Mistake("[authority.a]\nprofile = 'issuing'", 1, "authority.a: issuing needs a parent."),
    "root with a parent": Mistake(
        "[authority.a]\nprofile = 'root'\nparent = 'root'",
        3,
        "authority.a.parent: root certifies itself; take its parent away.",
    ),
    "weak algorithm": Mistake(
        "[authority.a]\nprofile = 'root'\nkey = 'P-192'",
        3,
        "authority.a.key: 'P-192' is weak or unknown (did you mean 'P-521'?); choose one of P-256,",
    ),
    "weak RSA key": Mistake(
        "[authority.a]\nprofile = 'root'\nkey = 'rsa-2048'",
        3,
        "authority.a.key: 'rsa-2048' is weak or unknown (did you mean 'rsa-4096'?); choose one of P-256,",
    ),
    "publication address over https": Mistake(
        "[authority.a]\nprofile = 'root'\npublication_url = 'https://pki.example'", 3, "because it is https"
    ),
    "publication address that is empty": Mistake(
        "[authority.a]\nprofile = 'root'\npublication_url = ''", 3, "'' cannot be a publication address"
    ),
    "organization that cannot be": Mistake(
        "[authority.a]\nprofile = 'root'\norganization = ' '",
        3,
        "authority.a.organization: Authority 'a' cannot",
    ),
    "weak key in a profile": Mistake(
        "[profile.p]\nbased_on = 'ldevid'\nkeys = ['P-192']", 3, "profile.p.keys: 'P-192' is weak or unknown"
    ),
    "profile based on nothing": Mistake(
        "[profile.p]\nbased_on = 'ldevit'",
        2,
        "profile.p.based_on: 'ldevit' is no built-in profile (did you mean 'ldevid'?).",
    ),
    "lifetime that is none": Mistake(
        "[profile.p]\nbased_on = 'ldevid'\nlifetime = '2 years'",
        3,
        "profile.p.lifetime: '2 years' is no time span; write 2y, 90d, 12h or 30m.",
    ),
    "subject without an attribute": Mistake(
        "[profile.p]\nbased_on = 'ldevid'\nsubject = ['{serial_number}']",
        3,
        "profile.p.subject: '{serial_number}' is no attribute; write it as 'O={organization}'.",
    ),
}


@pytest.mark.parametrize("mistake", ADDED)
async def test_a_mistake_is_told_with_line_reason_and_remedy_and_nothing_changes(
    operator: Installation, text: str, proposed: Propose, mistake: str
) -> None:
    await check(operator, text, proposed, ADDED[mistake])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            'organization = "Example Operator"',
            'organization = " "',
            ":2: factory.organization: it has to be 1 to 64",
        ),
        (
            'publication_url = "http://pki.operator.example"',
            "",
            ":1: factory lacks 'publication_url', which has to",
        ),
        ("http://pki", "https://pki", ":3: factory.publication_url: 'https://pki.operator.example' cannot be"),
        (
            'organization = "Example Operator"',
            'organization = "Other"',
            'cannot become Other; say `organization = "Example Operator"` here, or start another authority',
        ),
        (
            '[authority.issuing]\nprofile = "issuing"',
            '[authority.issuing]\nprofile = "root"',
            "authority.issuing.profile: it is certified with issuing and cannot become root; start another",
        ),
        ('[authority.root]\nprofile = "root"\n', "", "authority.issuing.parent: there is no authority 'root'"),
        ('[authority.issuing]\nprofile = "issuing"\nparent = "root"\n', "", "there is no authority 'issuing'"),
        (
            '[channel.tls]\nauthority = "issuing"\nprofile = "tls-server"\n',
            "",
            "missing, and 1 live certificate of it could not be renewed any more; the last ends 2027-09-21.",
        ),
        (
            'profile = "tls-server"',
            'profile = "masa"',
            "channel.tls.profile: 1 live certificate could not be renewed any more, as masa is not renewable;",
        ),
    ],
)
async def test_what_is_in_force_does_not_change_into_what_cannot_be(
    operator: Installation, text: str, proposed: Propose, old: str, new: str, told: str
) -> None:
    before = await state(operator)
    assert old in text
    with pytest.raises(OperatorError) as refused:
        await proposed(text.replace(old, new))
    assert told in refused.value.detail
    assert await state(operator) == before


async def test_every_mistake_of_a_document_is_told_at_once(text: str, proposed: Propose) -> None:
    channel = "[channel.x]\nauthority = 'none'\nprofile = 'ldevid'\n"
    added = f"{channel}[station.a]\nsite = 'b'\n[authority.a]\nprofile = 'x'\n"
    with pytest.raises(OperatorError) as refused:
        await proposed(f"{text}\n{added}")
    assert len(refused.value.detail.split("\n")) == 3


SHAPELESS = """
[station.s]
channels = ["ldevi"]
enabled = "yes"
[authority.a]
profile = "issuing"
parent = 3
key = "P-255"
[authority.b]
[profile.own]
based_on = "ldevid"
lifetime = 90
keys = ["P-255"]
smallest_rsa_bits = 100
subject = ["CN"]
[channel.x]
authority = "b"
profile = "own"
approvals = "two"
encoding = "round"
[channel.y]
authority = "a"
profil = "ldevid"
[anchor.c]
vouches_for = "devise"
certificate_file = "none.pem"
"""


async def test_mistakes_of_every_stage_are_told_at_once_and_what_follows_from_one_is_not(
    text: str, proposed: Propose
) -> None:
    with pytest.raises(OperatorError) as refused:
        await proposed(text + SHAPELESS)
    first = text.count("\n") + 1
    told = refused.value.detail.split("\n")
    assert [(int(one.split(":")[1]) - first, one.split(": ")[1].split(" has ")[0]) for one in told] == [
        (2, "station.s.channels"),
        (3, "station.s.enabled"),
        (6, "authority.a.parent"),
        (7, "authority.a.key"),
        (8, "authority.b lacks 'profile', which"),
        (11, "profile.own.lifetime"),
        (12, "profile.own.keys"),
        (13, "profile.own.smallest_rsa_bits"),
        (14, "profile.own.subject"),
        (18, "channel.x.approvals"),
        (19, "channel.x.encoding"),
        (20, "channel.y lacks 'profile', which"),
        (22, "there is no setting 'channel.y.profil'; did you mean 'profile'?"),
        (24, "anchor.c.vouches_for"),
        (25, told[-1].split(": ")[1]),
    ]
    assert "none.pem cannot be read" in told[-1]


SECTIONS = {
    "factory": FactorySection,
    "site.hall": SiteSection,
    "authority.issuing": AuthoritySection,
    "profile.own": ProfileSection,
    "channel.ldevid": ChannelSection,
    "station.line": AccountSection,
}


async def test_a_setting_of_a_wrong_type_is_told_and_nothing_that_follows_from_it(
    text: str, applied: Propose, proposed: Propose
) -> None:
    """Whatever the setting is: what refers to its section is checked as if it were as it is in force."""
    added = "[site.hall]\n[station.line]\nchannels = ['stations']\nsite = 'hall'\n"
    own = "[profile.own]\nbased_on = 'ldevid'\n[channel.own]\nauthority = 'issuing'\nprofile = 'own'\n"
    text = f"{text}\n{added}{own}"
    await applied(text)
    for path, kind in SECTIONS.items():
        for field in kind.__struct_fields__:
            with pytest.raises(OperatorError) as refused:
                await proposed(_with_wrong_type(text, path, field))
            [line] = refused.value.detail.split("\n")
            assert f": {path}.{field} has to be " in line


def _with_wrong_type(text: str, section: str, field: str) -> str:
    before, head, rest = text.partition(f"[{section}]\n")
    within, next_head, after = rest.partition("\n[")
    kept = [one for one in within.split("\n") if not one.startswith(f"{field} = ")]
    assert head
    return f"{before}{head}{field} = 1.5\n{chr(10).join(kept)}{next_head}{after}"


async def test_a_section_that_cannot_be_is_told_before_what_refers_to_it(text: str, proposed: Propose) -> None:
    with pytest.raises(OperatorError) as refused:
        await proposed(f"{text}\n[chanel.x]\nauthority = 'issuing'\n[station.s]\nchannels = ['x']\n")
    [line] = refused.value.detail.split("\n")
    assert "there is no setting 'chanel'; did you mean 'channel'?" in line


@pytest.mark.parametrize(
    ("base", "user"),
    [
        ("ldevid", "[channel.x]\nauthority = 'issuing'"),
        ("issuing", "[authority.x]\nparent = 'root'"),
    ],
)
async def test_a_faulty_profile_is_told_where_it_is_and_not_where_it_is_used(
    text: str, proposed: Propose, base: str, user: str
) -> None:
    added = f"[profile.own]\nbased_on = '{base}'\nlifetime = '0d'\n{user}\nprofile = 'own'\n"
    with pytest.raises(OperatorError) as refused:
        await proposed(f"{text}\n{added}")
    [line] = refused.value.detail.split("\n")
    assert "profile.own.lifetime: " in line


async def test_time_that_passes_makes_no_mistake_of_what_is_in_force(
    operator: Installation, text: str, applied: Propose, clock: FixedClock
) -> None:
    """An authority with a year left is no reason to refuse a change somewhere else."""
    profile = "[profile.short]\nbased_on = 'issuing'\nlifetime = '730d'\n"
    authority = "[authority.s]\nprofile = 'short'\nparent = 'root'\n"
    await applied(f"{text}\n{profile}{authority}[channel.x]\nauthority = 's'\nprofile = 'ldevid'\n")
    clock.advance(timedelta(days=400))
    proposal = await applied(await export_policy(operator) + "\n[site.hall-1]\n")
    assert [step.change.title for step in proposal.steps] == ["site hall-1"]
