"""Which server we talk to: the one that a CA file or a pin vouches for, and no other.

A pin is the fingerprint of any certificate in the server's chain, carried to the client by other means. It is
turned into a trust anchor by a provisional handshake that says nothing but TLS; then the real connection
validates the server's chain against this anchor alone, host name included. What the provisional peer claimed
is believed nowhere: whoever presents a pinned certificate without standing below it fails the real handshake.

Source: RFC 7030 §3.6.1 (explicit trust anchors), §4.1.1 (bootstrapping, here without a human's eye).
"""

import asyncio
import base64
import errno
import hashlib
import ipaddress
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from OpenSSL import SSL, crypto

from keyworks.errors import InvalidPath, MalformedRequest, OperatorError, Unavailable
from keyworks.x509.certificate import ders_of, pem_of
from keyworks.x509.general_name import DNS_NAME

HANDSHAKE_SECONDS: Final = 15.0
MAX_HANDSHAKE_OCTETS: Final = 256 * 1024
MAX_FILE_OCTETS: Final = 1024 * 1024
_SHA256_OCTETS: Final = 32
_READ_OCTETS: Final = 16 * 1024
_HTTPS_PORT: Final = 443
_MAX_HOST: Final = 253
_ROOT_PATHS: Final = ("", "/", "/.well-known/est", "/.well-known/est/")
_SEPARATORS: Final = re.compile(r"[:\s]")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is.

    Args:
        host: Name or IP address, as its certificate has to say it.
        port: TCP.
    """

    host: str
    port: int

    @property
    def text(self) -> str:
        """Return it as a URL has it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_url(url: str) -> Address:
    """Return the address in ``https://host:port``.

    Raises:
        OperatorError: It is something else.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise OperatorError(f"'{url}' is no URL; write https://HOST:PORT.") from error
    if parts.scheme != "https" or not host:
        raise OperatorError(f"'{url}' does not say where the server is; write https://HOST:PORT.")
    if not _can_be_host(host):
        raise OperatorError(f"'{host}' can be no host; write its DNS name (in ASCII) or its IP address.")
    if parts.username is not None or parts.password is not None:
        raise OperatorError("A user name or secret in a URL ends up in logs; give it by its own option.")
    if parts.path not in _ROOT_PATHS or parts.query or parts.fragment:
        raise OperatorError(
            f"'{url}' goes on after HOST:PORT; leave that out and name the channel by its label."
        )
    return Address(host, port or _HTTPS_PORT)


def _can_be_host(host: str) -> bool:
    return _is_ip_address(host) or (len(host) <= _MAX_HOST and DNS_NAME.fullmatch(host) is not None)


def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


class Trust(Protocol):
    """Says which certificates vouch for a server."""

    async def anchors(self, address: Address) -> tuple[bytes, ...]:
        """Return the trust anchors for the server at ``address``, DER, at least one.

        Raises:
            InvalidPath: It is not the server that is trusted.
            MalformedRequest: What answers there does not speak TLS.
            Unavailable: It cannot be reached.
        """

    def look_again(self) -> bool:
        """Read anew what it was made of, where that can change; return whether others are trusted now.

        Raises:
            OperatorError: It cannot be read; whoever was trusted still is.
        """


@dataclass(frozen=True, slots=True)
class Anchors:
    """Trust in certificates that are at hand.

    Args:
        certificates: DER, at least one.
    """

    certificates: tuple[bytes, ...]

    async def anchors(self, _address: Address) -> tuple[bytes, ...]:
        """Return them."""
        return self.certificates

    def look_again(self) -> bool:
        """Return that nothing has changed."""
        return False


class TrustFile:
    """Trust in the certificates of a PEM file, which may be replaced while somebody works for years.

    Args:
        file: Its name.

    Raises:
        OperatorError: It cannot be read, or holds no certificate.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._anchors = _anchors_in(file)

    async def anchors(self, address: Address) -> tuple[bytes, ...]:
        """Return what the file held when it was looked at last."""
        return await self._anchors.anchors(address)

    def look_again(self) -> bool:
        """Read the file anew; return whether it holds other certificates now.

        Raises:
            OperatorError: It cannot be read, or holds no certificate; what it held before still counts.
        """
        former, self._anchors = self._anchors, _anchors_in(self._file)
        return former != self._anchors


@dataclass(frozen=True, slots=True)
class Pin:
    """Trust in the certificate that has a fingerprint.

    Args:
        sha256: Of the DER certificate.
    """

    sha256: bytes

    async def anchors(self, address: Address) -> tuple[bytes, ...]:
        """Ask the server for its chain and return the pinned certificate in it."""
        chain = await presented_by(address)
        for der in chain:
            if hashlib.sha256(der).digest() == self.sha256:
                return (der,)
        raise InvalidPath(
            f"The server at {address.text} presents no certificate with fingerprint "
            f"sha256:{self.sha256.hex()}. Nothing was sent to it. Compare --trust with the fingerprint that "
            "the server's operator gives out."
        )

    def look_again(self) -> bool:
        """Return that nothing has changed."""
        return False


