"""Keeps identities valid for as long as it runs: what ``schedule`` says, at the instant that it says.

A failed renewal is told and tried again; it ends nothing, and what a folder holds stays in use. Each folder is
looked at every few minutes, so that a clock that jumps, a machine that slept and a renewal by hand are noticed;
so is the file of certificates that vouch for the server, which may be replaced as roots come and go.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from keyworks.enroll.hook import Hook, announce
from keyworks.enroll.identity import Identity, IdentityFolder
from keyworks.enroll.schedule import Plan, Why, after_failure, draw_of, next_announcement, next_renewal
from keyworks.enroll.upkeep import Action, Outcome, Wish, keep_identity
from keyworks.enroll.window import Timetable
from keyworks.errors import InternalError, KeyworksError, OperatorError, Unavailable
from keyworks.store.clock import Clock, SystemClock
from keyworks.x509.certificate import Certificate, time_text

LOOK_AGAIN: Final = timedelta(minutes=5)
_CLOCKS: Final = "The new certificate is due at once; compare this machine's clock with the server's."


class Happened(StrEnum):
    """What is told of."""

    PLANNED = "planned"
    URGENT = "urgent"
    ENROLLED = "enrolled"
    RENEWED = "renewed"
    FAILED = "failed"
    TRUSTED = "trusted"
    NOT_TRUSTED = "not trusted"
    ANNOUNCED = "announced"
    NOT_ANNOUNCED = "not announced"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an identity.

    Args:
        happened: What.
        folder: The identity's.
        sentence: For people; may hold what a server said.
        details: For scripts.
    """

    happened: Happened
    folder: Path
    sentence: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Watched:
    """An identity and what is wished of it."""

    folder: IdentityFolder
    wish: Wish


@dataclass(frozen=True, slots=True)
class Means:
    """What a watch does its work with.

    Args:
        clock: Tells the time.
        pause: Waits for a number of seconds.
        chance: Returns a number from 0 up to but not including 1.
        keep: Does what an identity needs.
    """

    clock: Clock = field(default_factory=SystemClock)
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random
    keep: Callable[[IdentityFolder, Wish, Clock], Awaitable[Outcome]] = keep_identity


@dataclass(frozen=True, slots=True)
class Watch:
    """How identities are watched.

    Args:
        timetable: The maintenance windows.
        hook: Run after a renewal.
        tell: Called with whatever happens.
        means: What the work is done with.
    """

    timetable: Timetable
    hook: Hook | None
    tell: Callable[[Event], None]
    means: Means = field(default_factory=Means)

    async def keep(self, identities: Sequence[Watched]) -> None:
        """Keep identities valid until this is cancelled."""
        async with asyncio.TaskGroup() as group:
            for one in identities:
                group.create_task(_Post(self, one).stand())


@dataclass(slots=True)
class _Tries:
    """Failures in a row, and until when there is no other try."""

    failures: int = 0
    not_before: int = 0


