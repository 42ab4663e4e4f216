"""What a channel wants in a request, from its profile."""

import base64
from dataclasses import replace

import pytest

from keyworks import oids
from keyworks.authority.channel import DEFAULT_POLICY, Attributes, Binding, Channel, ChannelPolicy
from keyworks.authority.enrollment import Enrollment
from keyworks.authority.library import PROFILES
from keyworks.authority.name_rules import NameRules
from keyworks.protocols.est.csrattrs import CSRAttributesAnswers, csr_attributes, wanted_of
from keyworks.protocols.est.endpoint import EST
from keyworks.protocols.exchange import Request
from keyworks.service.installation import Installation
from keyworks.testing import SOURCE, EnrollmentDesk
from keyworks.x509.csr_attributes import (
    CSRAttributes,
    WantedAttribute,
    WantedExtension,
    parse_csr_attributes,
)

IDEVID, LDEVID = PROFILES["idevid"], PROFILES["ldevid"]
ORGANIZATION = WantedAttribute(oids.ORGANIZATION_NAME, "Example Plant")
SERIAL_NUMBER = WantedAttribute(oids.SERIAL_NUMBER)


def wanted(profile: str, policy: ChannelPolicy = DEFAULT_POLICY) -> CSRAttributes:
    return wanted_of(PROFILES[profile], policy, "Example Plant")


def test_the_maker_asks_for_the_serial_number_alone() -> None:
    """RFC 9908 §3.4: without a value the client fills it in; the rest of the name is the inventory's."""
    assert wanted("idevid").subject == (SERIAL_NUMBER,)


def test_the_owner_tells_its_organization_too() -> None:
    assert wanted("ldevid").subject == (ORGANIZATION, SERIAL_NUMBER)


def test_a_station_says_its_name() -> None:
    assert wanted("station").subject == (ORGANIZATION, WantedAttribute(oids.COMMON_NAME))


@pytest.mark.parametrize(
    ("profile", "key_type"), [("ldevid", "P-256"), ("opcua-application-rsa", "rsa-2048"), ("user", "P-256")]
)
def test_the_key_is_the_first_that_the_profile_lists(profile: str, key_type: str) -> None:
    assert wanted(profile).key_type == key_type


def test_extensions_are_those_of_every_certificate_with_their_values() -> None:
    found = {one.oid: one for one in wanted("ldevid").extensions}
    assert set(found) == {oids.KEY_USAGE, oids.EXTENDED_KEY_USAGE}
    assert found[oids.KEY_USAGE] == WantedExtension(oids.KEY_USAGE, True, bytes.fromhex("03020780"))


@pytest.mark.parametrize(
    ("template", "asked"), [("{dns}", False), ("{request}", True), ("gateway.plant.example", False)]
)
def test_alternative_names_are_asked_for_where_the_client_chooses_some(template: str, asked: bool) -> None:
    rules = NameRules((("CN", "{serial_number}"),), (("dns", template),))
    found = wanted_of(replace(LDEVID, names=rules), ChannelPolicy(), "Example Plant")
    assert (WantedExtension(oids.SUBJECT_ALT_NAME) in found.extensions) is asked
    assert found.subject == (WantedAttribute(oids.COMMON_NAME),)


def test_a_fixed_attribute_is_told_and_one_around_the_organization_filled() -> None:
    rules = NameRules((("O", "{organization} Works"), ("OU", "Line 3"), ("CN", "{product}")))
    found = wanted_of(replace(LDEVID, names=rules), ChannelPolicy(), "Example Plant")
    assert found.subject == (
        WantedAttribute(oids.ORGANIZATION_NAME, "Example Plant Works"),
        WantedAttribute(oids.ORGANIZATIONAL_UNIT_NAME, "Line 3"),
    )


@pytest.mark.parametrize("binding", Binding)
def test_a_request_has_to_be_bound_where_the_channel_says_so(binding: Binding) -> None:
    """RFC 7030 §3.5: the server asks for it by challengePassword among the attributes."""
    found = wanted("ldevid", ChannelPolicy(channel_binding=binding))
    assert found.challenge_password is (binding is Binding.REQUIRED)


@pytest.mark.parametrize(
    ("form", "template", "listed"),
    [
        (Attributes.BOTH, True, True),
        (Attributes.TEMPLATE, True, False),
        (Attributes.LEGACY, False, True),
        (Attributes.OFF, False, False),
    ],
)
def test_the_channel_says_in_which_form(form: Attributes, template: bool, listed: bool) -> None:
    """RFC 9908 §4."""
    der = csr_attributes(LDEVID, ChannelPolicy(csrattrs=form), "Example Plant")
    assert (bytes.fromhex("060b2a864886f70d010910023d") in der) is template
    assert (bytes.fromhex("06082a8648ce3d040302") in der) is listed
    assert (der == b"\x30\x00") is (form is Attributes.OFF)


class Serving(Enrollment):
    """Knows one channel with whatever policy, and counts who asks for it."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    async def serving(self, _: str | None) -> tuple[Channel, str]:
        return self.channel, "Example Plant"


def channel(policy: ChannelPolicy) -> Channel:
    return Channel("id", "ldevid", "authority", LDEVID, LDEVID.accepts, policy=policy)


async def test_a_channel_with_nothing_to_say_has_no_content() -> None:
    """RFC 7030 §4.5.2: 204."""
    reply = await CSRAttributesAnswers(Serving(channel(ChannelPolicy(csrattrs=Attributes.OFF)))).reply("ldevid")
    assert (reply.status, reply.body) == (204, b"")


async def test_an_answer_is_made_once_until_the_profile_or_the_policy_changes() -> None:
    serving = Serving(channel(ChannelPolicy()))
    answers = CSRAttributesAnswers(serving)
    first = await answers.reply("ldevid")
    assert await answers.reply("ldevid") is first
    serving.channel = channel(ChannelPolicy(csrattrs=Attributes.LEGACY))
    other = await answers.reply("ldevid")
    serving.channel = replace(serving.channel, profile=replace(LDEVID, version=99, keys=("P-384",)))
    third = await answers.reply("ldevid")
    assert len({first.body, other.body, third.body}) == 3


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_attributes_are_for_anybody_in_base64(supplier: Installation, method: str) -> None:
    """RFC 7030 §4.5.1, §4.5.2; RFC 8951 §3.1."""
    est = EST(EnrollmentDesk(supplier).enrollment)
    reply = await est.respond(Request(method, "/.well-known/est/idevid/csrattrs", {}, b"", SOURCE))
    assert (reply.status, reply.content_type) == (200, "application/csrattrs")
    read = parse_csr_attributes(base64.b64decode(reply.body, validate=False))
    assert read == wanted_of(IDEVID, ChannelPolicy(), "Example Supplier")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/.well-known/est/idevid/csrattrs", 405),
        ("GET", "/.well-known/est/nobody/csrattrs", 404),
        ("GET", "/.well-known/est/csrattrs", 404),
    ],
)
async def test_a_wrong_question_is_refused(supplier: Installation, method: str, path: str, status: int) -> None:
    est = EST(EnrollmentDesk(supplier).enrollment)
    assert (await est.respond(Request(method, path, {}, b"", SOURCE))).status == status


def test_every_profile_of_a_channel_can_be_asked_for() -> None:
    for profile in PROFILES.values():
        if not profile.ca:
            read = parse_csr_attributes(csr_attributes(profile, ChannelPolicy(), "Example Plant"))
            assert read == wanted_of(profile, ChannelPolicy(), "Example Plant"), profile.name
