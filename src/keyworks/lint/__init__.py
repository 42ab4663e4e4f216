"""Rules that a TBS meets before it is signed; one module per source."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, TypeVar

from keyworks.errors import LintFailed, MalformedRequest
from keyworks.lint import ieee8021ar, local, profiles, rfc5280
from keyworks.lint.view import Context, Finding, Frame, FrameRule, Rule, read

__all__ = ["FRAME_RULES", "RULES", "Context", "Finding", "check", "findings"]

_T = TypeVar("_T")
_JUDGED: Final = 1024
"""Frames whose findings are remembered, each with the context that it was judged in."""

FRAME_RULES: Final[Mapping[str, FrameRule]] = {
    f"{module.__name__.rpartition('.')[2]}.{rule.__name__}": rule
    for module in (rfc5280, ieee8021ar, profiles, local)
    for rule in module.FRAME_RULES
}
"""Every rule about what many certificates have in common, by its name."""

RULES: Final[Mapping[str, Rule]] = {
    f"{module.__name__.rpartition('.')[2]}.{rule.__name__}": rule
    for module in (rfc5280, ieee8021ar, profiles, local)
    for rule in module.RULES
}
"""Every rule about a single certificate, by its name."""


def findings(tbs: bytes, context: Context) -> tuple[Finding, ...]:
    """Return every rule that a TBS certificate breaks.

    Raises:
        LintFailed: It is no TBS certificate.
    """
    view = read(tbs)
    return _found_in_frame(view.frame, context) + _found(RULES, view, context)


@lru_cache(maxsize=_JUDGED)
def _found_in_frame(frame: Frame, context: Context) -> tuple[Finding, ...]:
    return _found(FRAME_RULES, frame, context)


def _found(
    rules: Mapping[str, Callable[[_T, Context], str | None]], subject: _T, context: Context
) -> tuple[Finding, ...]:
    found = []
    for name, rule in rules.items():
        try:
            message = rule(subject, context)
        except MalformedRequest as error:
            # What a rule cannot read is broken; nobody sent this, so nobody else is at fault.
            message = error.detail
        if message is not None:
            found.append(Finding(name, message))
    return tuple(found)


def check(tbs: bytes, context: Context) -> None:
    """Refuse to sign what breaks a rule.

    Raises:
        LintFailed: It does; nothing may be signed.
    """
    found = findings(tbs, context)
    if found:
        raise LintFailed(
            "The certificate was not issued: it would break a rule of ours or of RFC 5280.",
            private="; ".join(f"{one.rule}: {one.message}" for one in found),
        )
