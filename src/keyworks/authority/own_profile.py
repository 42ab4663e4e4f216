"""A factory's own profile, from the section of the document that describes it."""

from datetime import timedelta

import msgspec

from keyworks.authority.derivation import Faults, ProfileChanges, derive
from keyworks.authority.library import PROFILES
from keyworks.authority.name_rules import nearest
from keyworks.authority.profile import Profile
from keyworks.errors import OperatorError
from keyworks.settings.factory import ProfileSection, span_of

_DOCUMENT = msgspec.json.Decoder(ProfileSection)
FIELDS = {"alternative": "san", "name": "based_on"}
"""Settings that a field of a profile is called otherwise by."""


def own_profile(name: str, version: int, section: ProfileSection) -> Profile:
    """Return the profile that a section describes.

    Raises:
        OperatorError: It cannot be so; every reason in a line of its own, which starts with the setting.
    """
    base = PROFILES.get(section.based_on)
    if base is None:
        raise OperatorError(
            f"based_on: '{section.based_on}' is no built-in profile{nearest(section.based_on, PROFILES)}."
        )
    faults = Faults()
    changes = _changes(section, faults)
    with faults.collected():
        made = derive(base, name, version, changes)
    faults.check()
    return made


def stored_profile(name: str, version: int, document: str) -> Profile:
    """Return the profile that a stored section describes."""
    return own_profile(name, version, _DOCUMENT.decode(document))


def _changes(section: ProfileSection, faults: Faults) -> ProfileChanges:
    lifetime = subject = alternative = None
    with faults.collected():
        lifetime = _lifetime(section.lifetime)
    with faults.collected():
        subject = None if section.subject is None else tuple(map(_attribute, section.subject))
    if section.san is not None:
        alternative = tuple((kind, one) for kind, templates in section.san.items() for one in templates)
    return ProfileChanges(
        lifetime=lifetime,
        keys=section.keys,
        smallest_rsa_bits=section.smallest_rsa_bits,
        subject=subject,
        alternative=alternative,
        needs=section.needs,
        extended_key_usage=section.extended_key_usage,
        masa_url=section.masa_url,
        renewable=section.renewable,
    )


def _lifetime(text: str | None) -> timedelta | None:
    if text is None:
        return None
    span = span_of(text)
    if span is None:
        raise OperatorError(f"lifetime: '{text}' is no time span; write 2y, 90d, 12h or 30m.")
    return span


def _attribute(text: str) -> tuple[str, str]:
    kind, equals, template = text.partition("=")
    if not equals:
        raise OperatorError(f"subject: '{text}' is no attribute; write it as 'O={{organization}}'.")
    return kind.strip(), template
