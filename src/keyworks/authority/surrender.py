"""What a holder may give up by itself: its own certificate, of the channel that it came through.

The certificate's owner is authenticated with that very certificate or with another one of its own; a station
gives up its own certificates, not those of the devices it enrolls.
"""

from dataclasses import dataclass

from keyworks.authority import records
from keyworks.authority.authenticate import Authenticated
from keyworks.authority.channel import Channel
from keyworks.authority.status import CertificateRecord
from keyworks.errors import NotAuthorized, NotFound
from keyworks.store.engine import Transaction
from keyworks.x509.certificate import Certificate
from keyworks.x509.name import Name


@dataclass(frozen=True, slots=True)
class Surrender:
    """A certificate that its holder wants revoked.

    Args:
        issuer: Its issuer's name.
        serial_number: Its serial number.
        reason: RFC 5280's word.
    """

    issuer: Name
    serial_number: int
    reason: str


def find_surrendered(
    tx: Transaction, wanted: Surrender, channel: Channel, authenticated: Authenticated
) -> CertificateRecord:
    """Return the certificate that is given up, if it is the requester's own.

    Raises:
        NotFound: There is no such certificate.
        NotAuthorized: It is somebody else's, or of another channel.
    """
    serial_number = records.serial_octets(wanted.serial_number)
    rows = tx.execute(records.SELECT_ONE, {"id": "", "serial_number": serial_number}) if serial_number else []
    found = [CertificateRecord(*row) for row in rows]
    named = [one for one in found if Certificate.parse(one.der).issuer.rdns == wanted.issuer.rdns]
    if len(named) != 1:
        raise NotFound("No certificate with this issuer and serial number was issued here.")
    [held] = named
    own = authenticated.own
    if own is None or own.owner != held.owner:
        raise NotAuthorized(
            "A certificate is revoked at the request of its own holder, authenticated with a certificate of "
            "this installation; for others, ask the operator."
        )
    if held.channel_id != channel.id:
        raise NotAuthorized(
            f"The certificate was not issued through channel {channel.label}; ask on the channel it came from."
        )
    return held
