"""Rules of our own: what the standards leave open and we do not."""

from typing import Final

from keyworks import oids
from keyworks.algorithms.registry import strength_bits
from keyworks.lint.view import Context, Frame, FrameRule, Rule, View
from keyworks.x509 import extensions as x

_LEAST_SERIAL_BITS: Final = 65
_LEAST_STRENGTH: Final = 112
_LEAST_CA_STRENGTH: Final = 128


def leaf_does_not_outlive_its_issuer(view: View, context: Context) -> str | None:
    """A certificate never outlives its issuer."""
    wrong = context.issuer is not None and view.not_after > context.issuer.not_after
    return "The certificate would outlive its issuer." if wrong else None


def serial_has_enough_random_bits(view: View, _: Context) -> str | None:
    """A serial number of 64 random bits behind a prefix is longer than 64 bits."""
    short = 0 < view.serial_number < 1 << (_LEAST_SERIAL_BITS - 1)
    return "The serial number is too short to be unpredictable." if short else None


def key_is_strong_enough(frame: Frame, _: Context) -> str | None:
    """112 bits of strength, of authorities 128."""
    least = _LEAST_CA_STRENGTH if frame.ca else _LEAST_STRENGTH
    weak = strength_bits(frame.key_type) < least
    return f"A {frame.key_type} key is too weak here." if weak else None


def publication_addresses_are_there(frame: Frame, context: Context) -> str | None:
    """CRL and issuer certificate can be found, for ever, below the authority's publication address."""
    if context.issuer is None:
        return None
    points, access = frame.value(oids.CRL_DISTRIBUTION_POINTS), frame.value(oids.AUTHORITY_INFORMATION_ACCESS)
    if points is None or access is None:
        return "cRLDistributionPoints or authorityInfoAccess is missing."
    urls = [*x.parse_crl_distribution_points(points)]
    urls += [url for _, url in x.parse_authority_information_access(access)]
    own = all(url.startswith(f"{context.publication_url}/") for url in urls)
    return None if own else "A publication address is not the authority's."


FRAME_RULES: Final[tuple[FrameRule, ...]] = (
    key_is_strong_enough,
    publication_addresses_are_there,
)
RULES: Final[tuple[Rule, ...]] = (
    leaf_does_not_outlive_its_issuer,
    serial_has_enough_random_bits,
)
