"""``keyworks enroll``: a device or station gets its certificate, and keeps it valid."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from keyworks.access.credential import BasicCredentials
from keyworks.algorithms.registry import KEY_TYPES
from keyworks.enroll.credential import ClientCertificate, ClientCredential, read_file, read_private_key
from keyworks.enroll.identity import LINKS, IdentityFolder
from keyworks.enroll.subject import parse_subject
from keyworks.enroll.trust import parse_trust
from keyworks.enroll.upkeep import KEY_TYPE, Action, Outcome, Wish, keep_identity
from keyworks.errors import KeyworksError, OperatorError, Unavailable
from keyworks.oids import COMMON_NAME, SERIAL_NUMBER
from keyworks.store.clock import SystemClock
from keyworks.x509.certificate import time_text
from keyworks.x509.name import Name

SECRET_VARIABLE: Final = "KEYWORKS_SECRET"
REFUSED, TRY_AGAIN = 1, 3


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
    as_json: bool

    @property
    def folder(self) -> Path:
        """Return where the identity is."""
        return self.out or Path(self.label)


@click.command()
@click.argument("url")
@click.option("--label", required=True, help="The channel: idevid, ldevid, stations, ...")
@click.option(
    "--trust",
    required=True,
    metavar="sha256:HEX|FILE",
    help="What vouches for the server: a pin, or a CA file.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the identity.  [default: the label]")
@click.option("--subject", default="", help="Name for the first certificate, as in 'CN=line-1,O=Example'.")
@click.option("--key-type", default=KEY_TYPE, show_default=True, help=f"One of {', '.join(KEY_TYPES)}.")
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    help="PEM key for the first certificate, instead of a new one; it is copied. Renewals make new keys.",
)
@click.option(
    "--credential",
    type=click.Path(path_type=Path),
    help="PEM certificate with its chain, or a folder that this command filled: who asks for the first one.",
)
@click.option("--credential-key", type=click.Path(path_type=Path), help="PEM key of --credential.")
@click.option("--secret-file", metavar="FILE|-", help=f"One-time secret; or set {SECRET_VARIABLE}.")
@click.option("--user", help="Whose secret it is.  [default: the subject's CN or serialNumber]")
@click.option("--wait", default=0, type=click.IntRange(0, 86400), help="Seconds to wait if told 'later'.")
@click.option("--force", is_flag=True, help="Renew now, though it is not due.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def enroll(**given: Any) -> None:
    r"""Get a certificate from the EST server at URL (https://HOST:PORT), and keep it valid.

    The folder then holds key.pem, certificate.pem, chain.pem and cacerts.pem: always a pair that fits, even if
    the power fails. Run it again at any time, from a timer too: until two thirds of the certificate's life it
    does nothing, then it renews it with a new key. IDevIDs are never renewed.

    \b
    A station with its one-time secret (from `keyworks station add`):
      keyworks enroll https://pki.example:8443 --label stations --trust sha256:9F86... \
          --subject CN=line-1 --secret-file secret --out station
    \b
    The station gets a device its IDevID:
      keyworks enroll https://pki.example:8443 --label idevid --trust sha256:9F86... \
          --subject serialNumber=SN-0001 --credential station --out SN-0001
    \b
    The device, with its IDevID, gets its LDevID from another organization:
      keyworks enroll https://plant.example:8443 --label ldevid --trust plant-root.pem \
          --credential SN-0001 --out ldevid
    \b
    Exit status:
      0  done, or nothing to do
      1  refused: do not repeat unchanged
      2  wrong usage
      3  not now: repeat later, not before the seconds it prints
    """
    options = _Options(**given)
    try:
        outcome = asyncio.run(keep_identity(IdentityFolder(options.folder), _wish(options), SystemClock()))
    except KeyworksError as error:
        _fail(error, as_json=options.as_json)
    _report(options, outcome)


def _wish(options: _Options) -> Wish:
    subject = parse_subject(options.subject)
    return Wish(
        url=options.url,
        label=options.label,
        trust=parse_trust(options.trust),
        subject=subject,
        key_type=options.key_type,
        signer=read_private_key(read_file(options.key)) if options.key else None,
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
        raise click.UsageError("Name whose secret it is: --user, or a CN in --subject.")
    return BasicCredentials(user, secret)


def _secret(options: _Options) -> str | None:
    """Return the one-time secret; never an argument, which every user of the machine could read."""
    if options.secret_file is None:
        return os.environ.get(SECRET_VARIABLE) or None
    from_input = options.secret_file == "-"
    octets = sys.stdin.buffer.readline() if from_input else read_file(Path(options.secret_file))
    secret = octets.decode("utf-8", "replace").strip()
    if not secret:
        raise OperatorError("There is no secret in --secret-file.")
    return secret


def _fail(error: KeyworksError, *, as_json: bool) -> NoReturn:
    seconds = round(error.retry_after.total_seconds()) if isinstance(error, Unavailable) else None
    if as_json:
        found = {"error": type(error).__name__, "detail": error.detail, "retry_after_seconds": seconds}
        click.echo(json.dumps(found))
    else:
        later = f" Retry after {seconds} s." if seconds is not None else ""
        click.echo(f"{error.detail}{later}", err=True)
    sys.exit(TRY_AGAIN if seconds is not None else REFUSED)


def _report(options: _Options, outcome: Outcome) -> None:
    certificate = outcome.identity.certificate
    renew_at = outcome.renew_at
    if options.as_json:
        found = {
            "result": outcome.action.value,
            "subject": certificate.subject.text,
            "issuer": certificate.issuer.text,
            "serial_number": f"{certificate.serial_number:x}",
            "fingerprint": f"sha256:{certificate.fingerprint.hex()}",
            "not_after": time_text(certificate.not_after),
            "renew_at": None if renew_at is None else time_text(renew_at),
            "files": {Path(name).stem: str(options.folder / name) for name in LINKS},
        }
        click.echo(json.dumps(found))
        return
    said = {
        Action.KEPT: "Nothing to do for",
        Action.ENROLLED: "Enrolled",
        Action.RENEWED: "Renewed, with a new key,",
    }[outcome.action]
    click.echo(f"{said} '{certificate.subject.text}' (issuer '{certificate.issuer.text}').")
    if renew_at is None:
        click.echo("It never expires and is never renewed.")
    else:
        click.echo(f"Valid until {time_text(certificate.not_after)}; renewed from {time_text(renew_at)} on.")
    click.echo(f"In {options.folder}: {', '.join(LINKS)}.")
