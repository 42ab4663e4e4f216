"""CSR attributes: what a channel wants to find in a request, as its profile says.

Asked for are the names that only the client knows, and told those that are the same for everybody. What comes
from the inventory is not asked for: the certificate has it whether the request names it or not. The key is the
first that the profile lists; requests with another one of its list are taken too.

Source: RFC 7030 §4.5; RFC 8951 §3.3; RFC 9908 §3.
"""

from collections.abc import Iterator
from typing import Final

from keyworks import oids
from keyworks.authority.channel import Attributes, Binding, Channel, ChannelPolicy
from keyworks.authority.enrollment import Enrollment
from keyworks.authority.name_rules import NameRule
from keyworks.authority.profile import Profile
from keyworks.protocols.est.body import base64_body
from keyworks.protocols.exchange import Reply
from keyworks.x509.csr_attributes import (
    CSRAttributes,
    WantedAttribute,
    WantedExtension,
    encode_csr_attributes,
)

CONTENT_TYPE: Final = "application/csrattrs"
_NOTHING: Final = b"\x30\x00"
_ORGANIZATION: Final = "organization"
_ITS_NUMBER: Final = ("serial_number",)
_FROM_INVENTORY: Final = frozenset({"manufacturer", "product", "site"})
_LEGACY: Final = frozenset({Attributes.BOTH, Attributes.LEGACY})
_TEMPLATE: Final = frozenset({Attributes.BOTH, Attributes.TEMPLATE})
_REMEMBERED: Final = 256


class CSRAttributesAnswers:
    """Answers what a channel wants; an answer is made once for each version of a profile.

    Args:
        enrollment: Knows the channels.
    """

    def __init__(self, enrollment: Enrollment) -> None:
        self._enrollment = enrollment
        self._remembered: dict[tuple[str, int, ChannelPolicy, str], Reply] = {}

    async def reply(self, label: str | None) -> Reply:
        """Return the answer for a channel: for anybody, as the CA certificates are (RFC 7030 §4.5.1).

        Raises:
            NotFound: There is no such channel.
        """
        channel, organization = await self._enrollment.serving(label)
        key = (channel.profile.name, channel.profile.version, channel.policy, organization)
        known = self._remembered.get(key)
        if known is None:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            known = self._remembered[key] = _reply(channel, organization)
        return known


def _reply(channel: Channel, organization: str) -> Reply:
    der = csr_attributes(channel.profile, channel.policy, organization)
    return Reply(204) if der == _NOTHING else base64_body(der, CONTENT_TYPE)


def csr_attributes(profile: Profile, policy: ChannelPolicy, organization: str) -> bytes:
    """Return DER CsrAttrs; an empty sequence where the channel has nothing to say.

    Args:
        profile: The channel's.
        policy: The channel's: in which form, and whether requests have to be bound to their connections.
        organization: The issuing authority's, as certificates name it.
    """
    return encode_csr_attributes(
        wanted_of(profile, policy, organization),
        legacy=policy.csrattrs in _LEGACY,
        template=policy.csrattrs in _TEMPLATE,
    )


def wanted_of(profile: Profile, policy: ChannelPolicy, organization: str) -> CSRAttributes:
    """Return what a request on a channel shall say."""
    return CSRAttributes(
        subject=tuple(_subject(profile.names.subject_rules, organization)),
        key_type=_key_type(profile),
        extensions=tuple(_extensions(profile)),
        challenge_password=policy.channel_binding is Binding.REQUIRED,
    )


def _subject(rules: tuple[NameRule, ...], organization: str) -> Iterator[WantedAttribute]:
    """Yield the attributes that are fixed, and once each of those that the client has to fill in."""
    has_its_place = any(one.kind == oids.SERIAL_NUMBER and one.placeholders == _ITS_NUMBER for one in rules)
    for rule in rules:
        if not rule.placeholders:
            yield WantedAttribute(rule.kind, rule.template)
        elif rule.placeholders == (_ORGANIZATION,):
            yield WantedAttribute(rule.kind, _filled(rule, organization))
        elif rule.placeholders == _ITS_NUMBER and rule.kind != oids.SERIAL_NUMBER and has_its_place:
            continue  # asked for where it belongs
        elif not _FROM_INVENTORY.intersection(rule.placeholders):
            yield WantedAttribute(rule.kind)


def _filled(rule: NameRule, organization: str) -> str:
    before, after = rule.literals
    return before + organization + after


def _key_type(profile: Profile) -> str | None:
    if profile.keys:
        return profile.keys[0]
    return f"rsa-{profile.smallest_rsa_bits}" if profile.smallest_rsa_bits else None


def _extensions(profile: Profile) -> Iterator[WantedExtension]:
    """Yield what is the same in all certificates, and alternative names where the client chooses some."""
    for one in profile.fixed_extensions:
        yield WantedExtension(one.oid, one.critical, one.value)
    if any(rule.asks for rule in profile.names.alternative_rules):
        yield WantedExtension(oids.SUBJECT_ALT_NAME)
