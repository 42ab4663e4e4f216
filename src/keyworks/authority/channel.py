"""How one kind of subject gets one kind of certificate."""

import re
from dataclasses import dataclass
from typing import Final

from keyworks.access.principal import Kind
from keyworks.authority.profile import Profile
from keyworks.errors import OperatorError

RESERVED_LABELS: Final = frozenset(
    {
        *("cacerts", "simpleenroll", "simplereenroll", "fullcmc", "serverkeygen", "csrattrs"),
        *("p", "directory", "new-nonce", "new-account", "new-order", "crl", "aia", "ocsp"),
    }
)
"""Words of the protocols, which would make a path ambiguous."""

_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to a certificate.

    Args:
        id: Opaque.
        label: As in ``/.well-known/est/LABEL/``.
        authority_id: Who issues.
        profile: What it looks like.
        accepts: The kinds of principals that may ask.
        enabled: A disabled channel refuses everybody.
        is_default: Requests that name no channel are meant for this one.
    """

    id: str
    label: str
    authority_id: str
    profile: Profile
    accepts: frozenset[Kind]
    enabled: bool = True
    is_default: bool = False


def check_label(label: str) -> str:
    """Return ``label`` if it can stand in every protocol's path.

    Raises:
        OperatorError: It cannot; the sentence says why.
    """
    if label in RESERVED_LABELS:
        raise OperatorError(f"'{label}' is a word of an enrollment protocol; choose another label.")
    if not _LABEL.fullmatch(label):
        raise OperatorError(
            f"'{label}' cannot be a label: use 1 to 32 lower-case letters, digits and inner hyphens."
        )
    return label
