"""Who we are: a certificate with its key, and the TLS that proves it.

Source: RFC 7030 §3.3.2 (certificate TLS authentication), §3.2.3 (HTTP-based authentication).
"""

import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from keyworks.access.credential import BasicCredentials
from keyworks.errors import BadSubjectKey, MalformedRequest, OperatorError
from keyworks.keys.software import PrivateKey, SoftwareSigner, signer_of
from keyworks.x509.certificate import Certificate, ders_of, pem_of

MAX_FILE_OCTETS: Final = 1024 * 1024
_UNFIT_FOR_TLS: Final = "ML-DSA"
_PRIVATE_KEY: Final = b"PRIVATE KEY-----"


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate with its chain and its private key.

    Args:
        chain: DER, the client's own first, then the issuers that the server may not know.
        signer: Holds the key.
    """

    chain: tuple[bytes, ...]
    signer: SoftwareSigner = field(repr=False)

    @classmethod
    def of(cls, certificates: bytes, private_key: bytes) -> "ClientCertificate":
        """Return what two PEM texts say.

        Raises:
            OperatorError: They are no certificate and key, or do not belong together.
        """
        try:
            chain = ders_of(certificates)
            own = Certificate.parse(chain[0])
        except MalformedRequest as error:
            raise OperatorError(f"The client certificate cannot be read: {error.detail}") from error
        signer = read_private_key(private_key)
        if signer.public_key.spki != own.public_key.spki:
            raise OperatorError(f"The private key does not belong to the certificate of '{own.subject.text}'.")
        return cls(chain, signer)

    @classmethod
    def read(cls, certificate: Path, private_key: Path | None = None) -> "ClientCertificate":
        """Return what is in files.

        Args:
            certificate: A PEM file with the certificate and its issuers, or a folder that ``enroll`` filled.
            private_key: A PEM file; without it the key is in the certificate's file.

        Raises:
            OperatorError: They cannot be read, or do not belong together.
        """
        if certificate.is_dir() and private_key is None:
            # One look at the link, so that a renewal at this moment cannot give halves of two pairs.
            generation = (certificate / "current").resolve()
            certificate, private_key = generation / "chain.pem", generation / "key.pem"
        certificates = read_file(certificate)
        if private_key is None and _PRIVATE_KEY not in certificates:
            folder = certificate.parent
            instead = f", or give the folder {folder} alone" if (folder / "current").is_symlink() else ""
            raise OperatorError(
                f"{certificate} holds no private key; name the key's file too (--credential-key){instead}."
            )
        return cls.of(certificates, read_file(private_key) if private_key else certificates)

    @property
    def certificate(self) -> Certificate:
        """Return the client's own certificate."""
        return Certificate.parse(self.chain[0])

    @property
    def is_fit_for_tls(self) -> bool:
        """Return whether a TLS client built on the Python library can prove itself with this key."""
        return is_fit_for_tls(self.signer.public_key.key_type)


def is_fit_for_tls(key_type: str) -> bool:
    """Return whether a TLS client built on the Python library can prove itself with such a key."""
    return not key_type.startswith(_UNFIT_FOR_TLS)


ClientCredential = ClientCertificate | BasicCredentials
"""What proves who asks."""


def read_file(file: Path) -> bytes:
    """Return a file's octets.

    Raises:
        OperatorError: It cannot be read.
    """
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_FILE_OCTETS)
    except OSError as error:
        raise OperatorError(f"{file} cannot be read: {error.strerror}.") from error


def read_private_key(pem: bytes) -> SoftwareSigner:
    """Return the signer of a PEM private key.

    Raises:
        OperatorError: There is none, it is encrypted, or nobody certifies such keys.
    """
    try:
        return signer_of(load_pem_private_key(pem, None))  # type: ignore[arg-type]
    except TypeError as error:
        raise OperatorError("The private key is encrypted; decrypt it first (`openssl pkey`).") from error
    except BadSubjectKey as error:
        raise OperatorError(f"The private key cannot be used: {error.detail}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise OperatorError("The private key is not PEM, or damaged.") from error


def private_key_pem(private: PrivateKey) -> bytes:
    """Return a private key as PEM (PKCS#8, not encrypted)."""
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def client_context(
    anchors: Sequence[bytes], own: ClientCertificate | None, *, binding: bool = False
) -> ssl.SSLContext:
    """Return TLS that believes only servers below ``anchors``, and proves who we are.

    Args:
        anchors: DER; roots or any other certificates of the server's chain.
        own: Presented if the server asks for a certificate.
        binding: Whether requests are bound to their connections; see ``binding`` for why that is TLS 1.2.

    Raises:
        OperatorError: TLS cannot use one of them.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if binding:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        # Either would change what identifies a connection (RFC 5929 §3.1).
        context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cadata="".join(pem_of(der) for der in anchors))
    except ssl.SSLError as error:
        raise OperatorError("TLS cannot use the server's trust anchor; name another with --trust.") from error
    if own is not None:
        _load(context, own)
    return context


def _load(context: ssl.SSLContext, own: ClientCertificate) -> None:
    """Give the library the key in the only way it takes one: a file, private and gone at once."""
    if not own.is_fit_for_tls:
        raise OperatorError(
            f"A client cannot prove itself by TLS with an {own.signer.public_key.key_type} key yet; "
            "use a credential with another key."
        )
    pem = private_key_pem(own.signer.private) + "".join(pem_of(der) for der in own.chain).encode()
    try:
        with tempfile.NamedTemporaryFile(prefix="keyworks-") as stream:  # mode 0600
            stream.write(pem)
            stream.flush()
            context.load_cert_chain(stream.name)
    except ssl.SSLError as error:
        raise OperatorError("TLS cannot use the client certificate and its key.", private=str(error)) from error
    except OSError as error:
        raise OperatorError(f"No temporary file for the client's key: {error.strerror}.") from error
