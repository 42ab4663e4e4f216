"""``python -m demo run --devices N`` and ``python -m demo serve``."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

from rich.console import Console

from demo import show
from demo.databases import DATABASES, databases
from demo.evidence import NotProven, export_and_verify, verify_with_openssl
from demo.factory import OPERATOR, SUPPLIER, Factory, build
from demo.folder import InUse, held
from demo.line import Produced, commission, produce
from keyworks.errors import KeyworksError
from keyworks.server.running import RunningServer, running_server
from keyworks.settings.node import Database

FOLDER: Final = Path("demo-factory")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="two installations, one production line, one commissioned device")
    run.add_argument("--devices", type=_count, default=50, help="how many devices are made (default 50)")
    run.add_argument("--database", choices=DATABASES, default=DATABASES[0], help="where both have theirs")
    commands.add_parser("serve", help="serve the installations of the last run until Ctrl-C")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if arguments.command == "run":
            with held(FOLDER), databases(arguments.database) as found:
                _run(arguments.devices, found)
        else:
            _serve()
    except (KeyworksError, InUse, NotProven, RuntimeError) as error:
        sys.exit(f"Error: {error}")
    except OSError as error:
        sys.exit(f"Error: {error.filename or FOLDER}: {error.strerror}.")
    except KeyboardInterrupt:
        sys.exit(130)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError("make between 1 and 100,000 devices, such as N=50")
    return int(text)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _run(devices: int, found: Mapping[str, Database]) -> None:
    console = Console(highlight=False)
    console.print(f"[bold]1. Two installations[/bold] that share no root: {SUPPLIER} and {OPERATOR}")
    factory = asyncio.run(build(FOLDER, devices, found))
    with running_server(factory.supplier) as supplier, running_server(factory.operator) as operator:
        console.print(f"   serving on {supplier.enrollment} and {operator.enrollment}")
        console.print(f"[bold]2. Production[/bold]: the station enrolls {devices:,} devices over EST")
        produced = asyncio.run(_produce(console, factory, supplier, devices))
        console.print(
            "[bold]3. Commissioning[/bold]: one device gets its LDevID for its IDevID, then renews it"
        )
        ldevids = asyncio.run(commission(factory, operator, produced.first))
    console.print("[bold]4. Evidence[/bold]: openssl verifies every chain, the exported ledgers verify offline")
    idevids = sorted((FOLDER / "idevid").iterdir())
    certificates = verify_with_openssl(idevids, FOLDER / "idevid-root.pem", FOLDER / "idevid-issuing.pem")
    certificates += verify_with_openssl(ldevids, FOLDER / "operator-root.pem", FOLDER / "operator-issuing.pem")
    ledgers = {
        name: asyncio.run(export_and_verify(home))
        for name, home in (("supplier", factory.supplier), ("operator", factory.operator))
    }
    if len(idevids) != devices:
        raise NotProven(f"{len(idevids)} of {devices} devices have a certificate.")
    console.print()
    console.print(show.closing_table(devices, certificates, produced.seconds, ledgers))
    if found["supplier"].url is not None:
        console.print("\nBoth databases were on a PostgreSQL server of the demo's own, which ends now.")
        return
    console.print("\nWorth typing next:")
    for purpose, command in show.next_commands(FOLDER, ledgers["supplier"]):
        console.print(f"  {purpose}:\n    {command}", soft_wrap=True)


async def _produce(console: Console, factory: Factory, server: RunningServer, devices: int) -> Produced:
    with show.progress_bar(console) as progress:
        task = progress.add_task("IDevIDs", total=devices)
        return await produce(factory, server, devices, lambda done: progress.advance(task, done))


def _serve() -> None:
    console = Console(highlight=False)
    homes = [FOLDER / name for name in ("supplier", "operator")]
    if not all(home.is_dir() for home in homes):
        sys.exit("Error: there are no installations yet; run `make demo` first.")
    with held(FOLDER), running_server(homes[0]) as supplier, running_server(homes[1]) as operator:
        try:
            for name, server in (("supplier", supplier), ("operator", operator)):
                console.print(f"{name:9} enrollment {server.enrollment}  publication {server.publication}")
            console.print("Ctrl-C stops both.")
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)  # either of them
            which = "supplier" if supplier.process.poll() is not None else "operator"
            sys.exit(f"Error: the {which}'s server has stopped.")
        except KeyboardInterrupt:
            console.print("stopping ...")
