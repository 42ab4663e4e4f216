"""``keyworks enroll``: a device or station gets its certificate, and keeps it valid."""

import asyncio
import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from keyworks.access.credential import BasicCredentials
from keyworks.algorithms.registry import KEY_TYPES
from keyworks.cli.command import Command, Session
from keyworks.cli.files import read_file
from keyworks.cli.table import report
from keyworks.cli.words import visible
from keyworks.enroll.credential import ClientCertificate, ClientCredential, read_private_key
from keyworks.enroll.identity import LINKS, IdentityFolder
from keyworks.enroll.subject import parse_subject
from keyworks.enroll.trust import parse_trust
from keyworks.enroll.upkeep import KEY_TYPE, Action, Outcome, Wish, keep_identity
from keyworks.errors import OperatorError
from keyworks.oids import COMMON_NAME, SERIAL_NUMBER
from keyworks.store.clock import SystemClock
from keyworks.x509.certificate import time_text
from keyworks.x509.name import Name

SECRET_VARIABLE: Final = "KEYWORKS_SECRET"
_MAX_SECRET_OCTETS: Final = 4096
_MAX_KEY_OCTETS: Final = 64 * 1024
_FILE: Final = click.Path(path_type=Path)
_EXAMPLES: Final = (
    "# A station, with the secret that `keyworks station add` printed:",
    "keyworks enroll https://pki.example.com:8443 --label stations --trust sha256:HEX \\",
    "    --subject CN=line-1 --secret-file secret --out station",
    "# The station gets a device its IDevID:",
    "keyworks enroll https://pki.example.com:8443 --label idevid --trust sha256:HEX \\",
    "    --subject serialNumber=SN-1 --credential station --out SN-1",
    "# With its IDevID the device gets its LDevID elsewhere; the same line later renews it:",
    "keyworks enroll https://plant.example.com:8443 --label ldevid --trust plant-root.pem \\",
    "    --credential SN-1 --out ldevid",
)
_EPILOG: Final = """\b
Exit status:
  0  done, or nothing to do
  1  refused: the same command will be refused again
  2  the command line is wrong
  3  not now: repeat it, but not before the seconds that it says"""
