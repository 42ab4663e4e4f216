"""HTTP Basic with one-time secrets.

Source: RFC 7030 §3.2.3; RFC 7617.
"""

import base64

from keyworks import errors
from keyworks.access.credential import BasicCredentials


def parse_basic(header: str) -> BasicCredentials:
    """Return the user name and password of an Authorization header.

    Raises:
        AuthenticationFailed: It is not HTTP Basic.

    Source: RFC 7617 §2.
    """
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise errors.AuthenticationFailed("Only HTTP Basic with a one-time secret is understood here.")
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError as error:
        raise errors.AuthenticationFailed("The Authorization header is not HTTP Basic.") from error
    if not colon:
        raise errors.AuthenticationFailed("The Authorization header names no password.")
    return BasicCredentials(user, password)
