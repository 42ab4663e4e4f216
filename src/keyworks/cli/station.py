"""``keyworks station``."""

from typing import TYPE_CHECKING, Final

import click

from keyworks.cli.command import Group, Session
from keyworks.cli.table import print_list, report

if TYPE_CHECKING:
    from keyworks.service.installation import Installation

_COLUMNS: Final = {"NAME": "name", "ACTIVE": "active", "CHANNELS": "channels"}


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
    from keyworks.service.stations import NewStation, add_station
    from keyworks.x509.certificate import time_text

    async def work(installation: "Installation") -> tuple[NewStation, str, str]:
        new = await add_station(installation, name, channels)
        return new, installation.settings.listen.enrollment, await _pin(installation)

    new, address, trust = session.run(work)
    document = {
        "name": new.name,
        "channels": list(new.channels),
        "enrolls_at": new.enrolls_at,
        "secret": new.secret,
        "expires_at": time_text(new.expires_at),
        "trust": trust,
    }
    report(
        session,
        document,
        f"Registered station {name} for {', '.join(new.channels)}.",
        f"Its one-time secret, shown only now and valid until {document['expires_at']}:",
        f"  {new.secret}",
        "On the station, put the secret into a file that only it can read; then:",
        f"  keyworks enroll https://{address} --label {new.enrolls_at} --secret-file FILE \\",
        f"      --subject CN={name} --out station \\",
        f"      --trust {trust}",
    )


async def _pin(installation: "Installation") -> str:
    """Return the fingerprint by which a client knows this server before it has a trust anchor."""
    from keyworks.service.server_certificate import server_root

    root = await server_root(installation)
    return f"sha256:{root.fingerprint.hex()}" if root else "FILE"


@station.command("list", examples=("keyworks station list", "keyworks station list --json"))
@click.pass_obj
def list_(session: Session) -> None:
    """List all stations."""
    from keyworks.service.stations import all_stations

    documents = [
        {"name": one.name, "active": one.active, "channels": sorted(one.channels)}
        for one in session.run(all_stations)
    ]
    print_list(session, _COLUMNS, documents)


@station.command("enable", examples=("keyworks station enable line-1",))
@click.argument("name")
@click.pass_obj
def enable(session: Session, name: str) -> None:
    """Let a station work again."""
    _switch(session, name, active=True)
    report(session, {"name": name, "active": True}, f"Station {name} may work.")


@station.command("disable", examples=("keyworks station disable line-1",))
@click.argument("name")
@click.pass_obj
def disable(session: Session, name: str) -> None:
    """Stop a station with its next request; what it asked for stays valid."""
    _switch(session, name, active=False)
    report(session, {"name": name, "active": False}, f"Station {name} is refused from now on.")


def _switch(session: Session, name: str, *, active: bool) -> None:
    from keyworks.service.stations import set_station_active

    session.run(lambda installation: set_station_active(installation, name, active=active))
