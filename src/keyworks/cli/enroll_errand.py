"""``keyworks enroll --csr``: passes on a request that was made where the key is."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from keyworks.cli.command import Session
from keyworks.cli.enroll_wish import Options, credential_of
from keyworks.cli.enroll_words import described, errand_sentences
from keyworks.cli.files import STANDARD_INPUT, read_file, write_out
from keyworks.cli.table import report
from keyworks.enroll.errand import Errand, pass_on, request_in
from keyworks.enroll.renewal import judge
from keyworks.enroll.trust import parse_trust
from keyworks.errors import OperatorError, RequestError
from keyworks.store.clock import Clock
from keyworks.x509.certificate import pem_of
from keyworks.x509.template import MAX_REQUEST_OCTETS, KeyedTemplate

STANDARD_OUTPUT: Final = Path("-")
_MAX_CSR_OCTETS: Final = 4 * MAX_REQUEST_OCTETS
"""Room for PEM, and for the text that some tools write above it."""

_PEM_LABEL: Final = re.compile(rb"-----BEGIN ([^\r\n]+)-----")
_NOT_WITH_CSR: Final = {
    "subject": "the request says which names it asks for",
    "key": "the key stays where the request was made",
    "key_type": "the key stays where the request was made",
    "server_key": "the key stays where the request was made",
    "bind": "who made the request did not know this connection",
    "after": "nothing is kept here that a service could use",
    "force": "to renew a certificate, pass on a new request",
}


def run_errand(session: Session, options: Options, clock: Clock) -> None:
    """Pass a request on, and write the certificate."""
    _check_errand(options)
    [name] = options.csr
    request = _request(name)
    credential = credential_of(options, request.subject)
    if credential is None:
        raise click.UsageError(
            "Say who passes the request on: --credential, or a one-time secret by --secret-file."
        )
    file = None if options.place == STANDARD_OUTPUT else options.place
    if file is not None:
        _check_place(file)
    patience = timedelta(seconds=options.wait)
    errand = Errand(options.url, options.channel, parse_trust(options.trust), credential, patience)
    issued = asyncio.run(pass_on(request, errand, clock))
    pem = "".join(pem_of(der) for der in issued.chain)
    sentences = errand_sentences(issued, clock.now(), file)
    if file is not None:
        write_out(pem, file)
    elif not session.json:
        # What is printed is for the next program; what was done is for whoever looks on.
        click.echo("\n".join(sentences), err=True)
        sentences = (pem.rstrip("\n"),)
    document = described("enrolled", issued.certificate, judge(issued.certificate, clock.now()).renew_at)
    document["superseded"] = list(issued.superseded)
    report(session, {**document, "file": str(file) if file else None, "pem": pem}, *sentences)


def _check_errand(options: Options) -> None:
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


def _request(name: str) -> KeyedTemplate:
    place = "Standard input" if name == STANDARD_INPUT else name
    try:
        return request_in(read_file(name, _MAX_CSR_OCTETS))
    except RequestError as error:
        raise OperatorError(f"{place} cannot be passed on: {error.detail}") from error
