"""The network: whether the listeners can listen or do, what they present, and what is published."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from keyworks.service.doctor.finding import Finding, error, info, ok, warning
from keyworks.settings.node import Listen, NodeSettings, split_address
from keyworks.x509.certificate import Certificate, pem_of

_SECONDS: Final = 3.0
_ANY: Final = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


def examine_listeners(settings: NodeSettings, root: Certificate | None) -> Iterator[Finding]:
    """Look at each address: free, ours and answering, or somebody else's.

    Args:
        settings: Where the listeners are.
        root: Above the server's certificate.
    """
    for name in Listen.__struct_fields__:
        address = getattr(settings.listen, name)
        host, port = split_address(address)
        if not port:
            yield info(f"listen.{name}", "Any free port is taken at start.", "Clients need a fixed one.")
            continue
        yield from _listener(name, _near(host), port, settings, root)


def _near(host: str) -> str:
    """Return where a listener on every address is asked."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}[host] if host in _ANY else host  # noqa: S104 - as above


def _listener(
    name: str, host: str, port: int, settings: NodeSettings, root: Certificate | None
) -> Iterator[Finding]:
    check, address = f"listen.{name}", f"{host}:{port}"
    try:
        socket.create_connection((host, port), _SECONDS).close()
    except OSError:
        yield from _free(check, host, port)
        return
    if name == "publication":
        status = _ask_plainly(host, port, "/healthz")
        if status == 200:
            yield ok(check, f"A server answers on {address}.")
        else:
            yield error(check, f"What listens on {address} is not Keyworks.", "Stop it, or use another port.")
        return
    yield from _tls(check, host, port, settings, root)


def _free(check: str, host: str, port: int) -> Iterator[Finding]:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        socket.create_server((host, port), family=family).close()
    except OSError as refused:
        reason = refused.strerror or "it is not known"
        yield error(check, f"{host}:{port} cannot be listened on: {reason}.", "Correct it in keyworks.toml.")
        return
    yield info(check, f"Nothing listens on {host}:{port}; the server does not run.", "Start it: keyworks serve")


def _ask_plainly(host: str, port: int, path: str) -> int:
    """Return the status of a GET; 0 where nothing answers HTTP."""
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def _tls(
    check: str, host: str, port: int, settings: NodeSettings, root: Certificate | None
) -> Iterator[Finding]:
    if root is None:
        yield error(
            check, "No channel issues a certificate for this server.", "Add one with profile tls-server."
        )
        return
    context = ssl.create_default_context(cadata=pem_of(root.der))
    for name in settings.node.names:
        try:
            with (
                socket.create_connection((host, port), _SECONDS) as connection,
                context.wrap_socket(connection, server_hostname=name),
            ):
                continue
        except (OSError, ValueError) as refused:
            reason = getattr(refused, "verify_message", "") or str(refused)
            yield error(
                check,
                f"As '{name}', what listens on {host}:{port} does not verify below this installation's root: "
                f"{reason}.",
                "Restart the server if its names were changed; if it is another program, stop that.",
            )
            return
    names = ", ".join(settings.node.names)
    yield ok(check, f"A server on {host}:{port} presents a valid chain as {names}.")


def examine_publication(url: str, file_name: str) -> Iterator[Finding]:
    """Look whether an authority's certificate can be fetched where certificates say it is."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    status = _ask_plainly(host, port, f"{parts.path}/aia/{file_name}.cer")
    check = f"publication {parts.netloc}"
    if status == 200:
        yield ok(check, f"{url}/aia/{file_name}.cer answers.")
        return
    what = f"answers {status}" if status else "does not answer from here"
    yield warning(
        check,
        f"{url}/aia/{file_name}.cer {what}; it stands in every certificate of {file_name}.",
        "Let the name lead to the publication listener, at the latest before devices leave the house.",
    )
