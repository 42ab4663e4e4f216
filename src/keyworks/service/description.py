"""Everything that is known about one certificate, for people."""

from dataclasses import dataclass

from keyworks.authority.generation import Generation
from keyworks.authority.status import CertificateRecord
from keyworks.ledger.records import StoredEntry
from keyworks.service.installation import Installation
from keyworks.service.ledger import issuance_of
from keyworks.x509.certificate import Certificate


@dataclass(frozen=True, slots=True)
class Description:
    """A certificate, together with what refers to it.

    Args:
        record: As recorded.
        certificate: As issued.
        state: With expiry, as of now.
        generation: Who issued it.
        channel: Label of the channel it came through, if any.
        entry: Its issuance in the ledger.
    """

    record: CertificateRecord
    certificate: Certificate
    state: str
    generation: Generation
    channel: str | None
    entry: StoredEntry | None


async def describe(installation: Installation, record: CertificateRecord) -> Description:
    """Return everything that is known about a certificate."""
    register, _ = await installation.registers.current()
    return Description(
        record=record,
        certificate=Certificate.parse(record.der),
        state=record.state_at(installation.clock.now()),
        generation=register.generations[record.generation_id],
        channel=register.labels.get(record.channel_id or ""),
        entry=await issuance_of(installation, record),
    )
