"""The installation once it is open: clock, keys, authorities, the server's certificate, the ledger."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Final

from keyworks.authority.generation import Generation
from keyworks.authority.register import Register
from keyworks.errors import KeyworksError
from keyworks.ledger.records import COUNT_WAITING, read_head
from keyworks.service.clock import clock_state
from keyworks.service.doctor.finding import Finding, error, info, ok, warning
from keyworks.service.installation import Installation
from keyworks.service.ledger import ledger_identity
from keyworks.service.server_certificate import valid_server_certificate
from keyworks.x509.certificate import Certificate, time_text

_AHEAD: Final = timedelta(days=180)
"""How long before an authority stops issuing its next generation had better start."""

_EARLIEST: Final = 1_700_000_000
_LATEST: Final = 4_000_000_000
_LATE_SECONDS: Final = 120


async def examine_inside(installation: Installation) -> AsyncIterator[Finding]:
    """Look at everything that is in the database."""
    async for finding in _clock(installation):
        yield finding
    register, _ = await installation.registers.current()
    at = installation.clock.now()
    for generation in register.newest.values():
        for finding in [*_authority(register, generation, at)]:
            yield finding
        async for finding in _key(installation, generation):
            yield finding
    async for finding in _server_certificate(installation, at):
        yield finding
    async for finding in _ledger(installation, at):
        yield finding


async def _clock(installation: Installation) -> AsyncIterator[Finding]:
    state = await clock_state(installation)
    if not _EARLIEST < state.now < _LATEST:
        yield error("clock", f"The clock says {time_text(state.now)}.", "Set the clock, and let NTP keep it.")
    elif not state.records:
        yield error(
            "clock",
            f"The clock is {state.behind_seconds} seconds behind the last record; nothing is recorded.",
            "Set the clock; if it is right, see `keyworks clock correct`.",
        )
    else:
        yield ok("clock", f"It is {time_text(state.now)}, not before the last record.")


def _authority(register: Register, generation: Generation, at: int) -> Iterator[Finding]:
    name, ends = generation.authority.name, min(generation.issues_until, generation.certificate.not_after)
    check = f"authority {name}"
    serves = any(
        one.enabled and one.authority_id == generation.authority.id for one in register.channels.values()
    )
    certifies = any(one.parent_id == generation.authority.id for one in register.authorities.values())
    next_one = f"Run: keyworks authority next {name}"
    if at > generation.certificate.not_after:
        yield error(
            check, f"Its certificate has ended on {time_text(generation.certificate.not_after)}.", next_one
        )
    elif at > ends and (serves or certifies):
        yield error(check, f"It issues no more since {time_text(ends)}.", next_one)
    elif at > ends - int(_AHEAD.total_seconds()) and (serves or certifies):
        yield warning(check, f"It issues until {time_text(ends)} only.", next_one)
    elif not serves and not certifies:
        yield info(check, "No channel and no authority below it uses it.")
    else:
        yield ok(check, f"Generation {generation.number} issues until {time_text(ends)}.")


async def _key(installation: Installation, generation: Generation) -> AsyncIterator[Finding]:
    check = f"key of {generation.authority.name}"
    try:
        signer = await installation.keystore.signer(generation.issuer.key_id)
    except KeyworksError as refused:
        yield error(check, refused.detail, "Restore the database and its passphrase from one backup.")
        return
    if signer.public_key != generation.certificate.public_key:
        yield error(check, "It is not the key of its certificate.", "Restore the database from a backup.")
        return
    yield ok(check, f"It opens ({generation.certificate.public_key.key_type}).")


async def _server_certificate(installation: Installation, at: int) -> AsyncIterator[Finding]:
    check = "server certificate"
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
    certificate = Certificate.parse(own.chain[0])
    ends = time_text(certificate.not_after)
    if at >= certificate.renewal_due + int(timedelta(days=7).total_seconds()):
        yield warning(
            check,
            f"It should have been renewed on {time_text(certificate.renewal_due)}, and ends on {ends}.",
            "Look into the server's log for server_certificate_not_renewed.",
        )
        return
    yield ok(
        check, f"It is valid until {ends}, and renews itself from {time_text(certificate.renewal_due)} on."
    )


async def _ledger(installation: Installation, at: int) -> AsyncIterator[Finding]:
    try:
        await ledger_identity(installation)
    except KeyworksError as refused:
        yield error("ledger", refused.detail, "Restore the database from a backup.")
        return
    frontier, signed_at = await installation.store.read(read_head)
    [(waiting,)] = await installation.store.read(lambda tx: tx.execute(COUNT_WAITING))
    if waiting and at - signed_at > _LATE_SECONDS:
        yield warning(
            "ledger",
            f"{waiting} entries wait for their place; "
            + (
                f"; the last ones got theirs {time_text(signed_at)}."
                if frontier.size
                else "; none has one yet."
            ),
            "A running server places them within a second: start it, or look into its log.",
        )
        return
    yield ok(
        "ledger", f"{frontier.size} entries are in the tree, {waiting} wait; signed {time_text(signed_at)}."
    )
