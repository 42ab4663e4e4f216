"""Rules of profiles: what a certificate of a kind has to be, whatever a factory's own profile changes."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from keyworks import oids
from keyworks.lint.view import Context, Frame, FrameRule, Rule, View

AUTHORITIES: Final = frozenset({"root", "issuing", "idevid-root", "idevid-issuing"})
NEVER_ENDING: Final = frozenset({"idevid", "idevid-root", "idevid-issuing"})
_TLS: Final = timedelta(days=825)
_YEAR: Final = timedelta(days=365)

_SIGNS: Final = frozenset({"digitalSignature"})
_COMMITS: Final = frozenset({"digitalSignature", "nonRepudiation"})
_KEY_USAGE: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        **dict.fromkeys(AUTHORITIES, frozenset({"keyCertSign", "cRLSign"})),
        **dict.fromkeys(("opcua-application", "ipsec", "ipsec-gateway"), _COMMITS),
        "opcua-application-rsa": _COMMITS | {"keyEncipherment", "dataEncipherment"},
    }
)
"""Where it is not digitalSignature alone."""

_SERVES: Final = oids.KP_SERVER_AUTH
_ASKS: Final = oids.KP_CLIENT_AUTH
_PURPOSES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "ldevid": (_ASKS, _SERVES),
        "https-device": (_SERVES,),
        "tls-client": (_ASKS,),
        "mqtt-client": (_ASKS,),
        "opcua-application": (_SERVES, _ASKS),
        "opcua-application-rsa": (_SERVES, _ASKS),
        "ipsec": (oids.KP_IPSEC_IKE,),
        "vpn-client": (_ASKS,),
        "safety": (oids.KP_SAFETY_COMMUNICATION,),
        "tls-server": (_SERVES,),
        "tls-service": (_SERVES, _ASKS),
        "ipsec-gateway": (oids.KP_IPSEC_IKE,),
        "ocsp-responder": (oids.KP_OCSP_SIGNING,),
        "code-signing": (oids.KP_CODE_SIGNING,),
        "firmware": (oids.KP_UPDATE_PACKAGE_SIGNING,),
        "configuration": (oids.KP_CONFIG_SIGNING,),
        "trust-configuration": (oids.KP_TRUST_ANCHOR_CONFIG_SIGNING,),
        "timestamping": (oids.KP_TIME_STAMPING,),
        "cmp-ra": (oids.KP_CMC_RA,),
        "est-ra": (oids.KP_CMC_RA,),
        "registrar": (oids.KP_CMC_RA,),
        "kga": (oids.KP_CM_KGA,),
        "station": (_ASKS,),
        "user": (_ASKS,),
        "staff": (_ASKS,),
    }
)
RESERVED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        purpose: frozenset(base for base, purposes in _PURPOSES.items() if purpose in purposes)
        for purpose in (
            oids.KP_OCSP_SIGNING,
            oids.KP_CODE_SIGNING,
            oids.KP_UPDATE_PACKAGE_SIGNING,
            oids.KP_CONFIG_SIGNING,
            oids.KP_TRUST_ANCHOR_CONFIG_SIGNING,
            oids.KP_TIME_STAMPING,
            oids.KP_CMC_RA,
            oids.KP_CM_KGA,
            oids.ANY_EXTENDED_KEY_USAGE,
        )
    }
)
"""Purposes that are a power over others, and the only profiles that may have them; of the last one, none."""

_A_HOST: Final = (("dns", "ip"),)
NEEDED: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = MappingProxyType(
    {
        **dict.fromkeys(("https-device", "tls-server", "tls-service", "est-ra", "registrar"), _A_HOST),
        **dict.fromkeys(("opcua-application", "opcua-application-rsa"), (("uri",), *_A_HOST)),
        **dict.fromkeys(("ipsec", "ipsec-gateway"), (("dns", "ip", "email"),)),
        "user": (("upn", "email"),),
    }
)
"""Groups of kinds of alternative names, one of each of which has to be there."""

LONGEST: Final[Mapping[str, timedelta]] = MappingProxyType(
    {
        **dict.fromkeys(_PURPOSES, 5 * _YEAR),
        "root": 30 * _YEAR,
        "issuing": 15 * _YEAR,
        **dict.fromkeys(("https-device", "tls-client", "mqtt-client", "tls-server", "tls-service"), _TLS),
        **dict.fromkeys(("vpn-client", "cmp-ra", "est-ra", "registrar", "kga", "station", "staff"), _TLS),
        **dict.fromkeys(("ipsec", "ipsec-gateway", "safety", "user"), 3 * _YEAR),
        **dict.fromkeys(("code-signing", "firmware", "configuration", "trust-configuration"), 3 * _YEAR),
        "ocsp-responder": timedelta(days=90),
        "timestamping": timedelta(days=4106),
        "masa": 10 * _YEAR,
    }
)
"""From the moment of issue; 4106 days are 135 months."""

_SLACK: Final = timedelta(minutes=5)
"""How far notBefore lies before the moment of issue."""


def profile_has_its_purpose(frame: Frame, context: Context) -> str | None:
    """What a certificate is for stands in its extKeyUsage."""
    lacking = [one for one in _PURPOSES.get(context.profile, ()) if one not in frame.purposes]
    return f"extKeyUsage lacks {lacking[0]}." if lacking else None


def powers_stay_with_their_profiles(frame: Frame, context: Context) -> str | None:
    """A purpose that is a power over others stands only in profiles that are about it; any purpose, in none."""
    wrong = [one for one in frame.purposes if context.profile not in RESERVED.get(one, {context.profile})]
    return f"extKeyUsage has {wrong[0]}, which profile {context.profile} cannot have." if wrong else None


def profile_has_its_key_usage(frame: Frame, context: Context) -> str | None:
    """A profile's keyUsage is what its protocols need, and no more."""
    wanted = _KEY_USAGE.get(context.profile, _SIGNS)
    return None if frame.key_usage == wanted else f"keyUsage is not {', '.join(sorted(wanted))}."


