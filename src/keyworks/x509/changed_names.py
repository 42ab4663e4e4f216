"""Other names than the certificate at hand has, as a request for its successor asks for them.

Source: RFC 6402 §2.8 (ChangeSubjectName); RFC 7030 §4.2.2.
"""

from dataclasses import dataclass
from typing import Final

from keyworks.errors import MalformedRequest
from keyworks.x509.der import sequence_of, values_of
from keyworks.x509.extensions import parse_subject_alt_name
from keyworks.x509.general_name import SubjectAltName
from keyworks.x509.name import Name

_SEQUENCE: Final = 0x30
_SET: Final = 0x31
_TAGGED: Final = 0xA1


@dataclass(frozen=True, slots=True)
class ChangedNames:
    """What the successor shall be called; what is not said stays as it is.

    Args:
        subject: Its subject.
        subject_alt_name: Its alternative names.
    """

    subject: Name | None = None
    subject_alt_name: SubjectAltName | None = None

    @classmethod
    def parse(cls, der: bytes) -> "ChangedNames":
        """Return what a ChangeSubjectName says.

        Both parts are optional. RFC 6402's module tells the second one by its tag; its §2.8 does not, and some
        clients follow that: then its content tells it from a Name.

        Raises:
            MalformedRequest: It is none, or says nothing.
        """
        parts = values_of(der, "changeSubjectName")
        subject = parts.pop(0) if _is_name(parts[0]) else None
        alternative = parts.pop(0) if parts else None
        if parts or (alternative is not None and alternative[0] not in (_SEQUENCE, _TAGGED)):
            raise MalformedRequest("changeSubjectName is malformed.")
        return cls(
            Name.parse(subject) if subject is not None else None,
            parse_subject_alt_name(bytes((_SEQUENCE,)) + alternative[1:]) if alternative is not None else None,
        )

    def encode(self) -> bytes:
        """Return the DER ChangeSubjectName."""
        parts = [self.subject.der] if self.subject is not None else []
        if self.subject_alt_name is not None:
            parts.append(bytes((_TAGGED,)) + self.subject_alt_name.encode()[1:])
        return sequence_of(parts)


def _is_name(der: bytes) -> bool:
    """Return whether it is a SEQUENCE that is empty, or of SETs."""
    if der == b"\x30\x00":
        return True
    return der[0] == _SEQUENCE and values_of(der, "changeSubjectName")[0][0] == _SET
