"""What is known about each certificate that was issued."""

from dataclasses import dataclass
from typing import Any, Final

from keyworks.authority import records
from keyworks.errors import OperatorError
from keyworks.store.engine import Transaction
from keyworks.store.search import ANY, bounds

FOREVER: Final = 1 << 62
_ALL: Final = 1 << 31
_FINGERPRINT_OCTETS: Final = 32


@dataclass(frozen=True, slots=True)
class CertificateRecord:
    """A certificate as recorded.

    Args:
        id: Opaque.
        generation_id: Who issued it.
        serial_number: 20 octets, leading zeros kept.
        channel_id: Through which channel, if any.
        profile: Its profile's name.
        profile_version: At the time of issue.
        owner: Whose it is.
        subject: RFC 4514 text.
        public_key: SHA-256 of its SubjectPublicKeyInfo.
        not_before: Epoch seconds.
        not_after: Epoch seconds.
        issued_at: Epoch seconds.
        state: unconfirmed, valid, held or revoked; expiry follows from the time.
        revoked_at: Epoch seconds.
        revocation_reason: RFC 5280's word.
        fingerprint: SHA-256 of ``der``.
        der: The certificate.
    """

    id: str
    generation_id: str
    serial_number: bytes
    channel_id: str | None
    profile: str
    profile_version: int
    owner: str
    subject: str
    public_key: bytes
    not_before: int
    not_after: int
    issued_at: int
    state: str
    revoked_at: int | None
    revocation_reason: str | None
    fingerprint: bytes
    der: bytes

    def state_at(self, at: int) -> str:
        """Return the state as people ask for it: an ended certificate is expired, unless it was revoked."""
        return "expired" if self.state == "valid" and self.not_after < at else self.state


@dataclass(frozen=True, slots=True)
class Filter:
    """Which certificates to list; empty fields do not filter.

    Args:
        state: As stored.
        profile: Its name, or the beginning of it with a ``*``.
        owner: Such as ``device:ID``.
        ends_by: Only those that end by then.
        after: The last id of the page before.
        most: The page's size.
    """

    state: str = ""
    profile: str = ""
    owner: str = ""
    ends_by: int = FOREVER
    after: str = ""
    most: int = 100


def list_certificates(tx: Transaction, wanted: Filter) -> list[CertificateRecord]:
    """Return certificates in the order of issue, page by page.

    Raises:
        OperatorError: The profile has a ``*`` that is not its end.
    """
    profile, profile_last = bounds(wanted.profile or ANY)
    parameters = {
        "state": wanted.state,
        "profile": profile,
        "profile_last": profile_last,
        "ends_by": wanted.ends_by,
        "after": wanted.after,
        "most": wanted.most,
    }
    if wanted.owner:
        rows = tx.execute(records.SELECT_CERTIFICATES_OF, {**parameters, "owner": wanted.owner})
    else:
        rows = tx.execute(records.SELECT_CERTIFICATES, parameters)
    return [_record(row) for row in rows]


def certificates_of_owner(tx: Transaction, owner: str) -> list[CertificateRecord]:
    """Return every certificate that an owner such as ``device:ID`` ever got, in the order of issue."""
    return list_certificates(tx, Filter(owner=owner, most=_ALL))


def find_certificate(tx: Transaction, name: str) -> CertificateRecord:
    """Return one certificate by its id, its serial number, or its SHA-256 fingerprint (hexadecimal).

    Raises:
        OperatorError: There is none, or several issuers used that serial number.
    """
    octets = _octets(name)
    if len(octets) == _FINGERPRINT_OCTETS:
        rows = tx.execute(records.SELECT_BY_FINGERPRINT, {"fingerprint": octets})
    else:
        serial_number = records.serial_octets(int.from_bytes(octets, "big")) if octets else b""
        rows = tx.execute(records.SELECT_ONE, {"id": name, "serial_number": serial_number})
    if len(rows) != 1:
        problem = "is not unique; name its id" if rows else "is not known; see `keyworks certificate list`"
        raise OperatorError(f"Certificate '{name}' {problem}.")
    return _record(rows[0])


def _octets(name: str) -> bytes:
    digits = name.lower().removeprefix("sha256:").removeprefix("0x").replace(":", "")
    try:
        return bytes.fromhex(digits.rjust(len(digits) + len(digits) % 2, "0"))
    except ValueError:
        return b""


def _record(row: tuple[Any, ...]) -> CertificateRecord:
    return CertificateRecord(*row)
