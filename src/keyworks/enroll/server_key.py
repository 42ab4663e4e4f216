"""A key that the server has made, with its certificate. Pure; hostile until it is checked against each other.

Only a key that nothing but TLS protects is understood; a key that is encrypted in addition is refused.

Source: RFC 7030 §4.4.2; RFC 2046 §5.1 (multipart); RFC 5958 (PKCS #8).
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_private_key

from keyworks.enroll.answer import (
    Answer,
    Granted,
    certificates_of,
    check_ok,
    foreign,
    octets_of_base64,
    only_certificate,
    superseded_in,
)
from keyworks.errors import MalformedRequest
from keyworks.keys.software import SoftwareSigner, signer_of
from keyworks.x509.certificate import Certificate

_MULTIPART: Final = "multipart/mixed"
_KEY: Final = "application/pkcs8"
_CERTIFICATE: Final = "application/pkcs7-mime"
_PARTS: Final = 2


@dataclass(frozen=True, slots=True)
class ServerKey:
    """A key and what was issued for it.

    Args:
        signer: Holds the key.
        granted: The certificate; that its path holds has not been checked yet.
    """

    signer: SoftwareSigner = field(repr=False)
    granted: Granted


def server_key_in(answer: Answer, now: datetime) -> ServerKey:
    """Return the key that a server has made; its certificate is for this key.

    Args:
        answer: What came.
        now: Retry-After may name an instant.

    Raises:
        KeyworksError: It answered something else; see ``answer``.
    """
    check_ok(answer, now)
    if answer.content_type != _MULTIPART or not answer.boundary:
        raise foreign("has no two parts, key and certificate")
    parts = _parts(answer.body, answer.boundary.encode())
    if _KEY not in parts:
        raise MalformedRequest(
            "The server sends the key encrypted, or none; only keys that TLS alone protects are understood "
            "(RFC 7030 §4.4.1.1: ask without DecryptKeyIdentifier)."
        )
    if _CERTIFICATE not in parts:
        raise foreign("holds no certificate beside the key")
    signer = _signer(octets_of_base64(parts[_KEY]))
    der = only_certificate(certificates_of(parts[_CERTIFICATE]))
    if Certificate.parse(der).public_key.spki != signer.public_key.spki:
        raise MalformedRequest("The server sent a key and a certificate that do not belong together.")
    return ServerKey(signer, Granted(der, superseded_in(answer)))


def _signer(der: bytes) -> SoftwareSigner:
    try:
        return signer_of(load_der_private_key(der, None))  # type: ignore[arg-type]
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # Nothing of the error goes on: it might say something of the key.
        raise MalformedRequest("The server's answer holds no private key that can be used.") from error


def _parts(body: bytes, boundary: bytes) -> dict[str, bytes]:
    """Return the parts of a multipart body by media type."""
    lines = b"\n" + body.replace(b"\r\n", b"\n")
    delimiter = b"\n--" + boundary
    _, *sections = lines.split(delimiter, _PARTS + 1)
    if len(sections) != _PARTS + 1 or not sections[-1].startswith(b"--"):
        raise foreign("has no two parts, key and certificate")
    found: dict[str, bytes] = {}
    for section in sections[:-1]:
        head, _, content = section.partition(b"\n\n")
        found[_media_type(head)] = content
    return found


def _media_type(head: bytes) -> str:
    for line in head.decode("latin-1").split("\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-type":
            return value.partition(";")[0].strip().lower()
    return ""
