"""Names as people type them.

Source: RFC 4514 §2 (last RDN first), §2.4 (escapes). RDNs of several attributes are not used here.
"""

import re
from typing import Final

from keyworks.errors import OperatorError, RejectedName
from keyworks.x509.name import BY_SHORT_NAME, EMPTY_NAME, Name

_PART: Final = re.compile(r"(?:\\.|[^\\,])+", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\([0-9A-Fa-f]{2})|\\(.)", re.DOTALL)
_OID: Final = re.compile(r"[0-2](?:\.[0-9]{1,10}){2,20}")


def parse_subject(text: str) -> Name:
    """Return the name in text such as ``serialNumber=SN-1,CN=SN-1,O=Example``.

    Raises:
        OperatorError: It cannot be a name; the sentence says which part.
    """
    if not text.strip():
        return EMPTY_NAME
    parts = _PART.findall(text)
    if ",".join(parts) != text:
        raise OperatorError(f"'{text}' is no subject; write it as 'CN=line-1,O=Example' (RFC 4514).")
    try:
        return Name.of(*(_pair(part) for part in reversed(parts)))
    except RejectedName as error:
        raise OperatorError(f"The subject cannot be used: {error.detail}") from error
    except ValueError as error:
        raise OperatorError(f"'{text!a}' has an object identifier or characters that cannot be.") from error


def _pair(part: str) -> tuple[str, str]:
    kind, equals, value = part.partition("=")
    kind = kind.strip()
    oid = BY_SHORT_NAME.get(kind.lower(), kind if _OID.fullmatch(kind) else None)
    if not equals or oid is None:
        known = ", ".join(sorted(BY_SHORT_NAME))
        raise OperatorError(
            f"'{part}' is no part of a subject; write NAME=VALUE, where NAME is one of {known}."
        )
    return oid, _unescaped(value.strip())


def _unescaped(value: str) -> str:
    octets = b""
    place = 0
    for match in _ESCAPED.finditer(value):
        octets += value[place : match.start()].encode()
        octets += bytes.fromhex(match[1]) if match[1] else match[2].encode()
        place = match.end()
    try:
        return (octets + value[place:].encode()).decode()
    except UnicodeDecodeError as error:
        raise OperatorError(f"'{value}' has escapes that are not UTF-8.") from error
