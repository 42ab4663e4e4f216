"""``keyworks station``."""

from typing import TYPE_CHECKING

import click

from keyworks.cli.account import add_common_commands, report_secret, with_address
from keyworks.cli.command import Group, Session

if TYPE_CHECKING:
    from keyworks.service.accounts import NewSecret
    from keyworks.service.installation import Installation


@click.group("station", cls=Group, examples=("keyworks station list", "keyworks station disable line-1"))
def station() -> None:
    """Stations: what on a line may ask for certificates of devices."""


@station.command(
    "add",
    examples=(
        "keyworks station add line-1 --channel idevid",
        "keyworks station add line-2 --channel idevid --json",
    ),
)
@click.argument("name")
@click.option(
    "--channel", "channels", multiple=True, metavar="LABEL", help="A channel it may use; may be repeated."
)
@click.pass_obj
def add(session: Session, name: str, channels: tuple[str, ...]) -> None:
    """Register a station, and print the one-time secret for its first certificate.

    The secret is shown once and valid for a day. A station that is registered already gets a new secret, and
    the channels named in addition.
    """
    from keyworks.service.stations import add_station

    async def work(installation: "Installation") -> tuple["NewSecret", str, str]:
        return await with_address(installation, await add_station(installation, name, channels))

    made, address, trust = session.run(work)
    sentence = f"Registered station {name} for {', '.join(made.channels)}."
    report_secret(session, made, address, trust, sentence)


add_common_commands(station, "station")
