"""Rules of RFC 5280; each docstring names the clause."""

from typing import Final

from keyworks import oids
from keyworks.algorithms.registry import signature_for
from keyworks.lint.view import UTC_TIME, Context, Frame, FrameRule, Rule, View
from keyworks.x509 import extensions as x
from keyworks.x509.name import Name

_V3: Final = 2
_YEAR_2050: Final = 2524608000
_MAX_SERIAL: Final = 1 << 159
_KNOWN: Final = frozenset(
    {
        oids.BASIC_CONSTRAINTS,
        oids.KEY_USAGE,
        oids.EXTENDED_KEY_USAGE,
        oids.SUBJECT_KEY_IDENTIFIER,
        oids.AUTHORITY_KEY_IDENTIFIER,
        oids.SUBJECT_ALT_NAME,
        oids.NAME_CONSTRAINTS,
        oids.CRL_DISTRIBUTION_POINTS,
        oids.AUTHORITY_INFORMATION_ACCESS,
    }
)
_ENCIPHERMENT: Final = frozenset({"keyEncipherment", "dataEncipherment"})


def version_is_3(frame: Frame, _: Context) -> str | None:
    """§4.1.2.1: with extensions, the version is 3."""
    return None if frame.version == _V3 else f"The version is {frame.version + 1}, not 3."


def serial_is_positive_and_short(view: View, _: Context) -> str | None:
    """§4.1.2.2: a positive integer of at most 20 octets."""
    return None if 0 < view.serial_number < _MAX_SERIAL else "The serial number is not positive, or too long."


def issuer_is_the_issuers_subject(view: View, context: Context) -> str | None:
    """§4.1.2.4, §6.1: a non-empty name, octet for octet the issuing certificate's subject."""
    expected = context.issuer.subject.der if context.issuer else view.subject.der
    if view.frame.issuer_der != expected:
        return "The issuer is not the issuing certificate's subject, octet for octet."
    return "The issuer is empty." if view.frame.issuer_der == b"\x30\x00" else None


def issuer_may_certify(_: Frame, context: Context) -> str | None:
    """§6.1.4 (k), (n): the issuing certificate is a CA's, and its keyUsage allows keyCertSign."""
    above = context.issuer
    if above is None:
        return None
    may = above.is_ca and "keyCertSign" in (above.key_usage or ())
    return None if may else "The issuing certificate is no CA's, or may not sign certificates."


def validity_is_ordered(view: View, _: Context) -> str | None:
    """§4.1.2.5: notBefore does not lie after notAfter."""
    return None if view.not_before <= view.not_after else "notBefore lies after notAfter."


def times_are_encoded_by_year(view: View, _: Context) -> str | None:
    """§4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050."""
    for at, tag in zip((view.not_before, view.not_after), view.time_tags, strict=True):
        if (at < _YEAR_2050) != (tag == UTC_TIME):
            return "A time is UTCTime from 2050 on, or GeneralizedTime before."
    return None


def signature_fits_the_issuers_key(frame: Frame, context: Context) -> str | None:
    """§4.1.2.3: the algorithm with which the issuer signs."""
    key_type = context.issuer.public_key.key_type if context.issuer else frame.key_type
    expected = signature_for(key_type).identifier
    return None if frame.signature == expected else "The signature algorithm is not the issuing key's."


def no_unique_ids(frame: Frame, _: Context) -> str | None:
    """§4.1.2.8: conforming CAs do not use unique identifiers."""
    return "A unique identifier is there." if frame.unique_ids else None


def no_extension_twice(frame: Frame, _: Context) -> str | None:
    """§4.2: an extension appears once."""
    return None if len(set(frame.listed)) == len(frame.listed) else "An extension appears twice."


def no_unknown_critical(frame: Frame, _: Context) -> str | None:
    """§4.2: we mark nothing critical that we do not understand."""
    unknown = [oid for oid, one in frame.extensions.items() if one.critical and oid not in _KNOWN]
    return f"Extension {unknown[0]} is critical and unknown." if unknown else None


def subject_key_identifier_is_there(view: View, _: Context) -> str | None:
    """§4.2.1.2: in every certificate (for end entities: SHOULD), not critical, our way to make it."""
    one = view.frame.extensions.get(oids.SUBJECT_KEY_IDENTIFIER)
    if one is None or one.critical or view.key_identifier is None:
        return "subjectKeyIdentifier is missing or critical."
    fits = x.parse_subject_key_identifier(view.key_identifier) == view.public_key.key_identifier
    return None if fits else "subjectKeyIdentifier is not the subject key's."


def authority_key_identifier_fits(view: View, context: Context) -> str | None:
    """§4.2.1.1: the issuing certificate's subjectKeyIdentifier, not critical."""
    one = view.frame.extensions.get(oids.AUTHORITY_KEY_IDENTIFIER)
    if one is None or one.critical:
        return "authorityKeyIdentifier is missing or critical."
    own = view.public_key.key_identifier
    expected = context.issuer.subject_key_identifier if context.issuer else own
    fits = x.parse_authority_key_identifier(one.value) == expected
    return None if fits else "authorityKeyIdentifier is not the issuing certificate's key identifier."


