"""An errand for a device that keeps its key to itself: its certification request is passed on.

Nothing is kept here, so the errand may be run again after any failure: to a request that it knows the server
answers with the certificate that it has issued.

Source: RFC 7030 §4.2.1; RFC 7468 §7 (PEM).
"""

import base64
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from keyworks.authority.channel import check_label
from keyworks.enroll.credential import ClientCredential
from keyworks.enroll.issued import Issued
from keyworks.enroll.persistence import Persistence
from keyworks.enroll.trust import Trust, parse_url
from keyworks.errors import MalformedRequest
from keyworks.store.clock import Clock
from keyworks.x509.template import KeyedTemplate, parse_certification_request

_SEQUENCE: Final = b"\x30"
_BEGIN: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,64})-----")
# RFC 7468 §7: NEW is an older spelling of the same.
_PEM: Final = re.compile(
    rb"-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----\s([A-Za-z0-9+/=\s]+)"
    rb"-----END (?:NEW )?CERTIFICATE REQUEST-----",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Errand:
    """Where a request is taken, and who takes it there.

    Args:
        url: The server, ``https://host:port``.
        label: Its channel.
        trust: Says which certificates vouch for the server.
        credential: Who asks on the device's behalf.
        patience: How long to wait where the server says "later".

    Raises:
        OperatorError: URL or label cannot be one.
    """

    url: str
    label: str
    trust: Trust
    credential: ClientCredential = field(repr=False)
    patience: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        """Refuse at once what could not be asked for."""
        parse_url(self.url)
        check_label(self.label)


def request_in(octets: bytes) -> KeyedTemplate:
    """Return the one certification request in a file, PEM or DER, its proof of possession checked.

    Raises:
        RequestError: There is none, or more than one, or nobody would certify it.
    """
    begun = _BEGIN.findall(octets)
    if not begun:
        if not octets.startswith(_SEQUENCE):
            raise MalformedRequest("It holds no certification request, neither in PEM nor in DER.")
        return parse_certification_request(octets)
    found = _PEM.findall(octets)
    if len(found) > 1:
        raise MalformedRequest(f"It holds {len(found)} certification requests; pass on one at a time.")
    if not found:
        labels = ", ".join(dict.fromkeys(one.decode("ascii") for one in begun[:3]))
        raise MalformedRequest(f"It holds {labels}, but no whole CERTIFICATE REQUEST.")
    try:
        der = base64.b64decode(b"".join(found[0].split()), validate=True)
    except ValueError as error:
        raise MalformedRequest("The certification request in it is not base64.") from error
    return parse_certification_request(der)


async def pass_on(request: KeyedTemplate, errand: Errand, clock: Clock) -> Issued:
    """Return the certificate that the server issues for a request, checked.

    Raises:
        KeyworksError: By cause.
    """
    # Late, so that who passes nothing on does not import an HTTP client.
    from keyworks.enroll.est import EnrollmentClient

    persistence = Persistence(connections=1, patience=errand.patience)
    client = EnrollmentClient(errand.url, errand.label, errand.trust, errand.credential, persistence)
    async with client:
        authorities = await client.cacerts()
        granted = await client.simpleenroll(request.der)
        return await client.check(granted, request.public_key, authorities, at=clock.now())
