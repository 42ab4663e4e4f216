"""What ``keyworks enroll`` is asked for, and who asks: the command line as what ``enroll`` works with."""

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from keyworks.access.credential import BasicCredentials
from keyworks.cli.files import STANDARD_INPUT, read_file, warn_if_exposed
from keyworks.enroll.credential import ClientCertificate, ClientCredential, read_private_key
from keyworks.enroll.subject import parse_subject
from keyworks.enroll.trust import parse_trust
from keyworks.enroll.upkeep import Wish
from keyworks.errors import OperatorError
from keyworks.keys.software import SoftwareSigner
from keyworks.oids import COMMON_NAME, SERIAL_NUMBER
from keyworks.x509.name import Name

SECRET_VARIABLE: Final = "KEYWORKS_SECRET"
_MAX_SECRET_OCTETS: Final = 4096
_MAX_KEY_OCTETS: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line, as click has parsed it."""

    url: str
    label: str | None
    trust: str
    out: tuple[Path, ...]
    subject: str
    key_type: str | None
    key: Path | None
    server_key: bool
    csr: tuple[str, ...]
    credential: Path | None
    credential_key: Path | None
    secret_file: str | None
    user: str | None
    wait: int
    bind: bool
    force: bool
    after: str | None
    watch: bool
    window: tuple[str, ...]

    @property
    def channel(self) -> str:
        """Return the label.

        Raises:
            UsageError: There is none.
        """
        if self.label is None:
            raise click.UsageError("Missing option '--label'.")
        return self.label

    @property
    def place(self) -> Path | None:
        """Return the one ``--out``.

        Raises:
            UsageError: There are several.
        """
        if len(self.out) > 1:
            raise click.UsageError("Give one --out; several go with --watch alone.")
        return next(iter(self.out), None)

    @property
    def folder(self) -> Path:
        """Return where the identity is."""
        return self.place or Path(self.channel)


def wish_of(options: Options) -> Wish:
    """Return the identity that is wished.

    Raises:
        OperatorError: It cannot be.
    """
    if options.server_key and (options.key is not None or options.key_type is not None):
        word = "--key" if options.key is not None else "--key-type"
        raise click.UsageError(
            f"{word} does not go with --server-key: the channel says which key its server makes. "
            "Leave one of them out."
        )
    subject = parse_subject(options.subject)
    return Wish(
        url=options.url,
        label=options.channel,
        trust=parse_trust(options.trust),
        subject=subject,
        key_type=options.key_type,
        signer=_signer(options.key) if options.key else None,
        server_key=options.server_key,
        credential=credential_of(options, subject),
        bind=options.bind,
        force=options.force,
        patience=timedelta(seconds=options.wait),
    )


def _signer(key: Path) -> SoftwareSigner:
    warn_if_exposed(key)
    return read_private_key(read_file(str(key), _MAX_KEY_OCTETS))


def credential_of(options: Options, subject: Name) -> ClientCredential | None:
    """Return who asks, if it is said.

    Raises:
        OperatorError: It cannot be read.
    """
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


def _secret(options: Options) -> str | None:
    """Return the one-time secret; never an argument, which every user of the machine could read."""
    if options.secret_file is None:
        return os.environ.get(SECRET_VARIABLE) or None
    if options.secret_file != STANDARD_INPUT:
        warn_if_exposed(Path(options.secret_file))
    secret = read_file(options.secret_file, _MAX_SECRET_OCTETS).decode("utf-8", "replace").strip()
    if not secret:
        raise OperatorError("There is no secret in --secret-file.")
    return secret