def profile_has_its_names(view: View, context: Context) -> str | None:
    """A peer recognizes a subject by subjectAltName, never by commonName (RFC 9525 §6; RFC 4945 §5.1.3)."""
    for group in NEEDED.get(context.profile, ()):
        if not view.names or not any(getattr(view.names, kind) for kind in group):
            return f"subjectAltName has no name of kind {' or '.join(group)}."
    return None


def application_has_one_uri(view: View, context: Context) -> str | None:
    """OPC 10000-6 §6.2.2: an application instance certificate has exactly one URI, the ApplicationUri."""
    if not context.profile.startswith("opcua-application") or view.names is None:
        return None
    return "An OPC UA application's certificate has several URIs." if len(view.names.uri) > 1 else None


def time_stamps_have_a_critical_purpose_of_their_own(frame: Frame, context: Context) -> str | None:
    """RFC 3161 §2.3: extKeyUsage is critical and has timeStamping alone."""
    one = frame.extensions.get(oids.EXTENDED_KEY_USAGE)
    if context.profile != "timestamping" or one is None:
        return None
    right = one.critical and frame.purposes == (oids.KP_TIME_STAMPING,)
    return None if right else "extKeyUsage of a time-stamping authority is not critical, or has more purposes."


def only_ocsp_responders_are_not_checked(frame: Frame, context: Context) -> str | None:
    """RFC 6960 §4.2.2.2.1: id-pkix-ocsp-nocheck in a responder's certificate, and in no other."""
    fits = (oids.OCSP_NO_CHECK in frame.extensions) == (context.profile == "ocsp-responder")
    return (
        None if fits else "id-pkix-ocsp-nocheck is missing, or in a certificate whose status has to be asked."
    )


def profile_does_not_live_too_long(view: View, context: Context) -> str | None:
    """A profile has a longest life, after which nobody can say what became of the key."""
    longest = LONGEST.get(context.profile)
    if longest is None:
        return None
    life = view.not_after - view.not_before
    return (
        None if life <= (longest + _SLACK).total_seconds() else f"It would live more than {longest.days} days."
    )


def profile_fits_the_ca_bit(frame: Frame, context: Context) -> str | None:
    """Only the profiles of authorities make authorities."""
    fits = frame.ca == (context.profile in AUTHORITIES)
    return None if fits else f"Profile {context.profile} and the CA bit contradict."


FRAME_RULES: Final[tuple[FrameRule, ...]] = (
    profile_has_its_purpose,
    powers_stay_with_their_profiles,
    profile_has_its_key_usage,
    time_stamps_have_a_critical_purpose_of_their_own,
    only_ocsp_responders_are_not_checked,
    profile_fits_the_ca_bit,
)
RULES: Final[tuple[Rule, ...]] = (
    profile_has_its_names,
    application_has_one_uri,
    profile_does_not_live_too_long,
)
