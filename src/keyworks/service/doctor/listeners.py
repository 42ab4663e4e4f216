"""The listeners: whether they can listen, or do; whether it is this server that does, and what it presents."""

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Final

from keyworks.service.doctor.finding import Finding, Level, error, info, ok, warning
from keyworks.service.doctor.publication import SECONDS, Published
from keyworks.settings.node import Listen, NodeSettings, split_address
from keyworks.x509.certificate import Certificate, pem_of

_NEAR: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where a listener on every address is asked
_MOST: Final = 64 * 1024
_SERVES: Final = 200
_NOT_NOW: Final = 503


def examine_listeners(
    settings: NodeSettings, root: Certificate | None, published: Sequence[Published]
) -> Iterator[Finding]:
    """Look at each address: free, ours and answering, or somebody else's.

    Args:
        settings: Where the listeners are.
        root: Above the server's certificate; ``None`` where that is not known.
        published: What the publication listener of this installation has.
    """
    found = [
        finding
        for name in Listen.__struct_fields__
        for finding in _listener(name, getattr(settings.listen, name), settings, root, published)
    ]
    serves = any(one.level is Level.OK for one in found)
    for one in found:
        if serves and one.level is Level.INFO and one.sentence.startswith("Nothing listens"):
            yield error(one.check, one.sentence, "The server's other listeners answer: start it anew.")
        else:
            yield one


def _listener(
    name: str,
    address: str,
    settings: NodeSettings,
    root: Certificate | None,
    published: Sequence[Published],
) -> Iterator[Finding]:
    check, (host, port) = f"listen.{name}", split_address(address)
    if not port:
        yield info(check, "Any free port is taken at start.", "Clients need a fixed one.")
        return
    near = _NEAR.get(host, host)
    try:
        connection = socket.create_connection((near, port), SECONDS)
    except (OSError, UnicodeError):
        yield _free(check, host, port)
        return
    with closing(connection):
        if name == "publication":
            yield _plain(check, connection, published)
            return
    if root is None:
        yield info(check, f"Something listens on {address}; whose it is cannot be told.")
        return
    yield _tls(check, (near, port), settings, root)


def _free(check: str, host: str, port: int) -> Finding:
    """Look whether an address could be listened on; it is not, so that a server that starts now gets it."""
    try:
        family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(place)
    except PermissionError:
        return error(
            check,
            f"{host}:{port} cannot be listened on by this account.",
            "Ports below 1024 need AmbientCapabilities=CAP_NET_BIND_SERVICE in the service's unit.",
        )
    except (OSError, UnicodeError) as refused:
        reason = getattr(refused, "strerror", None) or "that is no host name"
        return error(check, f"{host}:{port} cannot be listened on: {reason}.", "Correct it in keyworks.toml.")
    return info(
        check, f"Nothing listens on {host}:{port}; the server does not run.", "Start it: keyworks serve"
    )


def _plain(check: str, connection: socket.socket, published: Sequence[Published]) -> Finding:
    """Ask for what only this installation's publication listener has, then whether it is ready."""
    where = _name_of(connection)
    host, port, *_ = connection.getpeername()
    foreign = error(
        check, f"What listens on {where} is not this installation's server.", "Stop it, or use another port."
    )
    if published:
        if _ask(connection, f"/aia/{published[0].file_name}.cer") != (_SERVES, published[0].der):
            return foreign
        with socket.create_connection((host, port), SECONDS) as another:
            return _ready(check, where, _ask(another, "/readyz"), "answers")
    status, octets = _ask(connection, "/readyz")
    return _ready(check, where, (status, octets), "answers") if status in (_SERVES, _NOT_NOW) else foreign


def _tls(check: str, place: tuple[str, int], settings: NodeSettings, root: Certificate) -> Finding:
    context = ssl.create_default_context(cadata=pem_of(root.der))
    answer: tuple[int, bytes] = (0, b"")
    where = f"{place[0]}:{place[1]}"
    for name in settings.node.names:
        try:
            with (
                socket.create_connection(place, SECONDS) as connection,
                context.wrap_socket(connection, server_hostname=name) as secured,
            ):
                answer = _ask(secured, "/readyz")
        except (OSError, ValueError) as refused:
            reason = getattr(refused, "verify_message", "") or str(refused)
            return error(
                check,
                f"As '{name}', what listens on {where} does not verify below this installation's root: "
                f"{reason.rstrip('.')}.",
                "Restart the server if its names were changed; if it is another program, stop that.",
            )
    names = ", ".join(settings.node.names)
    return _ready(check, where, answer, f"presents a valid chain as {names}")


def _ready(check: str, where: str, answer: tuple[int, bytes], does: str) -> Finding:
    status, octets = answer
    if status == _SERVES:
        return ok(check, f"The server on {where} {does}.")
    said = octets.decode("utf-8", "replace").strip() or f"status {status}"
    return warning(check, f"The server on {where} {does}, but cannot serve now: {said}", "Its log says why.")


def _name_of(connection: socket.socket) -> str:
    host, port, *_ = connection.getpeername()
    return f"{host}:{port}"


def _ask(connection: socket.socket, path: str) -> tuple[int, bytes]:
    """Return status and body of a GET, nothing of what is no HTTP."""
    try:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        octets = b""
        while len(octets) < _MOST and (more := connection.recv(_MOST)):
            octets += more
    except OSError:
        return 0, b""
    head, _, body = octets.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    known = len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit()
    return (int(words[1]), body) if known else (0, b"")
