"""What ``keyworks enroll`` says of what it has done: sentences for people, documents for scripts."""

from pathlib import Path
from typing import Any, Final

from keyworks.cli.words import visible
from keyworks.enroll.identity import LINKS
from keyworks.enroll.issued import Issued
from keyworks.enroll.renewal import judge
from keyworks.enroll.upkeep import Action, Outcome
from keyworks.x509.certificate import Certificate, time_text

_DONE: Final = {
    Action.KEPT: "Nothing to do for",
    Action.REPAIRED: "certificate.pem was damaged and is whole again, of",
    Action.ENROLLED: "Enrolled",
    Action.RENEWED: "Renewed, with a new key,",
}


def document_of(folder: Path, outcome: Outcome) -> dict[str, Any]:
    """Return what was done for the identity in a folder."""
    return {
        **described(outcome.action.value, outcome.identity.certificate, outcome.renew_at),
        "server_key": outcome.identity.is_server_key,
        "superseded": list(outcome.superseded),
        "files": {Path(name).stem: str(folder / name) for name in LINKS},
    }


def described(result: str, certificate: Certificate, renew_at: int | None) -> dict[str, Any]:
    """Return what scripts want to know of a certificate."""
    return {
        "result": result,
        "subject": certificate.subject.text,
        "issuer": certificate.issuer.text,
        "serial_number": f"{certificate.serial_number:x}",
        "fingerprint": f"sha256:{certificate.fingerprint.hex()}",
        "not_after": time_text(certificate.not_after),
        "renew_at": None if renew_at is None else time_text(renew_at),
    }


def sentences_of(folder: Path, outcome: Outcome) -> tuple[str, ...]:
    """Return what was done for the identity in a folder."""
    certificate = outcome.identity.certificate
    return (
        _done(_DONE[outcome.action], certificate),
        *(("The server made its key.",) if outcome.identity.is_server_key else ()),
        *_replaces(outcome.superseded),
        _lasts(certificate, outcome.renew_at, "renewed"),
        f"In {folder}: {', '.join(LINKS)}.",
    )


def errand_sentences(issued: Issued, at: int, file: Path | None) -> tuple[str, ...]:
    """Return what was done with a request that was passed on."""
    certificate = issued.certificate
    where = (f"In {file}: the certificate, then its issuers without the root.",) if file else ()
    renew_at = judge(certificate, at).renew_at
    return (
        _done("Enrolled", certificate),
        *_replaces(issued.superseded),
        _lasts(certificate, renew_at, "due for renewal"),
        *where,
    )


def _done(what: str, certificate: Certificate) -> str:
    return f"{what} '{visible(certificate.subject.text)}' (issuer '{visible(certificate.issuer.text)}')."


def _replaces(superseded: tuple[str, ...]) -> tuple[str, ...]:
    """Say whose end this was: after a mistyped serial number, another device's."""
    if not superseded:
        return ()
    if len(superseded) == 1:
        return (f"It replaces certificate {superseded[0]}, which is revoked now.",)
    return (f"It replaces certificates {', '.join(superseded)}, which are revoked now.",)


def _lasts(certificate: Certificate, renew_at: int | None, renewed: str) -> str:
    if renew_at is None:
        return "It never expires and is never renewed."
    return f"Valid until {time_text(certificate.not_after)}; {renewed} from {time_text(renew_at)} on."
