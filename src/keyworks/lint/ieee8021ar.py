"""Rules of IEEE 802.1AR for IDevIDs and the authorities that issue them."""

from typing import Final

from keyworks import oids
from keyworks.lint.view import Context, Frame, FrameRule, Rule, View
from keyworks.x509.tbs import NO_EXPIRY

_PROFILES: Final = ("idevid", "idevid-root", "idevid-issuing")


def idevid_never_expires(view: View, context: Context) -> str | None:
    """802.1AR §8.7: notAfter 99991231235959Z; so has its issuer, as no leaf outlives it."""
    wrong = context.profile in _PROFILES and view.not_after != NO_EXPIRY
    return "An IDevID, or its authority, ends before 99991231235959Z." if wrong else None


def idevid_has_one_serial_number(view: View, context: Context) -> str | None:
    """802.1AR §8.6: the subject has a serialNumber."""
    wrong = context.profile == "idevid" and len(view.subject.values(oids.SERIAL_NUMBER)) != 1
    return "An IDevID's subject has to have exactly one serialNumber." if wrong else None


def idevid_signs(frame: Frame, context: Context) -> str | None:
    """802.1AR §8.10: keyUsage has digitalSignature."""
    wrong = context.profile == "idevid" and "digitalSignature" not in frame.key_usage
    return "An IDevID's keyUsage lacks digitalSignature." if wrong else None


def idevid_is_no_ca(frame: Frame, context: Context) -> str | None:
    """802.1AR §8: an IDevID belongs to an end entity."""
    return "An IDevID has the CA bit." if context.profile == "idevid" and frame.ca else None


def hardware_module_names_are_complete(view: View, _: Context) -> str | None:
    """RFC 4108 §5: a hardware module name has a serial number."""
    modules = view.names.hardware_modules if view.names else ()
    return "A hardware module name has no serial number." if any(not m.serial_number for m in modules) else None


FRAME_RULES: Final[tuple[FrameRule, ...]] = (
    idevid_signs,
    idevid_is_no_ca,
)
RULES: Final[tuple[Rule, ...]] = (
    idevid_never_expires,
    idevid_has_one_serial_number,
    hardware_module_names_are_complete,
)
