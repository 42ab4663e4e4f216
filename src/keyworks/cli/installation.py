"""An installation as a whole: made, served, upgraded."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from keyworks.cli.command import Address, Command, Session
from keyworks.cli.policy import folder_of, read_source
from keyworks.cli.table import report

if TYPE_CHECKING:
    from keyworks.service.installation import Installation
    from keyworks.service.setup import NewInstallation
    from keyworks.settings.factory import FactorySection
    from keyworks.settings.node import Database, NodeSettings
    from keyworks.settings.toml import Source

PRESETS: Final = ("supplier", "operator")
LISTEN: Final = {
    "enrollment": "127.0.0.1:8443",
    "console": "127.0.0.1:9443",
    "publication": "127.0.0.1:8080",
}
NAMES: Final = ("localhost", "127.0.0.1")
_NEXT: Final = {
    "supplier": (
        "serve",
        "device add SN-0001 --manufacturer {organization} --product PRODUCT",
        "station add line-1 --channel idevid",
    ),
    "operator": (
        "serve",
        "anchor add SUPPLIER supplier-root.pem --vouches-for device --manufacturer MANUFACTURER",
        "device add SN-0001 --manufacturer MANUFACTURER --product PRODUCT",
    ),
    "": ("serve", "policy show"),
}
_OPTIONS: Final = {
    ("node", "name"): "--node",
    ("node", "names"): "--name",
    ("keys",): "--passphrase-env",
    ("database", "url"): "--database",
    ("database", "password_file"): "--database-password-file",
}
"""Which option makes a setting, where the setting's name does not say it."""

