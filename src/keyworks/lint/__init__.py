"""Rules that a TBS meets before it is signed; one module per source."""

from typing import Final

from keyworks.errors import LintFailed, MalformedRequest
from keyworks.lint import ieee8021ar, local, rfc5280
from keyworks.lint.view import Context, Finding, Rule, View, read

__all__ = ["RULES", "Context", "Finding", "check", "findings"]

RULES: Final[dict[str, Rule]] = {
    f"{module.__name__.rpartition('.')[2]}.{rule.__name__}": rule
    for module in (rfc5280, ieee8021ar, local)
    for rule in module.RULES
}
"""Every rule by its name."""


def findings(tbs: bytes, context: Context) -> tuple[Finding, ...]:
    """Return every rule that a TBS certificate breaks.

    Raises:
        LintFailed: It is no TBS certificate.
    """
    view = read(tbs)
    found = ((name, _broken(rule, view, context)) for name, rule in RULES.items())
    return tuple(Finding(name, message) for name, message in found if message is not None)


def _broken(rule: Rule, view: View, context: Context) -> str | None:
    try:
        return rule(view, context)
    except MalformedRequest as error:
        # A rule that cannot read what it is about is broken; nobody sent this, so nobody else is at fault.
        return error.detail


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
