"""Requests that wait for approval, as operators see them and decide about them."""

from dataclasses import dataclass
from functools import partial

from keyworks.authority.approval import MAX_REASON, AskedFor, Verdict, decide
from keyworks.authority.approval import find_request as find_asked
from keyworks.authority.approval import list_requests as list_asked
from keyworks.authority.channel import Channel
from keyworks.authority.pending import expire
from keyworks.authority.profile import validity
from keyworks.authority.register import Register
from keyworks.errors import OperatorError
from keyworks.service.installation import Installation
from keyworks.x509.extensions import parse_subject_alt_name


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request, with the certificate that it would lead to if it were polled now.

    Args:
        asked: As recorded.
        channel: The channel's label.
        needed: Approvals that the channel asks for now.
        state: As operators see it.
        names: Alternative names, such as ``dns:pump.example``.
        not_before: The certificate's, if it were issued now.
        not_after: The certificate's, if it were issued now.
    """

    asked: AskedFor
    channel: str
    needed: int
    state: str
    names: tuple[str, ...]
    not_before: int
    not_after: int

    @property
    def id(self) -> str:
        """Return the request's id."""
        return self.asked.id


async def list_requests(installation: Installation, state: str, after: str, most: int) -> list[PendingRequest]:
    """Return requests in the order in which they came, page by page.

    Args:
        installation: Where.
        state: As operators see it; empty for all.
        after: Only those behind this id.
        most: At most so many; fewer only where there are no more.
    """
    register, _ = await installation.registers.current()
    recorded = {"approved": "pending", "expired": ""}.get(state, state)
    at = installation.clock.now()
    found: list[PendingRequest] = []
    while len(found) < most:
        page = await installation.store.read(partial(list_asked, state=recorded, after=after, most=most))
        seen = [_seen(register, one, at) for one in page]
        found += [one for one in seen if state in ("", one.state)]
        if len(page) < most:
            break
        after = page[-1].id
    return found[:most]


async def find_request(installation: Installation, request_id: str) -> PendingRequest:
    """Return one request.

    Raises:
        OperatorError: There is none.
    """
    register, _ = await installation.registers.current()
    asked = await installation.store.read(lambda tx: find_asked(tx, request_id))
    return _seen(register, asked, installation.clock.now())


async def approve_request(installation: Installation, request_id: str) -> PendingRequest:
    """Approve a request: with enough approvals, its next poll gets the certificate.

    Raises:
        OperatorError: There is none, nothing is left to decide, or this operator has approved it before.
    """
    return await _decide(installation, request_id, "", approves=True)


async def reject_request(installation: Installation, request_id: str, reason: str) -> PendingRequest:
    """Reject a request: whoever repeats it is told why; another one, with another key, may be asked.

    Raises:
        OperatorError: There is none, nothing is left to decide, or the reason is none.
    """
    if not reason.strip() or len(reason) > MAX_REASON or not reason.isprintable():
        raise OperatorError(
            f"Say why, for the requester, in one line of at most {MAX_REASON} characters (--reason)."
        )
    return await _decide(installation, request_id, reason.strip(), approves=False)


async def _decide(
    installation: Installation, request_id: str, reason: str, *, approves: bool
) -> PendingRequest:
    register, _ = await installation.registers.current()
    at = installation.clock.now()
    asked = await installation.store.read(lambda tx: find_asked(tx, request_id))
    channel = _channel_of(register, asked)
    verdict = Verdict(request_id, installation.operator, approves, reason, _needed(channel), at)
    return _seen(register, await installation.store.write(decide, verdict), at)


async def expire_requests(installation: Installation) -> int:
    """End the requests that have waited too long; return how many."""
    return await installation.store.write(expire, installation.clock.now())


def _channel_of(register: Register, asked: AskedFor) -> Channel | None:
    return next((one for one in register.channels.values() if one.id == asked.channel_id), None)


def _needed(channel: Channel | None) -> int:
    return max(1, channel.policy.approvals) if channel is not None else 1


def _seen(register: Register, asked: AskedFor, at: int) -> PendingRequest:
    channel = _channel_of(register, asked)
    needed = _needed(channel)
    state = asked.state
    if state == "pending" and asked.expires_at < at:
        state = "expired"
    elif state == "pending" and asked.approvals >= needed:
        state = "approved"
    not_before, not_after = _validity(register, channel, at)
    return PendingRequest(
        asked=asked,
        channel=channel.label if channel is not None else "",
        needed=needed,
        state=state,
        names=_names(asked.subject_alt_name),
        not_before=not_before,
        not_after=not_after,
    )


def _validity(register: Register, channel: Channel | None, at: int) -> tuple[int, int]:
    """Return notBefore and notAfter of a certificate that the channel issues now."""
    if channel is None or channel.authority_id not in register.newest:
        return at, at
    return validity(channel.profile, register.current_generation(channel.authority_id).issuer, at)


def _names(der: bytes | None) -> tuple[str, ...]:
    if der is None:
        return ()
    names = parse_subject_alt_name(der)
    listed = [
        f"{kind}:{name}" for kind in ("dns", "ip", "uri", "email", "upn") for name in getattr(names, kind)
    ]
    listed += [f"hardware module:{one}" for one in names.hardware_modules]
    listed += [f"other:{octets.hex()}" for octets in (*names.directory_names, *names.others)]
    return tuple(listed)
