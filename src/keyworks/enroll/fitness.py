"""Whether the identity in a folder is the one that is wished. Pure.

A folder is easily named twice, by a default or by a line copied from elsewhere. Then the next device must not
be given the former one's identity, with the words that there is nothing to do.
"""

from pathlib import Path
from typing import Final

from keyworks.enroll.credential import ClientCertificate, ClientCredential
from keyworks.enroll.identity import Identity
from keyworks.errors import OperatorError
from keyworks.keys.software import SoftwareSigner
from keyworks.oids import COMMON_NAME, SERIAL_NUMBER
from keyworks.x509.certificate import Certificate
from keyworks.x509.name import Name

_ANOTHER: Final = "choose another folder (--out)"


def check_is_wished(
    folder: Path, present: Certificate, subject: Name, credential: ClientCredential | None
) -> None:
    """Refuse to take the identity that a folder holds for somebody else's.

    Who it is stands in serialNumber or else in CN, as the server reads it; the rest of a name is the server's.
    Where no name is asked for, a device asks for itself: by the serial number in its credential.

    Args:
        folder: For the sentence.
        present: The certificate in it.
        subject: The name asked for, perhaps empty.
        credential: Who asks, if it is said.

    Raises:
        OperatorError: It is somebody else's.
    """
    held = (*present.subject.values(SERIAL_NUMBER), *present.subject.values(COMMON_NAME))
    asked = subject.values(SERIAL_NUMBER) or subject.values(COMMON_NAME)
    if asked and not set(asked) <= set(held):
        raise OperatorError(
            f"{folder} holds the identity of '{present.subject.text}', not of '{subject.text}'; {_ANOTHER}, "
            "or leave --subject out to keep this one."
        )
    if not subject.is_empty or not isinstance(credential, ClientCertificate):
        return
    own, serial_numbers = credential.certificate.subject, present.subject.values(SERIAL_NUMBER)
    if serial_numbers and own.values(SERIAL_NUMBER) and not set(own.values(SERIAL_NUMBER)) & set(held):
        raise OperatorError(
            f"{folder} holds the identity of '{present.subject.text}', and --credential is that of "
            f"'{own.text}'; {_ANOTHER}, or leave --credential out to keep this one."
        )


def check_key_is_wished(
    folder: Path, present: Identity, signer: SoftwareSigner | None, key_type: str | None
) -> None:
    """Refuse to keep a certificate for another key than the one that is wished.

    Args:
        folder: For the sentence.
        present: What is in it.
        signer: Holds the key that was to be certified first; of no account once a renewal has made another.
        key_type: The type that was asked for, if any was.

    Raises:
        OperatorError: It is for another key.
    """
    own = present.credential.signer.public_key
    if signer is not None and present.is_first:
        if signer.public_key.spki != own.spki:
            raise OperatorError(
                f"{folder} holds a certificate for another key than the one in --key; {_ANOTHER}, "
                "or leave --key out to keep this one."
            )
    elif key_type is not None and key_type != own.key_type:
        raise OperatorError(
            f"{folder} holds a certificate for a {own.key_type} key, not {key_type}; {_ANOTHER}, or leave "
            "--key-type out to keep this one. (A renewal makes a key of the new type; --force renews now.)"
        )