_DONE: Final = {
    Action.KEPT: "Nothing to do for",
    Action.ENROLLED: "Enrolled",
    Action.RENEWED: "Renewed, with a new key,",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The command line, as click has parsed it."""

    url: str
    label: str
    trust: str
    out: Path | None
    subject: str
    key_type: str
    key: Path | None
    credential: Path | None
    credential_key: Path | None
    secret_file: str | None
    user: str | None
    wait: int
    force: bool

    @property
    def folder(self) -> Path:
        """Return where the identity is."""
        return self.out or Path(self.label)


@click.command("enroll", cls=Command, home=False, examples=_EXAMPLES, epilog=_EPILOG)
@click.argument("url")
@click.option("--label", required=True, help="The channel: idevid, ldevid, stations, ...")
@click.option(
    "--trust",
    required=True,
    metavar="PIN|FILE",
    help="What vouches for the server: a CA file, or sha256:HEX of any certificate in its chain.",
)
@click.option("--out", type=_FILE, metavar="DIR", help="The identity's folder.  [default: ./LABEL]")
@click.option("--subject", default="", metavar="NAME", help="For the first certificate: 'CN=line-1,O=Example'.")
@click.option(
    "--key-type",
    type=click.Choice(KEY_TYPES),
    default=KEY_TYPE,
    metavar="TYPE",
    help=f"{', '.join(KEY_TYPES)}.  [default: {KEY_TYPE}]",
)
@click.option(
    "--key", type=_FILE, metavar="FILE", help="PEM key to copy for the first certificate, instead of a new one."
)
@click.option(
    "--credential",
    type=_FILE,
    metavar="FILE|DIR",
    help="Who asks for the first certificate: a PEM certificate with its chain, or a folder of this command.",
)
@click.option("--credential-key", type=_FILE, metavar="FILE", help="The PEM key of --credential.")
@click.option(
    "--secret-file",
    metavar="FILE",
    help=f"Has the one-time secret; - is standard input; or ${SECRET_VARIABLE}.",
)
@click.option("--user", metavar="NAME", help="Whose secret it is.  [default: the subject's CN or serialNumber]")
@click.option(
    "--wait",
    default=0,
    type=click.IntRange(0, 86400),
    metavar="SECONDS",
    help="How long to wait if told 'later'.",
)
@click.option("--force", is_flag=True, help="Renew it though it is not due.")
@click.pass_obj
def enroll(session: Session, /, **given: Any) -> None:
    """Get a certificate from the EST server at URL (https://HOST:PORT), and keep it valid.

    The folder then holds key.pem, certificate.pem, chain.pem and cacerts.pem: always a pair that fits, even if
    the power fails. Repeat the command as often as you like, from a timer too: it goes on where it was
    interrupted, does nothing until two thirds of the certificate's life, and then renews it with a new key.
    IDevIDs are never renewed.
    """
    options = _Options(**given)
    clock = session.clock or SystemClock()
    outcome = asyncio.run(keep_identity(IdentityFolder(options.folder), _wish(options), clock))
    report(session, _document(options, outcome), *_sentences(options, outcome))


def _wish(options: _Options) -> Wish:
    subject = parse_subject(options.subject)
    return Wish(
        url=options.url,
        label=options.label,
        trust=parse_trust(options.trust),
        subject=subject,
        key_type=options.key_type,
        signer=read_private_key(read_file(str(options.key), _MAX_KEY_OCTETS)) if options.key else None,
        credential=_credential(options, subject),
        force=options.force,
        patience=timedelta(seconds=options.wait),
    )


def _credential(options: _Options, subject: Name) -> ClientCredential | None:
    if options.credential_key is not None and options.credential is None:
        raise click.UsageError("--credential-key goes with --credential.")
    if options.credential is not None:
        if options.secret_file is not None:
            raise click.UsageError("Give --credential or --secret-file, not both.")
        return ClientCertificate.read(options.credential, options.credential_key)
    secret = _secret(options)
    if secret is None:
        return None
    user = options.user or next(iter((*subject.values(COMMON_NAME), *subject.values(SERIAL_NUMBER))), "")
    if not user:
        raise click.UsageError("Say whose secret it is: --user, or a CN in --subject.")
    return BasicCredentials(user, secret)


def _secret(options: _Options) -> str | None:
    """Return the one-time secret; never an argument, which every user of the machine could read."""
    if options.secret_file is None:
        return os.environ.get(SECRET_VARIABLE) or None
    secret = read_file(options.secret_file, _MAX_SECRET_OCTETS).decode("utf-8", "replace").strip()
    if not secret:
        raise OperatorError("There is no secret in --secret-file.")
    return secret


def _document(options: _Options, outcome: Outcome) -> dict[str, Any]:
    certificate = outcome.identity.certificate
    return {
        "result": outcome.action.value,
        "subject": certificate.subject.text,
        "issuer": certificate.issuer.text,
        "serial_number": f"{certificate.serial_number:x}",
        "fingerprint": f"sha256:{certificate.fingerprint.hex()}",
        "not_after": time_text(certificate.not_after),
        "renew_at": None if outcome.renew_at is None else time_text(outcome.renew_at),
        "files": {Path(name).stem: str(options.folder / name) for name in LINKS},
    }


def _sentences(options: _Options, outcome: Outcome) -> tuple[str, ...]:
    certificate = outcome.identity.certificate
    lasts = (
        "It never expires and is never renewed."
        if outcome.renew_at is None
        else f"Valid until {time_text(certificate.not_after)}; renewed from {time_text(outcome.renew_at)} on."
    )
    subject, issuer = visible(certificate.subject.text), visible(certificate.issuer.text)
    return (
        f"{_DONE[outcome.action]} '{subject}' (issuer '{issuer}').",
        lasts,
        f"In {options.folder}: {', '.join(LINKS)}.",
    )
