"""Rules that a TBS meets before it is signed; one module per source."""

from typing import Final

from keyworks.errors import LintFailed, MalformedRequest
from keyworks.lint import ieee8021ar, local, profiles, rfc5280
from keyworks.lint.view import Context, Finding, Rule, read

__all__ = ["RULES", "Context", "Finding", "check", "findings"]

RULES: Final[dict[str, Rule]] = {
    f"{module.__name__.rpartition('.')[2]}.{rule.__name__}": rule
    for module in (rfc5280, ieee8021ar, profiles, local)
    for rule in module.RULES
}
"""Every rule by its name."""


def findings(tbs: bytes, context: Context) -> tuple[Finding, ...]:
    """Return every rule that a TBS certificate breaks.

    Raises:
        LintFailed: It is no TBS certificate.
    """
    view = read(tbs)
    found = []
    for name, rule in RULES.items():
        try:
            message = rule(view, context)
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
