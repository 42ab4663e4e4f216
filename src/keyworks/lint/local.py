"""Rules of our own: what the standards leave open and we do not."""

from typing import Final

from keyworks import oids
from keyworks.algorithms.registry import strength_bits
from keyworks.lint.view import Context, Rule, View
from keyworks.x509 import extensions as x

_LEAST_SERIAL_BITS: Final = 65
_LEAST_STRENGTH: Final = 112
_LEAST_CA_STRENGTH: Final = 128
_PURPOSES: Final = {
    "tls-server": oids.KP_SERVER_AUTH,
    "station": oids.KP_CLIENT_AUTH,
    "ldevid": oids.KP_CLIENT_AUTH,
}
_CA_PROFILES: Final = ("root", "issuing", "idevid-root", "idevid-issuing")


def leaf_does_not_outlive_its_issuer(view: View, context: Context) -> str | None:
    """A certificate never outlives its issuer."""
    wrong = context.issuer is not None and view.not_after > context.issuer.not_after
    return "The certificate would outlive its issuer." if wrong else None


def serial_has_enough_random_bits(view: View, _: Context) -> str | None:
    """A serial number of 64 random bits behind a prefix is longer than 64 bits."""
    short = 0 < view.serial_number < 1 << (_LEAST_SERIAL_BITS - 1)
    return "The serial number is too short to be unpredictable." if short else None


def key_is_strong_enough(view: View, _: Context) -> str | None:
    """112 bits of strength, of authorities 128."""
    least = _LEAST_CA_STRENGTH if view.ca else _LEAST_STRENGTH
    weak = strength_bits(view.public_key.key_type) < least
    return f"A {view.public_key.key_type} key is too weak here." if weak else None


def publication_addresses_are_there(view: View, context: Context) -> str | None:
    """CRL and issuer certificate can be found, for ever, below the authority's publication address."""
    if context.issuer is None:
        return None
    points, access = view.value(oids.CRL_DISTRIBUTION_POINTS), view.value(oids.AUTHORITY_INFORMATION_ACCESS)
    if points is None or access is None:
        return "cRLDistributionPoints or authorityInfoAccess is missing."
    urls = [*x.parse_crl_distribution_points(points)]
    urls += [url for _, url in x.parse_authority_information_access(access)]
    own = all(url.startswith(f"{context.publication_url}/") for url in urls)
    return None if own else "A publication address is not the authority's."


def profile_has_its_purpose(view: View, context: Context) -> str | None:
    """What a certificate is for stands in its extKeyUsage."""
    wanted = _PURPOSES.get(context.profile)
    return f"extKeyUsage lacks {wanted}." if wanted and wanted not in view.purposes else None


def server_has_a_name(view: View, context: Context) -> str | None:
    """RFC 9525 §6: a server is recognized by subjectAltName, never by commonName."""
    if context.profile != "tls-server":
        return None
    return None if view.names and (view.names.dns or view.names.ip) else "A server's certificate names no host."


def profile_fits_the_ca_bit(view: View, context: Context) -> str | None:
    """Only the profiles of authorities make authorities."""
    fits = view.ca == (context.profile in _CA_PROFILES)
    return None if fits else f"Profile {context.profile} and the CA bit contradict."


RULES: Final[tuple[Rule, ...]] = (
    leaf_does_not_outlive_its_issuer,
    serial_has_enough_random_bits,
    key_is_strong_enough,
    publication_addresses_are_there,
    profile_has_its_purpose,
    server_has_a_name,
    profile_fits_the_ca_bit,
)
