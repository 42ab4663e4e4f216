"""Certificates as operators see them: found, listed, exported, revoked."""

from dataclasses import dataclass

from keyworks.authority.revoke import Revocation, check_reason, revoke
from keyworks.authority.status import CertificateRecord, Filter, find_certificate, list_certificates
from keyworks.errors import OperatorError
from keyworks.service.installation import Installation
from keyworks.store.engine import Transaction
from keyworks.x509.certificate import pem_of


async def certificates(installation: Installation, wanted: Filter) -> list[CertificateRecord]:
    """Return certificates in the order of issue, page by page."""
    return await installation.store.read(lambda tx: list_certificates(tx, wanted))


async def certificate(installation: Installation, name: str) -> CertificateRecord:
    """Return one certificate by id, serial number or fingerprint.

    Raises:
        OperatorError: There is none.
    """
    return await installation.store.read(lambda tx: find_certificate(tx, name))


async def export_chain(installation: Installation, record: CertificateRecord) -> str:
    """Return a certificate and its issuers' up to the root's, as PEM."""
    register, _ = await installation.registers.current()
    chain = register.generations[record.generation_id].issuer.chain
    ders = dict.fromkeys((record.der, *chain))
    return "".join(pem_of(der) for der in ders)


@dataclass(frozen=True, slots=True)
class Revoked:
    """What a revocation did.

    Args:
        record: The certificate, as it was before.
        now: Whether this call changed anything; ``False`` if it was revoked before (and its key's compromise,
            if that is the reason, was known).
        others: The same owner's certificates that are still valid, in the order of issue: a renewed
            certificate, for one, leaves its predecessor valid.
    """

    record: CertificateRecord
    now: bool
    others: tuple[CertificateRecord, ...]


async def revoke_by_operator(installation: Installation, name: str, reason: str) -> Revoked:
    """Revoke a certificate: from the next request on it authenticates nobody.

    Raises:
        OperatorError: There is no such certificate, it is an authority's, or the reason is none.
    """
    record = await certificate(installation, name)
    if record.owner.startswith("authority:"):
        raise OperatorError("An authority's certificate is not revoked by command; that takes a ceremony.")
    at = installation.clock.now()
    wanted = Revocation(record.id, record.owner, check_reason(reason), installation.operator, at)
    now = await installation.store.write(revoke, wanted)
    return Revoked(record, now, await installation.store.read(lambda tx: _valid_besides(tx, record, at)))


def _valid_besides(tx: Transaction, record: CertificateRecord, at: int) -> tuple[CertificateRecord, ...]:
    found: list[CertificateRecord] = []
    after = ""
    while page := list_certificates(tx, Filter("valid", owner=record.owner, after=after)):
        found += (one for one in page if one.id != record.id and one.state_at(at) == "valid")
        after = page[-1].id
    return tuple(found)
