"""Requests that are made for the connection that carries them: what the server can tell a relayed one by. Pure.

Python's ``ssl`` knows ``tls-unique``, and of TLS 1.3 no exporter. So a request that is to be bound goes over a
connection of TLS 1.2, opened for such requests alone; everything else is asked over TLS 1.3 where the server
has it. The price is TLS 1.2's: whoever listens sees which certificate the client presents. (The other way,
another TLS library below the HTTP client, would be a second implementation of which servers are believed.)
Whether the extended master secret was used (RFC 7627), without which two connections can be made to have the
same value, Python does not tell; our server does not take the request otherwise.

Source: RFC 7030 §3.5; RFC 5929 §3 (tls-unique); RFC 9266 §1 (which of them goes with which TLS).
"""

import base64
from dataclasses import dataclass, field

from keyworks.algorithms.signer import Signer
from keyworks.x509.general_name import SubjectAltName
from keyworks.x509.name import Name
from keyworks.x509.request import encode_certification_request


@dataclass(frozen=True, slots=True)
class UnboundRequest:
    """A PKCS#10 request that is made when the connection it is for is there.

    Args:
        subject: The name asked for; may be empty.
        signer: Holds the key to be certified.
        subject_alt_name: Alternative names asked for.
    """

    subject: Name
    signer: Signer = field(repr=False)
    subject_alt_name: SubjectAltName | None = None

    async def bound_to(self, identifier: bytes) -> bytes:
        """Return the request, DER, with what identifies a connection as its challengePassword.

        Args:
            identifier: The connection's ``tls-unique``.
        """
        password = base64.b64encode(identifier).decode("ascii")
        return await encode_certification_request(self.subject, self.signer, self.subject_alt_name, password)
