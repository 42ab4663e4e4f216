"""This node's settings: ``keyworks.toml`` as frozen values.

Unknown names are refused with their line and the nearest valid name, because a setting that is silently ignored
is found during the next outage.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from keyworks.errors import OperatorError

MAX_FILE_OCTETS: Final = 1024 * 1024


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Node(_Section, frozen=True):
    """Which node this is.

    Args:
        name: In the logs.
        organization: Whose installation it is; the O of its authorities.
        names: Host names and addresses in its server certificate.
        workers: Processes; 0 for one per core.
    """

    name: str
    organization: str
    names: tuple[str, ...] = ("localhost", "127.0.0.1")
    workers: int = 0

    @property
    def worker_count(self) -> int:
        """Return the number of worker processes."""
        return self.workers or os.cpu_count() or 1


class Listen(_Section, frozen=True):
    """Where it listens, as host:port; port 0 takes any.

    Args:
        enrollment: TLS, client certificates asked for.
        console: TLS, without.
        publication: Plain HTTP: what is signed needs no TLS.
    """

    enrollment: str = "127.0.0.1:8443"
    console: str = "127.0.0.1:9443"
    publication: str = "127.0.0.1:8080"


class Database(_Section, frozen=True):
    """Where everything is stored.

    Args:
        file: SQLite; relative to the settings file.
    """

    file: str = "keyworks.db"


class Keys(_Section, frozen=True):
    """Where the passphrase of the key store comes from; exactly one of both.

    Args:
        passphrase_file: Relative to the settings file; readable by its owner only.
        passphrase_env: Name of an environment variable.
    """

    passphrase_file: str | None = None
    passphrase_env: str | None = None


class Log(_Section, frozen=True):
    """What is logged, to standard error.

    Args:
        level: debug, info, warning or error.
        format: json or text.
    """

    level: str = "info"
    format: str = "json"


class Limits(_Section, frozen=True):
    """What a stranger may take.

    Args:
        handshake_seconds: For a TLS handshake.
        header_seconds: For a request's head, from its first octet.
        body_seconds: For a request's body.
        idle_seconds: Between requests, and for a client that does not read.
        max_header_octets: Of a request's head.
        max_headers: Of a request.
        max_body_octets: Of a request's body.
        max_connections: Per worker.
    """

    handshake_seconds: float = 10.0
    header_seconds: float = 10.0
    body_seconds: float = 20.0
    idle_seconds: float = 60.0
    max_header_octets: int = 16 * 1024
    max_headers: int = 64
    max_body_octets: int = 64 * 1024
    max_connections: int = 4096


class NodeSettings(_Section, frozen=True):
    """Everything in ``keyworks.toml``."""

    node: Node
    listen: Listen = msgspec.field(default_factory=Listen)
    database: Database = msgspec.field(default_factory=Database)
    keys: Keys = msgspec.field(default_factory=Keys)
    log: Log = msgspec.field(default_factory=Log)
    limits: Limits = msgspec.field(default_factory=Limits)


_ADDRESS: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})")
_UNKNOWN: Final = re.compile(r"unknown field `(?P<name>[^`]+)`")
_WHERE: Final = re.compile(r" - at `\$\.?(?P<path>[^`]*)`")
_LEVELS: Final = ("debug", "info", "warning", "error")


def read_node_settings(file: Path) -> NodeSettings:
    """Return the settings in a file.

    Raises:
        OperatorError: It cannot be read, or says something that cannot be; with file, line and remedy.
    """
    try:
        text = file.read_bytes()[: MAX_FILE_OCTETS + 1].decode()
        document = tomllib.loads(text)
    except OSError as error:
        raise OperatorError(f"{file} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OperatorError(f"{file} is not TOML: {error}.") from error
    try:
        settings = msgspec.convert(document, NodeSettings, strict=True)
        for path, complaint in _complaints(settings):
            raise _Wrong(path, complaint)
    except msgspec.ValidationError as error:
        raise _located(file, text, str(error)) from error
    except _Wrong as wrong:
        raise OperatorError(f"{file}:{_line_of(text, wrong.path)}: {'.'.join(wrong.path)} {wrong}.") from wrong
    return settings


class _Wrong(ValueError):
    def __init__(self, path: tuple[str, ...], complaint: str) -> None:
        super().__init__(complaint)
        self.path = path


def _complaints(settings: NodeSettings) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what types alone do not tell."""
    for name in ("enrollment", "console", "publication"):
        address = _ADDRESS.fullmatch(getattr(settings.listen, name))
        if address is None or int(address["port"]) > 65535:
            yield ("listen", name), "has to be HOST:PORT, such as 127.0.0.1:8443"
    if not settings.node.names:
        yield ("node", "names"), "has to hold at least one host name or address"
    if not 0 <= settings.node.workers <= 256:
        yield ("node", "workers"), "has to be between 0 (one per core) and 256"
    if (settings.keys.passphrase_file is None) == (settings.keys.passphrase_env is None):
        yield ("keys",), "needs exactly one of passphrase_file and passphrase_env"
    if settings.log.level not in _LEVELS:
        yield ("log", "level"), f"has to be one of {', '.join(_LEVELS)}"
    if settings.log.format not in ("json", "text"):
        yield ("log", "format"), "has to be json or text"
    for name in Limits.__struct_fields__:
        if getattr(settings.limits, name) <= 0:
            yield ("limits", name), "has to be greater than 0"


