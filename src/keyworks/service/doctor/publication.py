"""Publication addresses: whether what certificates point to can be fetched there."""

import http.client
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from keyworks.service.doctor.finding import Finding, error, ok, warning

SECONDS: Final = 3.0
_MOST: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Published:
    """An authority's certificate as it should be found.

    Args:
        url: The publication address, without a trailing slash.
        file_name: The last part of its own address, without an extension.
        der: The certificate.
    """

    url: str
    file_name: str
    der: bytes

    @property
    def address(self) -> str:
        """Return where it is, as other certificates say it."""
        return f"{self.url}/aia/{self.file_name}.cer"


def examine_publication(url: str, published: Sequence[Published]) -> Iterator[Finding]:
    """Look whether the certificates of authorities are found at one publication address.

    Where it does not answer, that may be so from here only; what answers otherwise is wrong for everybody.
    """
    check = f"publication {urlsplit(url).netloc}"
    lead = "Let it lead to the publication listener, at the latest before devices leave the house."
    for one in published:
        try:
            status, octets = fetch(one.address)
        except socket.gaierror as failure:
            yield warning(check, f"{url} has a name that is not known here ({failure.strerror}).", lead)
            return
        except (OSError, http.client.HTTPException) as failure:
            reason = getattr(failure, "strerror", None) or str(failure) or type(failure).__name__
            yield warning(check, f"{one.address} does not answer from here: {reason}.", lead)
            return
        if status != http.client.OK or octets != one.der:
            what = f"answers {status}" if status != http.client.OK else "answers with something else"
            yield error(check, f"{one.address} {what}; it stands in what {one.file_name} issued.", lead)
            return
    names = ", ".join(one.file_name for one in published[:5]) + (", …" if len(published) > 5 else "")
    yield ok(check, f"{url} has the certificates of {names}.")


def fetch(address: str) -> tuple[int, bytes]:
    """Return status and body of a GET over plain HTTP, as far as anybody needs it.

    Raises:
        OSError: Nobody answers.
        HTTPException: What answers is not HTTP.
    """
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=SECONDS)
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        return response.status, response.read(_MOST)
    finally:
        connection.close()
