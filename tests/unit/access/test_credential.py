"""What a requester shows, and what becomes of it once believed."""

from keyworks.access.credential import BasicCredentials, CertificateCredential, SecretCredential
from keyworks.service.authorities import list_generations
from keyworks.service.installation import Installation


def test_a_password_is_never_shown() -> None:
    shown = BasicCredentials("line-1", "the password")
    assert "the password" not in f"{shown!r} {shown}"


def test_credentials_are_told_apart_by_their_fingerprints() -> None:
    one, other = SecretCredential("1"), SecretCredential("2")
    assert one.fingerprint == SecretCredential("1").fingerprint
    assert one.fingerprint != other.fingerprint


async def test_a_certificate_is_told_apart_by_its_octets(supplier: Installation) -> None:
    certificates = [known.certificate for known in await list_generations(supplier)]
    fingerprints = {CertificateCredential(certificate).fingerprint for certificate in certificates}
    assert fingerprints == {certificate.fingerprint for certificate in certificates}
