"""The installation once it is open: clock, authorities, the server's certificate, the ledger."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import timedelta
from typing import Final

from keyworks import oids
from keyworks.authority.generation import Generation
from keyworks.authority.register import Register
from keyworks.errors import KeyworksError
from keyworks.ledger.checkpoint import verify_checkpoint
from keyworks.ledger.records import read_head, waiting_of
from keyworks.service.clock import clock_state
from keyworks.service.doctor.finding import Finding, error, info, ok, warning
from keyworks.service.doctor.publication import Published
from keyworks.service.installation import Installation
from keyworks.service.ledger import ledger_identity
from keyworks.service.server_certificate import valid_server_certificate
from keyworks.x509.certificate import Certificate, time_text
from keyworks.x509.path import validate

_AHEAD: Final = timedelta(days=180)
"""How long before an authority stops issuing its next generation had better start, or a tenth of its time."""

_LATE: Final = timedelta(days=7)
"""How long a certificate that renews itself may be due."""

_WAITING_SECONDS: Final = 120
_RESTORE: Final = "Restore the database and its passphrase from one backup."


def examinations(installation: Installation) -> Mapping[str, Callable[[], AsyncIterator[Finding]]]:
    """Return what is looked at in the database, by the name under which its failure is found."""
    return {
        "clock": lambda: _clock(installation),
        "authorities": lambda: _authorities(installation),
        "server certificate": lambda: _server_certificate(installation),
        "ledger": lambda: _ledger(installation),
    }


async def published_by(installation: Installation) -> list[Published]:
    """Return the certificates that the newest generations' certificates say are published."""
    register, _ = await installation.registers.current()
    return [
        Published(one.authority.publication_url, one.issuer.file_name, one.certificate.der)
        for one in register.newest.values()
        if not one.authority.retired
    ]


async def _clock(installation: Installation) -> AsyncIterator[Finding]:
    state = await clock_state(installation)
    if not state.records:
        yield error(
            "clock",
            f"The clock is {state.behind_seconds} seconds behind the last record; nothing is recorded.",
            "Set the clock; if it is right, see `keyworks clock correct`.",
        )
    elif state.behind_seconds:
        yield warning(
            "clock",
            f"The clock is {state.behind_seconds} seconds behind the last record.",
            "Let NTP keep it: a minute behind, and nothing is recorded.",
        )
    else:
        yield ok("clock", f"It is {time_text(state.now)}, not before the last record.")


async def _authorities(installation: Installation) -> AsyncIterator[Finding]:
    register, _ = await installation.registers.current()
    at = installation.clock.now()
    for generation in register.newest.values():
        if generation.authority.retired:
            continue
        yield _period(register, generation, at)
        broken = _broken_chain(generation, at)
        if broken is not None:
            yield broken
        yield await _key(installation, generation)


def _period(register: Register, generation: Generation, at: int) -> Finding:
    own, certificate = generation.authority, generation.certificate
    check, next_one = f"authority {own.name}", f"Run: keyworks authority next {own.name}"
    ends = min(generation.issues_until, certificate.not_after)
    ahead = min(int(_AHEAD.total_seconds()), (ends - certificate.not_before) // 10)
    if at > certificate.not_after:
        return error(check, f"Its certificate has ended on {time_text(certificate.not_after)}.", next_one)
    if at < certificate.not_before:
        return error(
            check, f"Its certificate begins on {time_text(certificate.not_before)} only.", "Set the clock."
        )
    if not own.enabled:
        return info(check, "It is disabled, and issues nothing.")
    if not _is_used(register, generation):
        return info(check, "No channel and no authority below it uses it.")
    if at > ends:
        return error(check, f"It issues no more since {time_text(ends)}.", next_one)
    if at > ends - ahead:
        return warning(check, f"It issues until {time_text(ends)} only.", next_one)
    return ok(check, f"Generation {generation.number} issues until {time_text(ends)}.")


def _is_used(register: Register, generation: Generation) -> bool:
    own = generation.authority.id
    serves = any(one.enabled and one.authority_id == own for one in register.channels.values())
    return serves or any(one.parent_id == own for one in register.authorities.values())


def _broken_chain(generation: Generation, at: int) -> Finding | None:
    """Look whether those above an authority stand behind it; its own dates were looked at before."""
    *chain, root = generation.issuer.chain
    if not chain or not generation.certificate.not_before <= at <= generation.certificate.not_after:
        return None
    try:
        validate(chain, [Certificate.parse(root)], at=at)
    except KeyworksError as refused:
        return error(
            f"authority {generation.authority.name}",
            f"Nobody can verify what it issues. {refused.detail}",
            "Start the next generation of those above it that have ended, then its own; else restore a backup.",
        )
    return None


async def _key(installation: Installation, generation: Generation) -> Finding:
    check = f"key of {generation.authority.name}"
    try:
        signer = await installation.keystore.signer(generation.issuer.key_id)
    except KeyworksError as refused:
        return error(check, refused.detail, _RESTORE)
    if signer.public_key != generation.certificate.public_key:
        return error(check, "It is not the key of its certificate.", _RESTORE)
    return ok(check, f"It opens ({generation.certificate.public_key.key_type}).")


async def _server_certificate(installation: Installation) -> AsyncIterator[Finding]:
    check, at = "server certificate", installation.clock.now()
    try:
        own = await valid_server_certificate(installation)
    except KeyworksError as refused:
        yield error(check, refused.detail, "Revoke it and restart the server, which gets another one.")
        return
    if own is None:
        yield error(
            check, "There is no valid one.", "Start the server: it gets one, if its channel is enabled."
        )
        return
    for finding in _of_server(check, own.chain, at):
        yield finding


def _of_server(check: str, chain: tuple[bytes, ...], at: int) -> Iterator[Finding]:
    certificate = Certificate.parse(chain[0])
    due, ends = time_text(certificate.renewal_due), time_text(certificate.not_after)
    try:
        validate(chain[:-1], [Certificate.parse(chain[-1])], at=at, purpose=oids.KP_SERVER_AUTH)
    except KeyworksError as refused:
        yield error(check, f"No client accepts it. {refused.detail}", "Start its issuer's next generation.")
        return
    if at >= certificate.renewal_due + int(_LATE.total_seconds()):
        yield warning(
            check,
            f"It should have been renewed on {due}, and ends on {ends}.",
            "Look into the server's log for server_certificate_not_renewed; a server that starts renews it.",
        )
        return
    yield ok(check, f"It is valid until {ends}, and renews itself from {due} on.")


async def _ledger(installation: Installation) -> AsyncIterator[Finding]:
    identity = await ledger_identity(installation)
    if identity.checkpoint is not None:
        stated = verify_checkpoint(identity.checkpoint, identity.key)
        if (stated.size, stated.root) != (identity.size, identity.root):
            yield error(
                "ledger",
                f"The tree has {identity.size} entries, and is not the one that its last checkpoint states.",
                "Hold an export (`keyworks ledger export`) against an older checkpoint; restore a backup.",
            )
            return
    _, signed_at = await installation.store.read(read_head)
    waiting, oldest = await installation.store.read(waiting_of)
    at = installation.clock.now()
    signed = f"the last checkpoint is of {time_text(signed_at)}" if identity.size else "there is no checkpoint"
    if oldest is not None and at - oldest > _WAITING_SECONDS:
        yield warning(
            "ledger",
            f"{waiting} of its entries wait for their place since {time_text(oldest)}; {signed}.",
            "A running server places them within a second: start it, or look into its log.",
        )
        return
    yield ok("ledger", f"{identity.size} entries are in the tree, {waiting} wait; {signed}.")
