"""``keyworks store``: where everything is stored."""

from pathlib import Path

import click

from keyworks.cli.command import Group, Session
from keyworks.cli.installation import PASSWORD_FILE, database_of
from keyworks.cli.table import report


@click.group("store", cls=Group, examples=("keyworks store move postgresql://keyworks@db.example/keyworks",))
def store() -> None:
    """The database of the installation."""


@store.command(
    "move",
    examples=(
        "keyworks store move postgresql://keyworks@db.example/keyworks",
        "keyworks store move postgresql://keyworks@db.example/keyworks --database-password-file password",
    ),
)
@click.argument("url")
@PASSWORD_FILE
@click.pass_obj
def move(session: Session, url: str, database_password_file: Path | None) -> None:
    """Copy the database from its file to an empty PostgreSQL database at URL, and work there from now on.

    Stop the server first, and take a backup. The ledger is verified on both sides. The file is kept under
    another name; the settings name the server.
    """
    import asyncio

    from keyworks.service.moving import move_installation

    wanted = database_of(url, database_password_file)
    done = asyncio.run(move_installation(session.home, wanted, session.clock))
    document = {"url": url, "rows": done.rows, "ledger_entries": done.entries, "kept": str(done.kept)}
    report(
        session,
        document,
        f"Moved {done.rows:,} rows to {url}; the ledger of {done.entries:,} entries verifies on both sides.",
        f"The file is kept as {done.kept}; put it away once backups of the server exist.",
        "Next: start the server again; one that still runs serves nobody until it is.",
    )
