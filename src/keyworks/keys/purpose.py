"""What a key is for: each purpose has a wrapping key of its own."""

from enum import StrEnum


class Purpose(StrEnum):
    """What a key is for."""

    CA = "ca"
    LEDGER = "ledger"
    TLS = "tls"
    SECRETS = "secrets"
