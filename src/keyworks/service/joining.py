"""Joining: a further node of an installation whose database is on a server."""

from dataclasses import dataclass
from pathlib import Path

from keyworks.authority.status import Filter, list_certificates
from keyworks.errors import OperatorError
from keyworks.keys.master import read_passphrase
from keyworks.ledger.records import enter
from keyworks.service.event import event
from keyworks.service.home import Work, left_behind, put_in_place, work_folder, write_files
from keyworks.service.installation import Installation, open_installation
from keyworks.service.server_certificate import server_certificate
from keyworks.settings.node import NodeSettings, check_node_settings
from keyworks.store.clock import Clock, SystemClock


@dataclass(frozen=True, slots=True)
class NewNode:
    """A further node of an installation whose database is on a server.

    Args:
        home: Its folder; does not exist yet, or is empty.
        settings: Its own; they say where the passphrase is once it has joined.
        passphrase_file: Where the installation's passphrase is now; ``None`` where it is in the environment.
    """

    home: Path
    settings: NodeSettings
    passphrase_file: Path | None


async def join_installation(new: NewNode, clock: Clock | None = None) -> None:
    """Make a further node: a folder with its settings and the passphrase, and its server certificate.

    Raises:
        OperatorError: The folder is in use, there is no installation in the database, the passphrase is another
            one's, or the node's name is taken.
    """
    clock = clock or SystemClock()
    check_node_settings(new.settings)
    home = new.home.absolute()
    for _ in left_behind(home, Work.JOIN):
        pass
    with work_folder(home, Work.JOIN) as work:
        passphrase = None
        if new.passphrase_file is not None:
            passphrase = read_passphrase(new.passphrase_file, None)
        write_files(work, new.settings, passphrase)
        async with open_installation(work, clock) as installation:
            node = new.settings.node.name
            await _check_free(installation, node)
            await installation.store.write(enter, event(installation, "node.joined", f"node:{node}"))
            await server_certificate(installation)
        put_in_place(work, home)


async def _check_free(installation: Installation, node: str) -> None:
    """Refuse the name of a node that there is: both would take the certificate of the other for their own."""
    wanted = Filter(owner=f"service:{node}", most=1)
    if await installation.store.read(lambda tx: list_certificates(tx, wanted)):
        raise OperatorError(f"There is a node '{node}' already; choose another name (--node).")
