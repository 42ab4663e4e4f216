"""The installation's files: settings, passphrase, database; who may open them."""

import stat
from collections.abc import Iterator
from pathlib import Path

from keyworks.errors import KeyworksError, OperatorError
from keyworks.service.doctor.finding import Finding, error, info, ok, warning
from keyworks.service.installation import SETTINGS_FILE, passphrase_of, settings_of
from keyworks.settings.node import Database, NodeSettings

_OTHERS: int = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE: int = stat.S_IWGRP | stat.S_IWOTH


def examine_settings(home: Path) -> Iterator[Finding]:
    """Look whether the settings can be read."""
    try:
        settings_of(home)
    except KeyworksError as refused:
        yield error("settings", refused.detail, "Nothing works before that; --home names another folder.")
        return
    yield ok("settings", f"{SETTINGS_FILE} can be read.")


def examine_files(home: Path, settings: NodeSettings) -> Iterator[Finding]:
    """Look at who may read and write the installation's files, and whose they are."""
    owners, beside = {}, list(_database_files(home, settings.database))
    secrets = [home / file for file in (settings.keys.passphrase_file, settings.database.password_file) if file]
    found = False
    for file in (home, home / SETTINGS_FILE, *secrets, *beside):
        if not file.exists():
            continue
        about = file.stat()
        owners[about.st_uid] = file
        if file in beside and about.st_mode & _OTHERS:
            found = True
            yield warning("files", f"Others on this machine may open {file}.", f"Run: chmod 600 {file}")
        elif about.st_mode & _OTHERS_WRITE and not about.st_mode & stat.S_ISVTX:
            found = True
            yield error("files", f"Others on this machine may change {file}.", f"Run: chmod go-w {file}")
    if len(owners) > 1:
        found = True
        listed = " and ".join(f"{file} is of account {owner}" for owner, file in owners.items())
        yield warning(
            "files", f"The files are of several accounts: {listed}.", "Give all to the one that serves."
        )
    if not found:
        yield ok("files", "What is secret is open to its owner only, and nobody else may change anything.")


def _database_files(home: Path, database: Database) -> Iterator[Path]:
    if database.url is None:
        file = home / database.file
        yield from (file.with_name(file.name + end) for end in ("", "-wal", "-shm"))


def examine_passphrase(home: Path, settings: NodeSettings) -> Iterator[Finding]:
    """Look whether the passphrase is there, and where it lies."""
    try:
        passphrase_of(home, settings.keys)
    except OperatorError as refused:
        yield error(
            "passphrase", refused.detail, "Without it nothing here can be signed; see keyworks.toml, [keys]."
        )
        return
    file, database = settings.keys.passphrase_file, settings.database
    if (
        file is not None
        and database.url is None
        and (home / file).resolve().parent == (home / database.file).resolve().parent
    ):
        yield info(
            "passphrase",
            "The passphrase lies beside the database that it opens.",
            "Keep backups of the two apart: whoever has both has every key.",
        )
        return
    yield ok("passphrase", "The passphrase is there, and not beside the database.")