class _Post:
    """Watches one folder."""

    def __init__(self, watch: Watch, watched: Watched) -> None:
        self._watch = watch
        self._means = watch.means
        self._folder = watched.folder
        self._wish = watched.wish
        self._renewal = _Tries()
        self._announcement = _Tries()
        self._certificate: Certificate | None = None
        self._told: tuple[bytes, Plan] | None = None
        self._mistrust = ""

    async def stand(self) -> None:
        """Look, do what is due, and wait; for ever."""
        while True:
            try:
                next_at = await self._look()
            except Exception as error:  # noqa: BLE001 - the outermost layer: one folder's trouble is not the others'
                unforeseen = f"Something unforeseen went wrong in Keyworks ({type(error).__name__})."
                next_at = self._failed(InternalError(unforeseen))
            wait = min(LOOK_AGAIN.total_seconds(), next_at - self._means.clock.now())
            await self._means.pause(max(1.0, wait))

    async def _look(self) -> int:
        """Do what is due, and return when the next thing is; epoch seconds."""
        self._look_at_trust()
        now = self._means.clock.now()
        try:
            present = self._folder.current()
        except OperatorError as error:
            self._certificate = None
            return self._failed(error) if now >= self._renewal.not_before else self._renewal.not_before
        self._certificate = present.certificate if present else None
        plan = self._plan(self._certificate, now)
        if plan.at is not None and plan.at <= now:
            return await self._renew(plan)
        announcing = self._plan_announcement(present, now)
        if present is not None and announcing is not None and announcing <= now:
            announcing = await self._announce(present)
        self._tell_plan(plan)
        return min(at for at in (plan.at, announcing, now + int(LOOK_AGAIN.total_seconds())) if at is not None)

    def _look_at_trust(self) -> None:
        """Notice who vouches for the server by now; what is wrong with that is told once."""
        try:
            changed, mistrust = self._wish.trust.look_again(), ""
        except OperatorError as error:
            changed, mistrust = False, f"{error.detail} Until then the server is trusted as before."
        if mistrust and mistrust != self._mistrust:
            self._tell(Happened.NOT_TRUSTED, mistrust)
        elif changed:
            self._tell(Happened.TRUSTED, "The CA file has changed; what it holds now vouches for the server.")
        elif self._mistrust and not mistrust:
            self._tell(Happened.TRUSTED, "The CA file can be read again, and holds what it held before.")
        self._mistrust = mistrust

    def _plan(self, certificate: Certificate | None, at: int) -> Plan:
        earliest = max(at, self._renewal.not_before)
        # Who has failed comes earlier in the next window than those whose first turn it is.
        draw = draw_of(certificate) / (1 + self._renewal.failures)
        return next_renewal(certificate, earliest, draw, self._watch.timetable)

    def _plan_announcement(self, present: Identity | None, now: int) -> int | None:
        if self._watch.hook is None or present is None or self._folder.is_announced(present):
            return None
        earliest = max(now, self._announcement.not_before)
        draw = draw_of(present.certificate)
        return next_announcement(self._folder.former(), earliest, draw, self._watch.timetable).at

    async def _renew(self, plan: Plan) -> int:
        """Renew now; return when the next thing is."""
        if plan.why is Why.NO_WINDOW and not self._renewal.failures:
            self._tell(Happened.URGENT, f"{plan.why[0].upper()}{plan.why[1:]}; renewing at once.")
        try:
            outcome = await self._means.keep(self._folder, self._wish, self._means.clock)
        except KeyworksError as error:
            return self._failed(error)
        now = self._means.clock.now()
        self._certificate = outcome.identity.certificate
        if outcome.action in (Action.RENEWED, Action.ENROLLED):
            self._tell_renewed(outcome)
            self._announcement = _Tries()
            await self._announce(outcome.identity)
        if next_renewal(self._certificate, now, draw_of(self._certificate), self._watch.timetable).at == now:
            return self._failed(OperatorError(_CLOCKS))
        self._renewal = _Tries()
        return now  # to look at what is on disk now, and to tell the plan

    async def _announce(self, present: Identity) -> int | None:
        """Run the hook; return when it is tried again, or ``None`` if it succeeded."""
        hook, tries = self._watch.hook, self._announcement
        if hook is None:
            return None
        try:
            await announce(hook, self._folder, present)
        except KeyworksError as error:
            now = self._means.clock.now()
            tries.failures += 1
            tries.not_before = after_failure(None, now, tries.failures, None, self._means.chance())
            next_at = self._plan_announcement(present, now)
            self._tell(Happened.NOT_ANNOUNCED, f"{error.detail} {_next_try(next_at)}", next_try=_text(next_at))
            return next_at
        self._announcement = _Tries()
        self._tell(Happened.ANNOUNCED, f"`{hook.text}` has succeeded.")
        return None

    def _failed(self, error: KeyworksError) -> int:
        """Tell of a failure; return when the next try is."""
        now, tries, certificate = self._means.clock.now(), self._renewal, self._certificate
        tries.failures += 1
        asked = error.retry_after if isinstance(error, Unavailable) else None
        tries.not_before = after_failure(certificate, now, tries.failures, asked, self._means.chance())
        plan = self._plan(certificate, now)
        self._told = (certificate.fingerprint, plan) if certificate else None
        details = {"failures": tries.failures, "next_try": _text(plan.at)}
        self._tell(Happened.FAILED, f"{error.detail} {_next_try(plan.at)}", **details)
        return tries.not_before if plan.at is None else plan.at

    def _tell_plan(self, plan: Plan) -> None:
        certificate = self._certificate
        if certificate is None or self._told == (certificate.fingerprint, plan):
            return
        self._told = certificate.fingerprint, plan
        whose = f"'{certificate.subject.text}'"
        details = {"subject": certificate.subject.text, "not_after": time_text(certificate.not_after)}
        if plan.at is None:
            sentence = f"{whose} never expires and is never renewed."
        else:
            until = f"{whose} is valid until {time_text(certificate.not_after)}"
            sentence = f"{until}; renewal planned for {time_text(plan.at)}: {plan.why}."
        self._tell(Happened.PLANNED, sentence, **details, renewal=_text(plan.at), why=plan.why.value)

    def _tell_renewed(self, outcome: Outcome) -> None:
        certificate = outcome.identity.certificate
        subject, until = certificate.subject.text, time_text(certificate.not_after)
        renewed = outcome.action is Action.RENEWED
        self._tell(
            Happened.RENEWED if renewed else Happened.ENROLLED,
            f"{'Renewed' if renewed else 'Enrolled'} '{subject}', valid until {until}.",
            subject=subject,
            serial_number=f"{certificate.serial_number:x}",
            not_after=until,
            superseded=list(outcome.superseded),
        )

    def _tell(self, happened: Happened, sentence: str, **details: Any) -> None:
        self._watch.tell(Event(happened, self._folder.folder, sentence, details))


def _text(at: int | None) -> str | None:
    return None if at is None else time_text(at)


def _next_try(at: int | None) -> str:
    return "" if at is None else f"Next try: {time_text(at)}."
