"""This node's settings: ``keyworks.toml`` as frozen values."""

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from keyworks.errors import RejectedName
from keyworks.settings.complaint import Complaint
from keyworks.settings.toml import Section, Source, quoted
from keyworks.x509.general_name import server_names


class Node(Section, frozen=True):
    """Which node this is.

    Args:
        name: In the logs, and in its server certificate.
        names: Host names and addresses in its server certificate.
        workers: Processes; 0 for one per core.
    """

    name: str
    names: tuple[str, ...] = ("localhost", "127.0.0.1")
    workers: int = 0

    @property
    def worker_count(self) -> int:
        """Return the number of worker processes."""
        return self.workers or os.cpu_count() or 1


class Listen(Section, frozen=True):
    """Where it listens, as host:port; port 0 takes any.

    Args:
        enrollment: TLS, client certificates asked for.
        console: TLS, without.
        publication: Plain HTTP: what is signed needs no TLS.
    """

    enrollment: str = "127.0.0.1:8443"
    console: str = "127.0.0.1:9443"
    publication: str = "127.0.0.1:8080"


class Database(Section, frozen=True):
    """Where everything is stored: in a file, or, where ``url`` is given, on a server.

    Args:
        file: SQLite; relative to the settings file.
        url: PostgreSQL, as ``postgresql://user@host/database``; never with a password.
        password_file: With the password for ``url``; relative to the settings file.
    """

    file: str = "keyworks.db"
    url: str | None = None
    password_file: str | None = None


class Keys(Section, frozen=True):
    """Where the passphrase of the key store comes from; exactly one of both.

    Args:
        passphrase_file: Relative to the settings file; readable by its owner only.
        passphrase_env: Name of an environment variable.
    """

    passphrase_file: str | None = None
    passphrase_env: str | None = None


class Log(Section, frozen=True):
    """What is logged, to standard error.

    Args:
        level: debug, info, warning or error.
        format: json or text.
    """

    level: str = "info"
    format: str = "json"


class Limits(Section, frozen=True):
    """What a stranger may take.

    Args:
        handshake_seconds: For a TLS handshake.
        header_seconds: For a request's head, from its first octet.
        body_seconds: For a request's body.
        idle_seconds: Between requests, and for a client that does not read.
        max_header_octets: Of a request's head.
        max_headers: Of a request.
        max_body_octets: Of a request's body.
        max_connections: Of each listener in each worker; fewer where fewer files may be open.
    """

    handshake_seconds: float = 10.0
    header_seconds: float = 10.0
    body_seconds: float = 20.0
    idle_seconds: float = 60.0
    max_header_octets: int = 16 * 1024
    max_headers: int = 64
    max_body_octets: int = 64 * 1024
    max_connections: int = 4096


class NodeSettings(Section, frozen=True):
    """Everything in ``keyworks.toml``."""

    node: Node
    listen: Listen = msgspec.field(default_factory=Listen)
    database: Database = msgspec.field(default_factory=Database)
    keys: Keys = msgspec.field(default_factory=Keys)
    log: Log = msgspec.field(default_factory=Log)
    limits: Limits = msgspec.field(default_factory=Limits)


_FORMER: Final = (("node", "organization"),)
"""What a former release wrote here; the policy says it now."""

_ADDRESS: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})")
_NODE_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
"""It stands in a certificate and in the ledger's name, which has neither blanks nor plus signs."""

_EXAMPLES: Final = {
    "file": "keyworks.db",
    "url": "postgresql://keyworks@db.example/keyworks",
    "password_file": "database-password",
}
_SCHEMES: Final = ("postgresql", "postgres")
_LEVELS: Final = ("debug", "info", "warning", "error")
_FORMATS: Final = ("json", "text")
_MAX_WORKERS: Final = 256
_FILE: Final = """\
# This node. The applied policy (authorities, channels, anchors) is in the database.

[node]
name = {name}
# Host names and addresses in the server's certificate.
names = [{names}]
# Processes; 0 for one per core.
workers = {workers}

[listen]
# TLS, asks for client certificates: devices and stations enroll here.
enrollment = {enrollment}
# TLS, without: people and scripts.
console = {console}
# Plain HTTP: what is published is signed.
publication = {publication}

[database]
{database}

[keys]
# The passphrase that opens the key store; never in this file.
{keys}

[log]
level = {level}
format = {format}

[limits]
# What a stranger may take: seconds, octets, headers of a request, connections of each listener and worker.
{limits}
"""


def read_node_settings(file: Path) -> NodeSettings:
    """Return the settings in a file.

    Raises:
        OperatorError: It cannot be read, or says something that cannot be; with file, line and remedy.
    """
    source = Source.of(file)
    settings = source.read(NodeSettings, _FORMER)
    try:
        check_node_settings(settings)
    except WrongSetting as wrong:
        raise source.refusal([Complaint(wrong.path, wrong.sentence)]) from wrong
    return settings


class WrongSetting(ValueError):
    """A setting that cannot be.

    Args:
        path: Section and name.
        complaint: What it has to be, to be read after its name.
    """

    def __init__(self, path: tuple[str, ...], complaint: str) -> None:
        super().__init__(complaint)
        self.path = path

    @property
    def sentence(self) -> str:
        """Return the complaint together with the setting's name."""
        return f"{'.'.join(self.path)} {self}."


