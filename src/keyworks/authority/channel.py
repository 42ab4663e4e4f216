"""How one kind of subject gets one kind of certificate."""

import re
from dataclasses import dataclass
from enum import StrEnum
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


class Binding(StrEnum):
    """Whether a request has to prove that it was made for the TLS connection it came over (RFC 7030 §3.5)."""

    OFF = "off"
    IF_PRESENT = "if-present"
    REQUIRED = "required"


class Encoding(StrEnum):
    """How base64 bodies are written; no single way suits every EST client."""

    AUTO = "auto"
    """One line and a line feed; wrapped for clients that are known to need it."""

    ONE_LINE = "one-line"
    WRAPPED = "wrapped"


class Attributes(StrEnum):
    """What an EST client that asks for CSR attributes is told, and how."""

    BOTH = "both"
    TEMPLATE = "template"
    """RFC 9908's template alone."""

    LEGACY = "legacy"
    """The attributes of RFC 7030 §4.5.2 alone."""

    OFF = "off"


@dataclass(frozen=True, slots=True)
class ChannelPolicy:
    """How a channel serves, besides what it issues.

    Args:
        approvals: How many operators have to approve each initial request; 0 issues at once.
        channel_binding: Whether a request is bound to its TLS connection.
        encoding: Of base64 bodies.
        csrattrs: What is answered to who asks for CSR attributes.
        server_keys: The type of key that the server makes for who asks it to; ``None`` refuses to.
        change_names: Whether a re-enrollment may ask for other names, within the naming rules.
    """

    approvals: int = 0
    channel_binding: Binding = Binding.IF_PRESENT
    encoding: Encoding = Encoding.AUTO
    csrattrs: Attributes = Attributes.BOTH
    server_keys: str | None = None
    change_names: bool = False


DEFAULT_POLICY: Final = ChannelPolicy()


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
        policy: How it serves.
    """

    id: str
    label: str
    authority_id: str
    profile: Profile
    accepts: frozenset[Kind]
    enabled: bool = True
    is_default: bool = False
    policy: ChannelPolicy = DEFAULT_POLICY


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
