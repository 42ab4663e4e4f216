"""``keyworks channel``."""

from typing import TYPE_CHECKING, Any, Final

import click

from keyworks.cli.command import Group, Session
from keyworks.cli.table import print_list, report

if TYPE_CHECKING:
    from keyworks.service.channels import ListedChannel

_COLUMNS: Final = {
    "LABEL": "label",
    "PROFILE": "profile",
    "AUTHORITY": "authority",
    "WHO MAY ASK": "accepts",
    "ENABLED": "enabled",
    "DEFAULT": "default",
}


@click.group("channel", cls=Group, examples=("keyworks channel list", "keyworks channel disable idevid"))
def channel() -> None:
    """Channels: how one kind of subject gets one kind of certificate."""


@channel.command("create", examples=("keyworks channel create plant-2 --authority plant-2 --profile ldevid",))
@click.argument("label")
@click.option("--authority", required=True, metavar="NAME", help="Who issues.")
@click.option("--profile", required=True, metavar="NAME", help="What; it decides who may ask.")
@click.pass_obj
def create(session: Session, label: str, authority: str, profile: str) -> None:
    """Create a channel; it serves from now on, under /.well-known/est/LABEL/.

    An idevid channel serves stations, a station channel too, with their one-time secret; profiles of devices
    serve these, those of services or people serve these; tls-server is for this server's own certificate.
    `docs/reference/profiles.md` describes them all.
    """
    from keyworks.service.channels import ListedChannel, NewChannel, create_channel

    new = NewChannel(label, authority, profile)
    created = session.run(lambda installation: create_channel(installation, new))
    document = _document(ListedChannel(created, authority))
    report(session, document, f"Created channel {label}; it serves under /.well-known/est/{label}/.")


@channel.command("list", examples=("keyworks channel list", "keyworks channel list --json"))
@click.pass_obj
def list_(session: Session) -> None:
    """List all channels."""
    from keyworks.service.channels import list_channels

    print_list(session, _COLUMNS, [_document(one) for one in session.run(list_channels)])


@channel.command("enable", examples=("keyworks channel enable idevid",))
@click.argument("label")
@click.pass_obj
def enable(session: Session, label: str) -> None:
    """Let a channel serve again."""
    _switch(session, label, enabled=True)
    report(session, {"label": label, "enabled": True}, f"Channel {label} serves.")


@channel.command("disable", examples=("keyworks channel disable idevid",))
@click.argument("label")
@click.pass_obj
def disable(session: Session, label: str) -> None:
    """Stop a channel with its next request; what it has issued stays valid."""
    _switch(session, label, enabled=False)
    report(session, {"label": label, "enabled": False}, f"Channel {label} refuses everybody from now on.")


@channel.command("default", examples=("keyworks channel default ldevid", "keyworks channel default --none"))
@click.argument("label", required=False)
@click.option("--none", "nothing", is_flag=True, help="Refuse requests that name no channel (as at first).")
@click.pass_obj
def default(session: Session, label: str | None, *, nothing: bool) -> None:
    """Let EST clients that cannot name a channel use this one, under /.well-known/est/ itself."""
    from keyworks.service.channels import set_default_channel

    if (label is None) != nothing:
        raise click.UsageError("Name the channel, or say --none.")
    session.run(lambda installation: set_default_channel(installation, label))
    said = f"Requests that name no channel go to {label}." if label else "Requests have to name a channel."
    report(session, {"default": label}, said)


def _switch(session: Session, label: str, *, enabled: bool) -> None:
    from keyworks.service.channels import enable_channel

    session.run(lambda installation: enable_channel(installation, label, enabled=enabled))


def _document(listed: "ListedChannel") -> dict[str, Any]:
    return {
        "label": listed.channel.label,
        "profile": listed.channel.profile.name,
        "authority": listed.authority,
        "accepts": sorted(kind.value for kind in listed.channel.accepts),
        "enabled": listed.channel.enabled,
        "default": listed.channel.is_default,
    }
