"""When a certificate is due. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from keyworks.x509.certificate import Certificate
from keyworks.x509.tbs import NO_EXPIRY


class Need(StrEnum):
    """What a certificate needs now."""

    NOTHING = "nothing"
    RENEWAL = "renewal"
    NEW_ENROLLMENT = "new enrollment"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is due now, and when the next thing is.

    Args:
        need: Now.
        renew_at: Epoch seconds; ``None`` for a certificate that never expires.
    """

    need: Need
    renew_at: int | None


def judge(certificate: Certificate | None, at: int) -> Verdict:
    """Return what a certificate needs at an instant; without one, an enrollment.

    Source: IEEE 802.1AR-2018 §6.2 and RFC 5280 §4.1.2.5 (one that never expires is never renewed).
    """
    if certificate is None:
        return Verdict(Need.NEW_ENROLLMENT, at)
    if certificate.not_after >= NO_EXPIRY:
        return Verdict(Need.NOTHING, None)
    due = certificate.renewal_due
    if at > certificate.not_after:
        return Verdict(Need.NEW_ENROLLMENT, due)
    return Verdict(Need.RENEWAL if at >= due else Need.NOTHING, due)