_PUBLICATION_HELP: Final = (
    "Where CRLs and CA certificates are published, such as http://pki.example.com. It is written into every "
    "certificate and can never be changed there: choose a name that you keep for as long as your devices live."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    home: Path | None
    organization: str | None
    preset: str | None
    factory: str | None
    print_factory: bool
    node: str | None
    publication_url: str | None
    name: tuple[str, ...]
    enrollment: str
    console: str
    publication: str
    passphrase_env: str | None
    database: str | None
    database_password_file: Path | None

    def wanted(self, home: Path) -> "NewInstallation":
        """Return what is to be created in ``home``."""
        from keyworks.service.setup import NewInstallation
        from keyworks.settings.node import Listen

        return NewInstallation(
            home=home,
            node=self.node or self.preset or "node-1",
            factory=self.source,
            names=self.name,
            listen=Listen(enrollment=self.enrollment, console=self.console, publication=self.publication),
            folder=folder_of(self.factory) if self.factory else Path(),
            passphrase_env=self.passphrase_env,
            database=database_of(self.database, self.database_password_file),
        )

    @property
    def source(self) -> "Source":
        """Return the policy that it starts with."""
        from keyworks.service.policy.preset import preset

        if self.factory is not None:
            if self.preset or self.organization or self.publication_url:
                raise click.UsageError("--factory says it all: leave --preset and what goes with it out.")
            return read_source(self.factory)
        if self.preset is None or self.organization is None or self.publication_url is None:
            raise click.UsageError("Say --factory FILE, or --preset with --organization and --publication-url.")
        return preset(self.preset, self.organization, self.publication_url)


def database_of(url: str | None, password_file: Path | None) -> "Database":
    """Return the settings of a database on a server, or of one in the installation's own file."""
    from keyworks.settings.node import Database

    return Database(url=url, password_file=str(password_file.absolute()) if password_file else None)


_NODE_OPTIONS: Final = (
    click.option(
        "--name",
        multiple=True,
        default=NAMES,
        show_default=True,
        metavar="HOST",
        help="Host name or address by which devices reach the server, for its certificate; may be repeated.",
    ),
    click.option(
        "--enrollment", type=Address(), default=LISTEN["enrollment"], show_default=True, help="Devices: TLS."
    ),
    click.option(
        "--console", type=Address(), default=LISTEN["console"], show_default=True, help="People: TLS."
    ),
    click.option(
        "--publication",
        type=Address(),
        default=LISTEN["publication"],
        show_default=True,
        help="Everybody: plain HTTP, because what is published is signed.",
    ),
)
PASSWORD_FILE: Final = click.option(
    "--database-password-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File with the password for that server; it stays where it is.",
)


def _node_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say what a node is, in their order."""
    for option in reversed(_NODE_OPTIONS):
        command = option(command)
    return command


@click.command(
    "init",
    cls=Command,
    home=False,
    examples=(
        """\
keyworks init plant --preset supplier --organization 'Example Pumps' \\
      --publication-url http://pki.pumps.example""",
        """\
keyworks init --preset operator --organization Water --publication-url http://pki.water.example \\
      --name pki.water.example --enrollment 0.0.0.0:8443 --publication 0.0.0.0:80""",
        "keyworks init plant --factory factory.toml --node line-server",
    ),
)
@click.argument("home", required=False, type=click.Path(path_type=Path))
@click.option("--organization", help="Whose installation it is; the O of its authorities.")
@click.option(
    "--preset",
    type=click.Choice(PRESETS),
    help="What it starts with: a supplier gives devices their IDevID, an operator their LDevID.",
)
@click.option("--publication-url", metavar="URL", help=_PUBLICATION_HELP)
@click.option(
    "--factory",
    metavar="FILE",
    help="Start with the policy in a factory.toml instead of a preset; - is standard input.",
)
@click.option("--print-factory", is_flag=True, help="Print the preset's factory.toml, and create nothing.")
@click.option("--node", help="This machine's name in logs and its certificate.  [default: the preset's name]")
@_node_options
@click.option(
    "--passphrase-env",
    metavar="VARIABLE",
    help="Environment variable with the passphrase of the keys.  [default: the file 'passphrase', made now]",
)
@click.option(
    "--database",
    metavar="URL",
    help="An empty PostgreSQL database, as postgresql://USER@HOST/NAME.  [default: a file in HOME]",
)
@PASSWORD_FILE
@click.pass_obj
def init(session: Session, /, **given: Any) -> None:
    """Create an installation in HOME, or in --home.

    Makes the keys, the authorities, the channels, the server's certificate and the ledger: all of it,
    or nothing. A preset is a factory.toml too: --print-factory shows it.
    """
    import asyncio

    from keyworks.service.setup import create_installation

    options = _Options(**given)
    if options.print_factory:
        click.echo(options.source.text, nl=False)
        return
    home = options.home or session.home
    wanted = options.wanted(home.absolute())
    _check(wanted.settings)
    asyncio.run(create_installation(wanted, session.clock))
    document = Session(home, session.json, session.clock).run(_created)
    report(session, document, *_told(home, options, document))


def _check(settings: "NodeSettings") -> None:
    """Refuse what no settings file may say, by the option that says it."""
    from keyworks.settings.node import WrongSetting, check_node_settings

    try:
        check_node_settings(settings)
    except WrongSetting as wrong:
        option = _OPTIONS.get(wrong.path) or f"--{wrong.path[-1]}"
        raise click.BadParameter(f"it {wrong}.", param_hint=f"'{option}'") from wrong


async def _created(installation: "Installation") -> dict[str, Any]:
    from keyworks.service.authorities import list_generations
    from keyworks.service.channels import list_channels
    from keyworks.service.ledger import ledger_identity
    from keyworks.service.policy.history import present_policy

    factory: FactorySection = (await present_policy(installation)).factory
    settings = installation.settings
    return {
        "home": str(installation.home),
        "node": settings.node.name,
        "organization": factory.organization,
        "publication_url": factory.publication_url,
        "authorities": [known.authority.name for known in await list_generations(installation)],
        "channels": [listed.channel.label for listed in await list_channels(installation)],
        "listen": {name: getattr(settings.listen, name) for name in LISTEN},
        "passphrase_file": settings.keys.passphrase_file,
        "passphrase_env": settings.keys.passphrase_env,
        "ledger_key": (await ledger_identity(installation)).key.text,
    }