def _located(file: Path, text: str, message: str) -> OperatorError:
    """Return msgspec's complaint with file, line, and the name that was probably meant."""
    where = _WHERE.search(message)
    path = tuple(part for part in (where["path"] if where else "").split(".") if part)
    unknown = _UNKNOWN.search(message)
    if unknown is None:
        complaint = _WHERE.sub("", message)
        return OperatorError(f"{file}:{_line_of(text, path)}: {'.'.join(path) or 'the file'}: {complaint}.")
    known = _names_at(path)
    near = difflib.get_close_matches(unknown["name"], known, 1, 0.5)
    meant = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}."
    line = _line_of(text, (*path, unknown["name"]))
    return OperatorError(f"{file}:{line}: there is no setting '{'.'.join((*path, unknown['name']))}'; {meant}")


def _names_at(path: tuple[str, ...]) -> tuple[str, ...]:
    sections: Mapping[str, Any] = {
        "node": Node,
        "listen": Listen,
        "database": Database,
        "keys": Keys,
        "log": Log,
        "limits": Limits,
    }
    return tuple(sections[path[0]].__struct_fields__) if path and path[0] in sections else tuple(sections)


def _line_of(text: str, path: tuple[str, ...]) -> int:
    """Return the line of a setting, or of its section, or 1."""
    section, found = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            section = stripped.strip("[] ")
            if path and section == path[0]:
                found = number
        name = stripped.partition("=")[0].strip()
        if path and name == path[-1] and (len(path) == 1 or section == path[0]):
            return number
    return found


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of a checked address."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def render_node_settings(settings: NodeSettings) -> str:
    """Return settings as a file that an operator can go on with."""
    keys = settings.keys
    source = (
        f"passphrase_file = {_quoted(keys.passphrase_file)}"
        if keys.passphrase_file
        else f"passphrase_env = {_quoted(keys.passphrase_env or '')}"
    )
    names = ", ".join(_quoted(name) for name in settings.node.names)
    return f"""# This node. The applied policy (authorities, channels, anchors) is in the database.

[node]
name = {_quoted(settings.node.name)}
organization = {_quoted(settings.node.organization)}
# Host names and addresses in the server's certificate.
names = [{names}]
# Processes; 0 for one per core.
workers = {settings.node.workers}

[listen]
# TLS, asks for client certificates: devices and stations enroll here.
enrollment = {_quoted(settings.listen.enrollment)}
# TLS, without: people and scripts.
console = {_quoted(settings.listen.console)}
# Plain HTTP: what is published is signed.
publication = {_quoted(settings.listen.publication)}

[database]
file = {_quoted(settings.database.file)}

[keys]
# The passphrase that opens the key store; never in this file.
{source}

[log]
level = {_quoted(settings.log.level)}
format = {_quoted(settings.log.format)}
"""


def _quoted(text: str | None) -> str:
    escaped = (text or "").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
