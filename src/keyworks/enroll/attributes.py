"""What a channel wants in a request, and what of it we follow when we make key and request ourselves. Pure.

Followed is the type of key. Names, extensions and everything else in a certificate follow from the server's own
rules, whether a request asks for them or not.

Source: RFC 7030 §4.5; RFC 9908 §3.
"""

from datetime import datetime
from typing import Final

from keyworks.algorithms.registry import KEY_TYPES
from keyworks.enroll.answer import Answer, check_ok, octets_of_base64
from keyworks.enroll.credential import is_fit_for_tls
from keyworks.x509.csr_attributes import CSRAttributes, parse_csr_attributes

KEY_TYPE: Final = "P-256"
"""Made where nobody wants another one."""

_NOTHING_WANTED: Final = frozenset({204, 404})


def attributes_in(answer: Answer, now: datetime) -> CSRAttributes | None:
    """Return what a channel wants; ``None`` if it does not say (RFC 7030 §4.5.2: 204, 404).

    Args:
        answer: What came.
        now: Retry-After may name an instant.

    Raises:
        KeyworksError: It answered something else; see ``answer``.
    """
    if answer.status in _NOTHING_WANTED:
        return None
    check_ok(answer, now)
    return parse_csr_attributes(octets_of_base64(answer.body))


def key_type_for(wished: str | None, wanted: CSRAttributes | None) -> str:
    """Return which type of key to make: the one that is wished, or else the one that the channel wants.

    A type that we do not make, or that could not prove itself by TLS when its certificate is to be renewed, is
    made only where somebody wishes it.

    Args:
        wished: By whoever runs the client.
        wanted: By the channel.
    """
    if wished is not None:
        return wished
    asked = wanted.key_type if wanted is not None else None
    return asked if asked in KEY_TYPES and is_fit_for_tls(asked) else KEY_TYPE
