"""The one path on which a certificate is issued. Nothing else in Keyworks signs a certificate.

::

    authenticate → authorize → order ─┐
                                      └→ TBS → lint → sign → verify → record → release

An order says what may be issued; whoever makes one has decided that it may. What is released has been recorded:
the certificate and its ledger entry are durable, in one transaction, before ``issue`` returns.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from keyworks import lint
from keyworks.algorithms.signer import Signer
from keyworks.authority.order import Order
from keyworks.authority.profile import make_tbs
from keyworks.authority.recording import Issuance, Recorded, find_repeated, intent_entry, record
from keyworks.errors import BadSignature, IntegrityFailure
from keyworks.ledger.records import enter
from keyworks.store.clock import Clock
from keyworks.store.engine import Store
from keyworks.store.randomness import random_number
from keyworks.x509.tbs import assemble


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that is recorded and may leave the process.

    Args:
        certificate_id: Opaque.
        der: The certificate.
        chain: Its issuer's certificate and those above it, up to the root's, DER.
        repeated: An identical request was answered before; this is the same certificate.
        superseded: Serial numbers, in hexadecimal, of the certificates that it replaces and that are revoked
            now, oldest first. A repetition does not say them again.
    """

    certificate_id: str
    der: bytes
    chain: tuple[bytes, ...]
    repeated: bool
    superseded: tuple[str, ...] = ()


class IssuingPath:
    """Issues what it is ordered to.

    Args:
        store: Where certificates are recorded.
        signer_of: Finds the signer of a key id.
        clock: Tells the time of issue.
    """

    def __init__(self, store: Store, signer_of: Callable[[str], Awaitable[Signer]], clock: Clock) -> None:
        self._store = store
        self._signer_of = signer_of
        self._clock = clock

    async def issue(self, order: Order) -> Issued:
        """Issue the certificate, or return the live one that an identical request already got.

        Raises:
            NotAuthorized: The slot or the key is taken.
            LintFailed: What would be signed breaks a rule.
            Unavailable: The key or the database cannot be used now; nothing was issued.
        """
        at = self._clock.now()
        if order.request_key is not None:
            repeated = await self._store.read(lambda tx: find_repeated(tx, order, at))
            if repeated is not None:
                return _release(order, repeated)
        order.profile.check_key(order.public_key)
        serial_number = new_serial_number(at)
        made = make_tbs(order.profile, order.wanted, order.public_key, order.issuer, serial_number, at)
        tbs = made.encode()
        issuer = order.issuer
        lint.check(tbs, lint.Context(order.profile.base, issuer.certificate, issuer.publication_url))
        if order.profile.ca:
            await self._store.write(enter, intent_entry(order, serial_number, tbs, at))
        der = await self._sign(order, tbs)
        issuance = Issuance(
            order=order,
            serial_number=serial_number,
            not_before=made.not_before,
            not_after=made.not_after,
            der=der,
            fingerprint=hashlib.sha256(der).digest(),
            at=at,
        )
        return _release(order, await self._store.write(record, issuance))

    async def _sign(self, order: Order, tbs: bytes) -> bytes:
        """Return the signed certificate; a signature that does not verify never leaves this function."""
        issuer = order.issuer
        signer = await self._signer_of(issuer.key_id)
        signature = await signer.sign(tbs)
        # With the key that relying parties will use, which the signer's own need not be.
        key = issuer.certificate.public_key if issuer.certificate is not None else order.public_key
        try:
            key.verify(signature, tbs, issuer.signature)
        except BadSignature as error:
            raise IntegrityFailure(
                "The authority's key made a signature that does not verify; nothing was issued.",
                private=f"key {issuer.key_id}",
            ) from error
        return assemble(tbs, issuer.signature, signature)


def _release(order: Order, recorded: Recorded) -> Issued:
    if recorded.refusal is not None:
        raise recorded.refusal
    return Issued(
        certificate_id=recorded.certificate_id,
        der=recorded.der,
        chain=recorded.chain or order.issuer.chain,
        repeated=recorded.repeated,
        superseded=recorded.superseded,
    )


def new_serial_number(at: int) -> int:
    """Return a positive serial number of 15 octets: 40 bits of time, 80 random bits.

    The time in front keeps the database's index local; the random rest makes it unpredictable.

    Source: RFC 5280 §4.1.2.2 (positive, at most 20 octets).
    """
    return (at << 80) | random_number(80)