def parse_trust(text: str) -> Trust:
    """Return what ``sha256:FINGERPRINT`` (hexadecimal or base64) or the name of a PEM file stands for.

    Raises:
        OperatorError: It is neither.
    """
    if text.lower().startswith("sha256:"):
        return Pin(_fingerprint(text[len("sha256:") :]))
    return TrustFile(text)


def _anchors_in(file: str) -> Anchors:
    """Return what a PEM file holds, if TLS can use it.

    Raises:
        OperatorError: It cannot be read, or holds no certificate.
    """
    try:
        with Path(file).open("rb") as stream:
            found = ders_of(stream.read(MAX_FILE_OCTETS))
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata="".join(map(pem_of, found)))
    except ssl.SSLError as error:
        raise OperatorError(f"The CA file {file} holds a certificate that TLS cannot use.") from error
    except MalformedRequest as error:
        raise OperatorError(f"The CA file {file} holds no certificate: {error.detail}") from error
    except (OSError, ValueError) as error:  # a name with a NUL is a ValueError
        reason = error.strerror if isinstance(error, OSError) else error
        raise OperatorError(
            f"The CA file {file} cannot be read ({reason}); name a PEM file, or a pin as sha256:HEX."
        ) from error
    return Anchors(found)


def _fingerprint(text: str) -> bytes:
    """Read what ``openssl x509 -fingerprint`` prints as well as plain hexadecimal and base64."""
    try:
        found = bytes.fromhex(_SEPARATORS.sub("", text))
    except ValueError:
        try:
            found = base64.b64decode(text.rstrip("=") + "=", validate=True)
        except ValueError:  # not base64, or not even ASCII
            found = b""
    if len(found) != _SHA256_OCTETS:
        raise OperatorError("A pin is sha256: and 64 hexadecimal digits (or the same 32 octets in base64).")
    return found


async def presented_by(address: Address) -> tuple[bytes, ...]:
    """Return the certificates that whoever answers at an address presents, DER. Nobody is believed.

    Nothing is sent but a handshake: no client certificate, no request, no name but the host's.

    Raises:
        Unavailable: Nobody answers there.
        MalformedRequest: Who answers does not speak TLS.
    """
    writer = None
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            reader, writer = await asyncio.open_connection(address.host, address.port)
            return await _handshake(_connection(address.host), reader, writer)
    except TimeoutError as error:
        raise Unavailable(f"{address.text} does not answer; check that the server runs there.") from error
    except SSL.Error as error:
        raise without_tls(address, error) from error
    except OSError as error:
        raise unreachable(address, error) from error
    finally:
        if writer is not None:
            writer.transport.abort()


def unreachable(address: Address, error: OSError) -> Unavailable:
    """Return what to say when nobody could be reached."""
    reason = error.strerror or str(error) or type(error).__name__
    return Unavailable(
        f"{address.text} cannot be reached ({reason}); "
        "check the address, the network, and that the server runs."
    )


def without_tls(address: Address, error: Exception) -> MalformedRequest:
    """Return what to say of a port where something else is spoken than TLS: it will be tomorrow, too."""
    return MalformedRequest(
        f"What answers at {address.text} does not speak TLS as it should; check host and port "
        "(the enrollment listener's).",
        private=str(error),
    )


def _connection(host: str) -> SSL.Connection:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    # Not verified on purpose: this handshake only fetches certificates, see the module's docstring.
    context.set_verify(SSL.VERIFY_NONE, None)
    connection = SSL.Connection(context, None)
    connection.set_connect_state()
    if not _is_ip_address(host):  # RFC 6066 §3: names only
        connection.set_tlsext_host_name(host.encode("ascii"))
    return connection


async def _handshake(
    connection: SSL.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[bytes, ...]:
    received = 0
    while True:
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            _drain(connection, writer)
            data = await reader.read(_READ_OCTETS)
            received += len(data)
            if not data:
                raise ConnectionResetError(errno.ECONNRESET, "the connection was closed") from None
            if received > MAX_HANDSHAKE_OCTETS:
                raise SSL.Error("the peer said too much") from None
            connection.bio_write(data)
        else:
            listed = connection.get_peer_cert_chain() or []
            return tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, one) for one in listed)


def _drain(connection: SSL.Connection, writer: asyncio.StreamWriter) -> None:
    while True:
        try:
            writer.write(connection.bio_read(_READ_OCTETS))
        except SSL.WantReadError:
            return
