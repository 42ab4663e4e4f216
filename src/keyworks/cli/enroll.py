"""``keyworks enroll``: a device or station gets its certificate and keeps it valid, or passes on a request."""

import asyncio
import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from keyworks.access.credential import BasicCredentials
from keyworks.algorithms.registry import KEY_TYPES
from keyworks.cli.command import Command, Session
from keyworks.cli.files import STANDARD_INPUT, read_file, warn_if_exposed, write_out
from keyworks.cli.table import report
from keyworks.cli.words import visible
from keyworks.enroll.credential import ClientCertificate, ClientCredential, read_private_key
from keyworks.enroll.errand import Errand, pass_on, request_in
from keyworks.enroll.identity import LINKS, IdentityFolder
from keyworks.enroll.issued import Issued
from keyworks.enroll.renewal import judge
from keyworks.enroll.subject import parse_subject
from keyworks.enroll.trust import parse_trust
from keyworks.enroll.upkeep import KEY_TYPE, Action, Outcome, Wish, keep_identity
from keyworks.errors import OperatorError, RequestError
from keyworks.keys.software import SoftwareSigner
from keyworks.oids import COMMON_NAME, SERIAL_NUMBER
from keyworks.store.clock import Clock, SystemClock
from keyworks.x509.certificate import Certificate, pem_of, time_text
from keyworks.x509.name import Name
from keyworks.x509.template import MAX_REQUEST_OCTETS, Template

SECRET_VARIABLE: Final = "KEYWORKS_SECRET"
_MAX_SECRET_OCTETS: Final = 4096
_MAX_KEY_OCTETS: Final = 64 * 1024
_MAX_CSR_OCTETS: Final = 4 * MAX_REQUEST_OCTETS
"""Room for PEM, and for the text that some tools write above it."""

_STANDARD_OUTPUT: Final = Path("-")
_PEM_LABEL: Final = re.compile(rb"-----BEGIN ([^\r\n]+)-----")
_FILE: Final = click.Path(path_type=Path)
_EXAMPLES: Final = (
    "# A station, with the secret that `keyworks station add` printed:",
    "keyworks enroll https://pki.example.com:8443 --label stations --trust sha256:HEX \\",
    "    --subject CN=line-1 --secret-file secret --out station",
    "# The station gets a device its IDevID:",
    "keyworks enroll https://pki.example.com:8443 --label idevid --trust sha256:HEX \\",
    "    --subject serialNumber=SN-1 --credential station --out SN-1",
    "# The same for a device that has made its key itself and gives away a request only:",
    "keyworks enroll https://pki.example.com:8443 --label idevid --trust sha256:HEX \\",
    "    --csr SN-2.csr --credential station --out SN-2.pem",
    "# With its IDevID the device gets its LDevID elsewhere; the same line later renews it:",
    "keyworks enroll https://plant.example.com:8443 --label ldevid --trust plant-root.pem \\",
    "    --credential SN-1 --out ldevid",
)
_EPILOG: Final = f"""\b
Key types:
  {", ".join(one for one in KEY_TYPES if not one.startswith("rsa"))},
  {", ".join(one for one in KEY_TYPES if one.startswith("rsa"))}
\b
Exit status:
  0  done, or nothing to do
  1  refused: the same command will be refused again
  2  the command line is wrong
  3  not now: repeat it, but not before the seconds that it says"""