def key_usage_is_critical(frame: Frame, _: Context) -> str | None:
    """§4.2.1.3: present in CA certificates, critical, at least one bit."""
    one = frame.extensions.get(oids.KEY_USAGE)
    return None if one and one.critical and frame.key_usage else "keyUsage is missing, empty, or not critical."


def key_usage_fits_the_role(frame: Frame, _: Context) -> str | None:
    """§4.2.1.3, §4.2.1.9: keyCertSign if and only if a CA."""
    return None if ("keyCertSign" in frame.key_usage) == frame.ca else "keyCertSign and the CA bit contradict."


def key_usage_fits_the_key(frame: Frame, _: Context) -> str | None:
    """RFC 5480 §3, RFC 8410 §5, RFC 9881 §5: no encipherment with keys that only sign."""
    if not frame.key_type.startswith("rsa-") and frame.key_usage & _ENCIPHERMENT:
        return f"keyUsage allows encipherment with a {frame.key_type} key."
    return None


def basic_constraints_of_a_ca_are_critical(frame: Frame, _: Context) -> str | None:
    """§4.2.1.9: critical in CA certificates."""
    one = frame.extensions.get(oids.BASIC_CONSTRAINTS)
    return "basicConstraints of a CA is not critical." if frame.ca and not (one and one.critical) else None


def path_length_only_in_a_ca(frame: Frame, _: Context) -> str | None:
    """§4.2.1.9: pathLenConstraint only with the CA bit and keyCertSign."""
    return "pathLenConstraint without the CA bit." if frame.path_length is not None and not frame.ca else None


def path_length_fits_the_issuers(frame: Frame, context: Context) -> str | None:
    """§6.1.4: a CA below a pathLenConstraint has a smaller one."""
    above = context.issuer.path_length if context.issuer else None
    if not frame.ca or above is None:
        return None
    fits = frame.path_length is not None and frame.path_length < above
    return None if fits else "The issuing certificate's pathLenConstraint allows no such CA."


def name_constraints_only_in_a_ca(frame: Frame, _: Context) -> str | None:
    """§4.2.1.10: only in CA certificates, critical."""
    one = frame.extensions.get(oids.NAME_CONSTRAINTS)
    return (
        "nameConstraints is not critical, or not in a CA." if one and not (frame.ca and one.critical) else None
    )


def alternative_names_are_critical_without_subject(frame: Frame, _: Context) -> str | None:
    """§4.2.1.6: critical if the subject is empty, not critical otherwise; one of both is there."""
    one = frame.extensions.get(oids.SUBJECT_ALT_NAME)
    if one is None:
        return "The certificate names nobody." if frame.nameless else None
    wrong = one.critical != frame.nameless
    return "subjectAltName is critical if and only if the subject is empty." if wrong else None


def a_ca_has_a_subject(frame: Frame, _: Context) -> str | None:
    """§4.1.2.6: a CA's subject is not empty."""
    return "A CA has no subject." if frame.ca and frame.nameless else None


def subject_is_encoded_as_we_do(view: View, _: Context) -> str | None:
    """§4.1.2.4, appendix A.1: PrintableString or UTF8String, within the upper bounds."""
    if view.subject.is_empty:
        return None
    pairs = [(one.oid, one.value) for rdn in view.subject.rdns for one in rdn]
    same = all(len(rdn) == 1 for rdn in view.subject.rdns) and Name.of(*pairs).der == view.subject.der
    return None if same else "The subject has multi-valued RDNs or string types that we do not use."


def publication_addresses_are_http(frame: Frame, _: Context) -> str | None:
    """§4.2.1.13, §4.2.2.1: HTTP, because TLS would need the very status it publishes; not critical."""
    points = frame.extensions.get(oids.CRL_DISTRIBUTION_POINTS)
    access = frame.extensions.get(oids.AUTHORITY_INFORMATION_ACCESS)
    if (points and points.critical) or (access and access.critical):
        return "cRLDistributionPoints or authorityInfoAccess is critical."
    urls = list(x.parse_crl_distribution_points(points.value)) if points else []
    urls += [url for _, url in x.parse_authority_information_access(access.value)] if access else []
    return None if all(url.startswith("http://") for url in urls) else "A publication address is not http."


FRAME_RULES: Final[tuple[FrameRule, ...]] = (
    version_is_3,
    issuer_may_certify,
    signature_fits_the_issuers_key,
    no_unique_ids,
    no_extension_twice,
    no_unknown_critical,
    key_usage_is_critical,
    key_usage_fits_the_role,
    key_usage_fits_the_key,
    basic_constraints_of_a_ca_are_critical,
    path_length_only_in_a_ca,
    path_length_fits_the_issuers,
    name_constraints_only_in_a_ca,
    alternative_names_are_critical_without_subject,
    a_ca_has_a_subject,
    publication_addresses_are_http,
)
RULES: Final[tuple[Rule, ...]] = (
    serial_is_positive_and_short,
    issuer_is_the_issuers_subject,
    validity_is_ordered,
    times_are_encoded_by_year,
    subject_key_identifier_is_there,
    authority_key_identifier_fits,
    subject_is_encoded_as_we_do,
)
