"""No change leaves live certificates without anybody who could renew them."""

import msgspec
import pytest

from keyworks.errors import OperatorError
from keyworks.service.installation import Installation
from keyworks.service.policy.apply import apply
from keyworks.service.policy.history import versions
from keyworks.service.policy.orphans import about_orphans
from keyworks.service.policy.plan import Facts, Live
from keyworks.settings.factory import AccountSection, ChannelSection, FactoryDocument, FactorySection
from keyworks.testing import NOON, EnrollmentDesk
from tests.unit.service.policy.mistake import Propose

DEVICES = ChannelSection(authority="issuing", profile="ldevid", accepts=("device", "station"))
SIGNERS = ChannelSection(authority="issuing", profile="firmware", accepts=("service",))
SERVER = ChannelSection(authority="issuing", profile="tls-server", accepts=())
PRESENT = FactoryDocument(
    factory=FactorySection(organization="Example Plant", publication_url="http://pki.example"),
    channel={"devices": DEVICES, "signers": SIGNERS, "tls": SERVER},
    service={"broker": AccountSection(channels=("signers",))},
)
SOME = Live(3, NOON)
LINE_STATION = '\n[station.line-9]\nchannels = ["stations"]\n'


def complaints(label: str, section: ChannelSection | None, live: Live = SOME) -> list[str]:
    channels = {**PRESENT.channel, label: section}
    kept = {name: one for name, one in channels.items() if one is not None}
    wanted = msgspec.structs.replace(PRESENT, channel=kept)
    return [one.sentence for one in about_orphans(PRESENT, wanted, Facts(channels={label: live}))]


@pytest.mark.parametrize(
    ("label", "section", "told"),
    [
        ("devices", None, "channel.devices: it is missing, and 3 live certificates of it could not be renewed"),
        (
            "devices",
            msgspec.structs.replace(DEVICES, accepts=("station",)),
            "as a device could not ask here; the last ends 2026-09-21. Make another channel for what is new",
        ),
        ("devices", SERVER, "as a device could not ask here"),
        ("devices", SIGNERS, "as firmware is not renewable"),
        (
            "devices",
            msgspec.structs.replace(DEVICES, profile="https-device"),
            "as a renewal keeps its names, and https-device needs one of kind dns or ip",
        ),
        ("tls", msgspec.structs.replace(SERVER, profile="tls-service", accepts=("service",)), "as a server"),
    ],
)
def test_what_could_not_be_renewed_any_more_is_told(
    label: str, section: ChannelSection | None, told: str
) -> None:
    [sentence] = complaints(label, section)
    assert told in sentence
    assert complaints(label, section, Live(0, 0)) == []


@pytest.mark.parametrize(
    ("label", "section"),
    [
        ("devices", msgspec.structs.replace(DEVICES, accepts=("device",))),
        ("devices", msgspec.structs.replace(DEVICES, enabled=False, profile="tls-client")),
        ("signers", None),
    ],
)
def test_what_can_be_renewed_or_never_could_is_no_orphan(label: str, section: ChannelSection | None) -> None:
    """Of devices only the device renews, whoever asked for it first; a signer is never renewed."""
    assert complaints(label, section) == []


def test_an_account_goes_after_its_certificates() -> None:
    facts = Facts(accounts={("service", "broker"): SOME})
    [one] = about_orphans(PRESENT, msgspec.structs.replace(PRESENT, service={}), facts)
    assert (one.path, "3 live certificates of it" in one.sentence) == (("service", "broker"), True)


async def test_what_was_issued_since_it_was_proposed_counts(
    operator: Installation, text: str, applied: Propose, proposed: Propose
) -> None:
    """Somebody may look at a plan for an hour before saying yes."""
    await applied(text + LINE_STATION)
    proposal = await proposed(text)
    await EnrollmentDesk(operator).station("line-9", "stations")
    before = await versions(operator)
    with pytest.raises(OperatorError, match=r"^station\.line-9: it is missing, and 1 live certificate of it"):
        await apply(operator, proposal, "late")
    assert await versions(operator) == before


async def test_an_account_may_lose_a_channel_which_the_plan_tells(
    operator: Installation, text: str, applied: Propose, proposed: Propose
) -> None:
    """Taking a right away is no slip; removing a section may be one."""
    await applied(text + LINE_STATION)
    await EnrollmentDesk(operator).station("line-9", "stations")
    [step] = (await proposed(f"{text}\n[station.line-9]\n")).steps
    assert step.meaning == ("1 live certificate of it cannot be renewed any more; the last ends 2027-09-21.",)
    [step] = (await proposed(text + LINE_STATION.replace("]\n", "]\ndns = ['a.example']\n", 1))).steps
    assert step.meaning == ()


async def test_an_account_may_lose_a_name_which_the_plan_tells(
    operator: Installation, text: str, applied: Propose, proposed: Propose
) -> None:
    """A renewal keeps its names (RFC 7030 §4.2.2), so the name lives on until the certificate is revoked."""
    own = "[profile.line]\nbased_on = 'station'\nsan = { dns = ['{dns}'] }\n"
    own += "[channel.lines]\nauthority = 'issuing'\nprofile = 'line'\n"
    line = "[station.line-9]\nchannels = ['lines']\ndns = ['a.example', 'b.example']\n"
    await applied(f"{text}\n{own}{line}")
    await EnrollmentDesk(operator).station("line-9", "lines")
    [step] = (await proposed(f"{text}\n{own}{line.replace(chr(39) + 'a.example' + chr(39) + ', ', '')}")).steps
    told = "What is taken away stays in 1 live certificate of it, also when renewed, until revoked."
    assert step.meaning == (told,)
    [step] = (await proposed(f"{text}\n{own}{line.replace('b.example', 'c.example')}")).steps
    assert step.meaning == (told,)
    [step] = (await proposed(f"{text}\n{own}{line.replace('b.example', 'B.example')}")).steps
    assert step.meaning == ()