_DONE: Final = {
    Action.KEPT: "Nothing to do for",
    Action.REPAIRED: "certificate.pem was damaged and is whole again, of",
    Action.ENROLLED: "Enrolled",
    Action.RENEWED: "Renewed, with a new key,",
}
_NOT_WITH_CSR: Final = {
    "subject": "the request says which names it asks for",
    "key": "the key stays where the request was made",
    "key_type": "the key stays where the request was made",
    "force": "to renew a certificate, pass on a new request",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The command line, as click has parsed it."""

    url: str
    label: str
    trust: str
    out: Path | None
    subject: str
    key_type: str | None
    key: Path | None
    csr: tuple[str, ...]
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
@click.option(
    "--label", required=True, metavar="LABEL", help="The server's channel: stations, idevid, ldevid, ..."
)
@click.option(
    "--trust",
    required=True,
    metavar="PIN|FILE",
    help="What vouches for the server: a PEM file of its CA, or sha256:HEX, the fingerprint of any certificate "
    "in its chain (`station add` prints one).",
)
@click.option(
    "--out",
    type=_FILE,
    metavar="DIR|FILE",
    help="The identity's folder; with --csr, the certificate's file, where - is standard output.  "
    "[default: ./LABEL; with --csr, -]",
)
@click.option(
    "--subject",
    default="",
    metavar="NAME",
    help="What to ask for in the first certificate: CN=line-1, serialNumber=SN-1; renewals keep the name.",
)
@click.option(
    "--key-type", type=click.Choice(KEY_TYPES), metavar="TYPE", help=f"Of new keys.  [default: {KEY_TYPE}]"
)
@click.option(
    "--key",
    type=_FILE,
    metavar="FILE",
    help="A PEM key to copy for the first certificate, instead of a new one.",
)
@click.option(
    "--csr",
    multiple=True,
    metavar="FILE|-",
    help="Pass on this PKCS#10 request, PEM or DER, made where the key is; - is standard input.",
)
@click.option(
    "--credential",
    type=_FILE,
    metavar="FILE|DIR",
    help="Who asks, by certificate: a PEM file with its chain, or a folder that this command has filled.",
)
@click.option(
    "--credential-key", type=_FILE, metavar="FILE", help="The PEM key of --credential, if in another file."
)
@click.option(
    "--secret-file",
    metavar="FILE|-",
    help=f"Who asks, by one-time secret: the file that holds it; - is standard input. Also ${SECRET_VARIABLE}.",
)
@click.option("--user", metavar="NAME", help="Whose secret it is.  [default: the CN or serialNumber asked for]")
@click.option(
    "--wait",
    default=0,
    type=click.IntRange(0, 86400),
    metavar="SECONDS",
    help="How long to wait, in all, where the server says 'later', such as for an approval.  [default: 0]",
)
@click.option("--force", is_flag=True, help="Renew the certificate now, though it is not due.")
@click.pass_obj
def enroll(session: Session, /, **given: Any) -> None:
    """Get a certificate from the EST server at URL (https://HOST:PORT), and keep it valid.

    The first time, the command makes a key and shows who asks: by a one-time secret, or by a certificate that
    is there already. The folder --out then holds key.pem, certificate.pem, chain.pem and cacerts.pem: always a
    pair that fits, even if the power fails. Repeat the command as often as you like, from a timer too: it goes
    on where it was interrupted, does nothing until two thirds of the certificate's life, and then renews it
    with a new key, the present certificate being the proof. IDevIDs are never renewed. Where a
    certificate takes the place of others, which the server has revoked for it, the command says which. A folder
    holds one identity: where another name or key is asked for than it holds, the command refuses.

    With --csr it passes on a request whose key stays elsewhere, and keeps nothing: the certificate goes to
    --out, in PEM, followed by its issuers without the root. The same request gets the same certificate.
    """
    options = _Options(**given)
    clock = session.clock or SystemClock()
    if options.csr:
        _run_errand(session, options, clock)
        return
    if options.out == _STANDARD_OUTPUT:
        raise click.UsageError("An identity needs a folder: --out DIR. Standard output goes with --csr.")
    outcome = asyncio.run(keep_identity(IdentityFolder(options.folder), _wish(options), clock))
    warn_if_exposed(options.folder / "key.pem")
    report(session, _document(options, outcome), *_sentences(options, outcome))


def _run_errand(session: Session, options: _Options, clock: Clock) -> None:
    _check_errand(options)
    [name] = options.csr
    request = _request(name)
    credential = _credential(options, request.subject)
    if credential is None:
        raise click.UsageError(
            "Say who passes the request on: --credential, or a one-time secret by --secret-file."
        )
    file = None if options.out == _STANDARD_OUTPUT else options.out
    if file is not None:
        _check_place(file)
    patience = timedelta(seconds=options.wait)
    errand = Errand(options.url, options.label, parse_trust(options.trust), credential, patience)
    issued = asyncio.run(pass_on(request, errand, clock))
    pem = "".join(pem_of(der) for der in issued.chain)
    sentences = _errand_sentences(issued, clock.now(), file)
    if file is not None:
        write_out(pem, file)
    elif not session.json:
        # What is printed is for the next program; what was done is for whoever looks on.
        click.echo("\n".join(sentences), err=True)
        sentences = (pem.rstrip("\n"),)
    document = _described("enrolled", issued.certificate, judge(issued.certificate, clock.now()).renew_at)
    document["superseded"] = list(issued.superseded)
    report(session, {**document, "file": str(file) if file else None, "pem": pem}, *sentences)


def _check_errand(options: _Options) -> None:
    """Refuse what contradicts a request made elsewhere."""
    if len(options.csr) > 1:
        raise click.UsageError("Give one --csr; repeat the command for each further request.")
    for option, why in _NOT_WITH_CSR.items():
        if getattr(options, option):
            word = f"--{option.replace('_', '-')}"
            raise click.UsageError(f"{word} does not go with --csr: {why}. Leave {word} out.")
    if options.csr == (STANDARD_INPUT,) and options.secret_file == STANDARD_INPUT:
        raise click.UsageError(
            "--csr and --secret-file cannot both be standard input; put one of them into a file."
        )


def _check_place(file: Path) -> None:
    """Refuse, before anything is asked for, a file that could not be written or would be a loss.

    Raises:
        OperatorError: It is something else than certificates, or its folder is not there.
    """
    if file.is_dir():
        raise click.UsageError(f"{file} is a folder; with --csr, --out names the file for the certificate.")
    if not file.absolute().parent.is_dir():
        raise OperatorError(f"{file} cannot be written: its folder is not there.")
    if not file.exists():
        return
    present = read_file(str(file)) if file.is_file() else b"no file"
    if present and set(_PEM_LABEL.findall(present)) != {b"CERTIFICATE"}:
        raise OperatorError(f"{file} is something else than certificates; choose another file for --out.")


def _request(name: str) -> Template:
    place = "Standard input" if name == STANDARD_INPUT else name
    try:
        return request_in(read_file(name, _MAX_CSR_OCTETS))
    except RequestError as error:
        raise OperatorError(f"{place} cannot be passed on: {error.detail}") from error


def _wish(options: _Options) -> Wish:
    subject = parse_subject(options.subject)
    return Wish(
        url=options.url,
        label=options.label,
        trust=parse_trust(options.trust),
        subject=subject,
        key_type=options.key_type,
        signer=_signer(options.key) if options.key else None,
        credential=_credential(options, subject),
        force=options.force,
        patience=timedelta(seconds=options.wait),
    )


def _signer(key: Path) -> SoftwareSigner:
    warn_if_exposed(key)
    return read_private_key(read_file(str(key), _MAX_KEY_OCTETS))


def _credential(options: _Options, subject: Name) -> ClientCredential | None:
    if options.credential_key is not None and options.credential is None:
        raise click.UsageError("--credential-key goes with --credential.")
    if options.credential is not None:
        if options.secret_file is not None:
            raise click.UsageError("Give --credential or --secret-file, not both.")
        read = ClientCertificate.read(options.credential, options.credential_key)
        in_folder = options.credential / "key.pem" if options.credential.is_dir() else options.credential
        warn_if_exposed(options.credential_key or in_folder)
        return read
    secret = _secret(options)
    if secret is None:
        return None
    user = options.user or next(iter((*subject.values(COMMON_NAME), *subject.values(SERIAL_NUMBER))), "")
    if not user:
        raise click.UsageError("Say whose secret it is: --user, or a CN in the subject asked for.")
    return BasicCredentials(user, secret)


def _secret(options: _Options) -> str | None:
    """Return the one-time secret; never an argument, which every user of the machine could read."""
    if options.secret_file is None:
        return os.environ.get(SECRET_VARIABLE) or None
    if options.secret_file != STANDARD_INPUT:
        warn_if_exposed(Path(options.secret_file))
    secret = read_file(options.secret_file, _MAX_SECRET_OCTETS).decode("utf-8", "replace").strip()
    if not secret:
        raise OperatorError("There is no secret in --secret-file.")
    return secret


def _document(options: _Options, outcome: Outcome) -> dict[str, Any]:
    return {
        **_described(outcome.action.value, outcome.identity.certificate, outcome.renew_at),
        "superseded": list(outcome.superseded),
        "files": {Path(name).stem: str(options.folder / name) for name in LINKS},
    }


def _described(result: str, certificate: Certificate, renew_at: int | None) -> dict[str, Any]:
    return {
        "result": result,
        "subject": certificate.subject.text,
        "issuer": certificate.issuer.text,
        "serial_number": f"{certificate.serial_number:x}",
        "fingerprint": f"sha256:{certificate.fingerprint.hex()}",
        "not_after": time_text(certificate.not_after),
        "renew_at": None if renew_at is None else time_text(renew_at),
    }


def _sentences(options: _Options, outcome: Outcome) -> tuple[str, ...]:
    certificate = outcome.identity.certificate
    return (
        _done(_DONE[outcome.action], certificate),
        *_replaces(outcome.superseded),
        _lasts(certificate, outcome.renew_at, "renewed"),
        f"In {options.folder}: {', '.join(LINKS)}.",
    )


def _errand_sentences(issued: Issued, at: int, file: Path | None) -> tuple[str, ...]:
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
