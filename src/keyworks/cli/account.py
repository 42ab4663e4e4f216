"""``keyworks service`` and ``keyworks person``, and what they have in common with ``keyworks station``."""

from typing import TYPE_CHECKING, Any, Final

import click

from keyworks.cli.command import Group, Session
from keyworks.cli.key_encryption_key import key_encryption_key_commands
from keyworks.cli.table import print_list, report

if TYPE_CHECKING:
    from keyworks.access.records import Account
    from keyworks.service.accounts import NewSecret
    from keyworks.service.installation import Installation

NAMES: Final = ("dns", "ip", "uri", "email", "upn")
_COLUMNS: Final = {"NAME": "name", "ACTIVE": "active", "CHANNELS": "channels", "SITE": "site", "NAMES": "names"}


def add_common_commands(group: click.Group, kind: str) -> None:
    """Add to a group of accounts the commands that every kind has."""

    @group.command("list", examples=(f"keyworks {kind} list", f"keyworks {kind} list --json"))
    @click.pass_obj
    def list_(session: Session) -> None:
        from keyworks.access.principal import Kind
        from keyworks.service.accounts import accounts_of

        found = session.run(lambda installation: accounts_of(installation, Kind(kind)))
        print_list(session, _COLUMNS, [_document(one) for one in found])

    @group.command("secret", examples=(f"keyworks {kind} secret NAME",))
    @click.argument("name")
    @click.option("--channel", "label", metavar="LABEL", help="What it opens, where there are several.")
    @click.pass_obj
    def secret(session: Session, name: str, label: str | None) -> None:
        from keyworks.access.principal import Kind
        from keyworks.service.accounts import renew_secret

        async def work(installation: "Installation") -> tuple["NewSecret", str, str]:
            return await with_address(installation, await renew_secret(installation, Kind(kind), name, label))

        report_secret(session, *session.run(work), f"A one-time secret for {kind} {name}.")

    @group.command("enable", examples=(f"keyworks {kind} enable NAME",))
    @click.argument("name")
    @click.pass_obj
    def enable(session: Session, name: str) -> None:
        _switch(session, kind, name, active=True)
        report(session, {"name": name, "active": True}, f"{kind.capitalize()} {name} may work.")

    @group.command("disable", examples=(f"keyworks {kind} disable NAME",))
    @click.argument("name")
    @click.pass_obj
    def disable(session: Session, name: str) -> None:
        _switch(session, kind, name, active=False)
        report(session, {"name": name, "active": False}, f"{kind.capitalize()} {name} is refused from now on.")

    group.add_command(key_encryption_key_commands(kind, "NAME"))
    list_.help = f"List every {kind}."
    secret.help = f"""Print a new one-time secret, for the first certificate of a {kind} or a lost one.

    It is shown once and valid for a day, and replaces every former one that is not used up.
    """
    enable.help = f"Let a {kind} work again."
    disable.help = f"Stop a {kind} with its next request; what it asked for stays valid."


def _switch(session: Session, kind: str, name: str, *, active: bool) -> None:
    from keyworks.access.principal import Kind
    from keyworks.service.accounts import set_account_active

    session.run(lambda installation: set_account_active(installation, Kind(kind), name, active=active))


def add(session: Session, kind: str, name: str, channels: tuple[str, ...], **given: tuple[str, ...]) -> None:
    """Register an account and print its one-time secret."""
    from keyworks.access.principal import Kind
    from keyworks.service.accounts import NewAccount, add_account

    new = NewAccount(Kind(kind), name, channels, {one: given[one] for one in NAMES if given.get(one)})

    async def work(installation: "Installation") -> tuple["NewSecret", str, str]:
        return await with_address(installation, await add_account(installation, new))

    made, address, trust = session.run(work)
    report_secret(session, made, address, trust, f"Registered {kind} {name} for {', '.join(made.channels)}.")


async def with_address(installation: "Installation", new: "NewSecret") -> tuple["NewSecret", str, str]:
    """Return a secret with where it is used, and what tells its account that the server there is ours."""
    return new, installation.settings.listen.enrollment, await _pin(installation)


async def _pin(installation: "Installation") -> str:
    """Return the fingerprint by which a client knows this server before it has a trust anchor."""
    from keyworks.service.server_certificate import server_root

    root = await server_root(installation)
    return f"sha256:{root.fingerprint.hex()}" if root else "FILE"


def report_secret(session: Session, new: "NewSecret", address: str, trust: str, sentence: str) -> None:
    """Print a one-time secret, and how its account uses it."""
    from keyworks.x509.certificate import time_text

    kind, expires_at = new.account.kind.value, time_text(new.expires_at)
    document = {
        "name": new.name,
        "channels": list(new.channels),
        "enrolls_at": new.enrolls_at,
        "secret": new.secret,
        "expires_at": expires_at,
        "trust": trust,
    }
    report(
        session,
        document,
        sentence,
        f"Its one-time secret, shown only now and valid until {expires_at}:",
        f"  {new.secret}",
        f"On the {kind}, put the secret into a file that only it can read; then:"
        if kind == "station"
        else "Where its key is to be, put the secret into a file that nobody else can read; then:",
        f"  keyworks enroll https://{address} --label {new.enrolls_at} --secret-file FILE \\",
        f"      --subject CN={new.name} --out {kind} \\",
        f"      --trust {trust}",
    )


def _document(one: "Account") -> dict[str, Any]:
    return {
        "name": one.name,
        "active": one.active,
        "channels": sorted(one.channels),
        "site": one.site,
        "names": {kind: list(names) for kind, names in one.names.items()},
    }


@click.group("service", cls=Group, examples=("keyworks service list", "keyworks service disable broker"))
def service() -> None:
    """Services: what gets certificates of its own, such as a server or a signer."""


_CHANNELS = click.option(
    "--channel", "channels", multiple=True, required=True, metavar="LABEL", help="Where; may be repeated."
)


@service.command("add", examples=("keyworks service add broker --channel services --dns mqtt.plant.example",))
@click.argument("name")
@_CHANNELS
@click.option("--dns", multiple=True, metavar="NAME", help="A host name for its certificate; may be repeated.")
@click.option("--ip", multiple=True, metavar="ADDRESS", help="An address for its certificate.")
@click.option("--uri", multiple=True, help="A URI for its certificate.")
@click.option("--email", multiple=True, metavar="ADDRESS", help="A mail address for its certificate.")
@click.pass_obj
def add_service(session: Session, /, name: str, channels: tuple[str, ...], **given: tuple[str, ...]) -> None:
    """Register a service, and print the one-time secret for its first certificate.

    The secret is shown once and valid for a day. A service that is registered already gets a new secret, and
    the channels and names given in addition.
    """
    add(session, "service", name, channels, **given)


add_common_commands(service, "service")


@click.group("person", cls=Group, examples=("keyworks person list", "keyworks person disable a.smith"))
def person() -> None:
    """People: who gets certificates of their own."""


@person.command("add", examples=("keyworks person add a.smith --channel staff --email a.smith@plant.example",))
@click.argument("name")
@_CHANNELS
@click.option("--email", multiple=True, metavar="ADDRESS", help="A mail address for the certificate.")
@click.option("--upn", multiple=True, metavar="NAME", help="A user principal name for the certificate.")
@click.pass_obj
def add_person(session: Session, /, name: str, channels: tuple[str, ...], **given: tuple[str, ...]) -> None:
    """Register a person, and print the one-time secret for the first certificate.

    The secret is shown once and valid for a day. Who is registered already gets a new secret, and the channels
    and names given in addition.
    """
    add(session, "person", name, channels, **given)


add_common_commands(person, "person")
