"""An authority's generations: one key, its certificate, the time in which it issues."""

from dataclasses import dataclass

from keyworks.authority.profile import Issuer, Profile
from keyworks.errors import Unavailable
from keyworks.x509.certificate import Certificate


@dataclass(frozen=True, slots=True)
class Authority:
    """A certification authority by name.

    Args:
        id: Opaque.
        name: As operators call it.
        profile: root, issuing, idevid-root or idevid-issuing.
        parent_id: The authority that certifies it; ``None`` for a root.
        publication_url: Burnt into what it issues, for ever; without a trailing slash.
        key_type: Of its next generation; ``None`` for the newest one's.
        enabled: A disabled one issues nothing; it signs status all the same.
        retired: Whether it was taken away from the policy, or never came into force; it issues nothing either.
    """

    id: str
    name: str
    profile: Profile
    parent_id: str | None
    publication_url: str
    key_type: str | None = None
    enabled: bool = True
    retired: bool = False


@dataclass(frozen=True, slots=True)
class Generation:
    """One key of an authority, and the certificate over it.

    Args:
        authority: Whose.
        number: From 1.
        certificate: Its own.
        issues_until: The last instant at which it issues, unless a next generation takes its place before; it
            signs status until its certificate ends.
        issuer: What it contributes to each certificate.
    """

    authority: Authority
    number: int
    certificate: Certificate
    issues_until: int
    issuer: Issuer

    def is_in_use(self, at: int) -> bool:
        """Return whether ``at`` lies in the period in which it may issue; only the newest generation does."""
        return self.certificate.not_before <= at <= min(self.issues_until, self.certificate.not_after)

    def check_issues(self, at: int) -> None:
        """Refuse to issue outside the usage period, or for a disabled authority.

        One that is not in force yet does issue: it certifies those that come into force with it.

        Raises:
            Unavailable: The generation does not issue (any more) at ``at``.
        """
        if not self.authority.enabled and not self.authority.retired:
            raise Unavailable(f"Authority {self.authority.name} is disabled; enable it first.")
        if at < self.certificate.not_before:
            raise Unavailable(
                f"Authority {self.authority.name}, generation {self.number}, begins later than it is by this "
                "machine's clock; the operator has to correct the clock (`keyworks clock show`)."
            )
        if not self.is_in_use(at):
            raise Unavailable(
                f"Authority {self.authority.name}, generation {self.number}, is outside the period in which "
                "it issues; an operator has to start its next generation "
                f"(`keyworks authority next {self.authority.name}`)."
            )


def file_name(authority_name: str, number: int) -> str:
    """Return the last part of a generation's publication addresses, without an extension."""
    return f"{authority_name}-{number}"


def issuer_of(
    generation_id: str, key_id: str, authority: Authority, number: int, chain: tuple[Certificate, ...]
) -> Issuer:
    """Return the issuing side of a generation.

    Args:
        generation_id: Opaque.
        key_id: Of the key that signs.
        authority: Whose generation it is.
        number: From 1.
        chain: Its certificate and those above it, up to the root's.
    """
    own = chain[0]
    return Issuer(
        generation_id=generation_id,
        key_id=key_id,
        name=own.subject,
        key_identifier=own.public_key.key_identifier,
        signature=own.public_key.signature_algorithm,
        not_after=own.not_after,
        certificate=own,
        publication_url=authority.publication_url,
        file_name=file_name(authority.name, number),
        chain=tuple(certificate.der for certificate in chain),
    )