def _told(home: Path, options: _Options, document: dict[str, Any]) -> list[str]:
    place = f"the environment variable {options.passphrase_env}"
    if document["passphrase_file"]:
        place = f"{home / document['passphrase_file']}; keep a copy where the keys are not"
    organization = shlex.quote(document["organization"])
    commands = (line.format(organization=organization) for line in _NEXT[options.preset or ""])
    return [
        f"Created the installation of {document['organization']} in {home}.",
        f"  authorities  {', '.join(document['authorities'])}",
        f"  channels     {', '.join(document['channels'])}",
        f"  published at {document['publication_url']}",
        f"  settings     {home / 'keyworks.toml'}",
        f"  passphrase   in {place}",
        f"  ledger key   {document['ledger_key']}",
        "               (keep it outside this machine: with it anyone can verify the ledger)",
        "Next:",
        *(f"  keyworks --home {shlex.quote(str(home))} {command}" for command in commands),
    ]


@click.command(
    "join",
    cls=Command,
    home=False,
    examples=(
        """\
keyworks join /var/lib/keyworks --node line-2 --name line-2.example --passphrase-file passphrase \\
      --database postgresql://keyworks@db.example/keyworks --enrollment 0.0.0.0:8443""",
    ),
)
@click.argument("home", required=False, type=click.Path(path_type=Path))
@click.option("--node", required=True, help="This machine's name in logs and its certificate; no other node's.")
@_node_options
@click.option("--database", metavar="URL", required=True, help="The installation's PostgreSQL database.")
@PASSWORD_FILE
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The installation's passphrase; it is copied into HOME.",
)
@click.option("--passphrase-env", metavar="VARIABLE", help="Environment variable with it, instead.")
@click.pass_obj
def join(session: Session, /, home: Path | None, **given: Any) -> None:
    """Let this machine be a further node of an installation, in HOME or in --home.

    All nodes work on one database, and none is above the others. What this one needs is the database's
    address and the installation's passphrase; it gets a server certificate of its own.
    """
    import asyncio

    from keyworks.service.home import PASSPHRASE_FILE
    from keyworks.service.joining import NewNode, join_installation
    from keyworks.settings.node import Keys, Listen, Node, NodeSettings

    file, variable = given["passphrase_file"], given["passphrase_env"]
    if (file is None) == (variable is None):
        raise click.UsageError("Say either --passphrase-file or --passphrase-env.")
    wanted = NewNode(
        home=(home or session.home).absolute(),
        settings=NodeSettings(
            node=Node(name=given["node"], names=given["name"]),
            listen=Listen(**{name: given[name] for name in LISTEN}),
            database=database_of(given["database"], given["database_password_file"]),
            keys=Keys(passphrase_env=variable, passphrase_file=None if variable else PASSPHRASE_FILE),
        ),
        passphrase_file=file,
    )
    _check(wanted.settings)
    asyncio.run(join_installation(wanted, session.clock))
    document = {"home": str(wanted.home), "node": wanted.settings.node.name, "database": given["database"]}
    report(
        session,
        document,
        f"This machine is node {document['node']} of the installation in {document['database']}.",
        "Next:",
        f"  keyworks --home {shlex.quote(document['home'])} serve",
    )


@click.command(
    "serve", cls=Command, json=False, examples=("keyworks serve", "keyworks --home /var/lib/keyworks serve")
)
@click.pass_obj
def serve(session: Session) -> None:
    """Serve the installation until SIGTERM or Ctrl-C.

    Addresses, number of workers and limits are in keyworks.toml. It logs to standard error.
    """
    from keyworks.server import supervisor

    supervisor.serve(session.home)


@click.command("upgrade", cls=Command, examples=("keyworks upgrade --home /var/lib/keyworks",))
@click.pass_obj
def upgrade(session: Session) -> None:
    """Bring the database to this release's version.

    Stop the server and take a backup first. Nothing happens if the database has that version already.
    """
    import asyncio

    from keyworks.service.upgrade import upgrade_installation

    done = asyncio.run(upgrade_installation(session.home, session.clock))
    document = {"before": done.before, "now": done.now, "changed": done.before != done.now}
    sentence = (
        f"Upgraded the database from version {done.before} to {done.now}."
        if document["changed"]
        else f"The database has version {done.now} already; nothing was changed."
    )
    report(session, document, sentence)