def check_node_settings(settings: NodeSettings) -> None:
    """Refuse settings that cannot be, though each has the right type.

    Raises:
        WrongSetting: One of them.
    """
    for path, complaint in _complaints(settings):
        raise WrongSetting(path, complaint)


def _complaints(settings: NodeSettings) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what types alone do not tell."""
    yield from _about_node(settings.node)
    for name in Listen.__struct_fields__:
        address = _ADDRESS.fullmatch(getattr(settings.listen, name))
        if address is None or int(address["port"]) > 65535:
            yield ("listen", name), "has to be HOST:PORT, such as 127.0.0.1:8443"
    yield from _about_addresses(settings.listen)
    yield from _about_database(settings.database)
    sources = [one for one in (settings.keys.passphrase_file, settings.keys.passphrase_env) if one is not None]
    if len(sources) != 1 or not _is_text(sources[0]):
        yield ("keys",), "needs exactly one of passphrase_file and passphrase_env"
    if settings.log.level not in _LEVELS:
        yield ("log", "level"), f"has to be one of {', '.join(_LEVELS)}"
    if settings.log.format not in _FORMATS:
        yield ("log", "format"), f"has to be one of {', '.join(_FORMATS)}"
    for name in Limits.__struct_fields__:
        if not 0 < getattr(settings.limits, name) < math.inf:
            yield ("limits", name), "has to be greater than 0, and finite"


def _about_node(node: Node) -> Iterator[tuple[tuple[str, ...], str]]:
    if not _NODE_NAME.fullmatch(node.name):
        yield ("node", "name"), "has to be 1 to 64 letters, digits and inner . _ -"
    if not node.names:
        yield ("node", "names"), "has to hold at least one host name or address"
    try:
        server_names(node.names)
    except RejectedName as error:
        yield ("node", "names"), f"has to hold host names and addresses: {error.detail.rstrip('.')}"
    if not 0 <= node.workers <= _MAX_WORKERS:
        yield ("node", "workers"), f"has to be between 0 (one per core) and {_MAX_WORKERS}"


def _about_database(database: Database) -> Iterator[tuple[tuple[str, ...], str]]:
    if not _is_text(database.file):
        yield ("database", "file"), "has to be the path of a file"
    if database.password_file is not None and not (database.url and _is_text(database.password_file)):
        yield ("database", "password_file"), "has to be the path of a file, and goes with database.url"
    if database.url is None:
        return
    url = urlsplit(database.url) if _is_text(database.url) else None
    if url is None or url.scheme not in _SCHEMES or not url.path.strip("/"):
        yield ("database", "url"), "has to be an address such as postgresql://keyworks@db.example/keyworks"
    elif url.password is not None or not {"password", "sslpassword"}.isdisjoint(parse_qs(url.query)):
        yield ("database", "url"), "must not hold the password; put that into a file (database.password_file)"


def _about_addresses(listen: Listen) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield which listener has the address of another: each needs its own."""
    taken: dict[tuple[str, int], str] = {}
    for name in Listen.__struct_fields__:
        host, port = split_address(getattr(listen, name).lower())
        before = taken.setdefault((host, port), name)
        if before != name and port:
            yield ("listen", name), f"is the address of listen.{before}; each listener needs its own"


def _is_text(value: str) -> bool:
    return bool(value) and value.isprintable() and value == value.strip()


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of a checked address."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def render_node_settings(settings: NodeSettings) -> str:
    """Return settings as a file that an operator can go on with.

    Raises:
        OperatorError: A setting is not text that a file can hold.
    """
    node, listen, keys = settings.node, settings.listen, settings.keys
    source = "passphrase_file" if keys.passphrase_file else "passphrase_env"
    return _FILE.format(
        name=quoted(node.name),
        names=", ".join(quoted(name) for name in node.names),
        workers=node.workers,
        enrollment=quoted(listen.enrollment),
        console=quoted(listen.console),
        publication=quoted(listen.publication),
        database="\n".join(_database_lines(settings.database)),
        keys=f"{source} = {quoted(getattr(keys, source) or '')}",
        level=quoted(settings.log.level),
        format=quoted(settings.log.format),
        limits="\n".join(f"{name} = {getattr(settings.limits, name)!r}" for name in Limits.__struct_fields__),
    )


def with_database(text: str, database: Database) -> str:
    """Return the text of a settings file with another section about the database."""
    lines, inside = list[str](), False
    for line in text.splitlines():
        if line.strip().startswith("["):
            inside = line.strip().startswith("[database]")
        if not inside:
            lines.append(line)
    return "\n".join([*lines, "", "[database]", *_database_lines(database), ""])


def _database_lines(database: Database) -> Iterator[str]:
    """Yield what is set, and what could be set instead."""
    yield "# A file of this machine; or a PostgreSQL server, with the file of its password if it asks for one."
    given = {"file": database.file} if database.url is None else {"url": database.url}
    if database.password_file is not None:
        given["password_file"] = database.password_file
    for name, example in _EXAMPLES.items():
        yield f"{name} = {quoted(given[name])}" if name in given else f"# {name} = {quoted(example)}"
