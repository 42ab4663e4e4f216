"""``keyworks device key-encryption-key``, and the same of stations, services and people."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from keyworks.cli.command import Group, Session
from keyworks.cli.device_words import which
from keyworks.cli.files import STANDARD_INPUT, new_private_file, read_file, warn_if_exposed
from keyworks.cli.table import print_list, report

if TYPE_CHECKING:
    from keyworks.access.key_encryption_key import KeyEncryptionKey
    from keyworks.service.installation import Installation

_BITS: Final = ("128", "192", "256")
_COLUMNS: Final = {"IDENTIFIER": "identifier", "BITS": "bits", "ADDED": "added_at"}
_ADD: Final = """Let a key that is made by the server be encrypted for a {kind} with a secret key.

Without --key-file the secret key is made here: it is printed once, or written to a file that only you can read
(--output), in hexadecimal, to be brought to the {kind}. With --key-file one that the {kind} has is taken over:
16, 24 or 32 octets as they are, or in hexadecimal. EST's serverkeygen uses it for requests that have its
identifier as their DecryptKeyIdentifier, and come from this {kind} itself."""


def key_encryption_key_commands(kind: str, example: str) -> Group:
    """Return the commands about the secret keys that a kind of requester shares with this installation.

    Args:
        kind: device, station, service or person.
        example: A name, or serial number, for the examples.
    """
    typed = f"keyworks {kind} key-encryption-key"
    group = Group(
        "key-encryption-key",
        help=f"Secret keys that a {kind} shares with this installation, to encrypt what is made for it.",
        examples=(f"{typed} list {example}",),
    )

    @group.command(
        "add",
        help=_ADD.format(kind=kind),
        examples=(
            f"{typed} add {example} --output key.hex",
            f"{typed} add {example} --identifier 0a1b2c3d --key-file key.bin",
        ),
    )
    @_named(kind)
    @click.option("--identifier", metavar="HEX", help="What both sides call it; otherwise one is made.")
    @click.option("--key-file", metavar="FILE|-", help="Take this key over; - is standard input.")
    @click.option("--bits", type=click.Choice(_BITS), help="Of a key that is made.  [default: 256]")
    @click.option(
        "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write a key that is made there."
    )
    @click.pass_obj
    def add(session: Session, /, **given: Any) -> None:
        _add(session, kind, given)

    @group.command(
        "list",
        help=f"List what a {kind} shares: the keys' identifiers, not the keys.",
        examples=(f"{typed} list {example}", f"{typed} list {example} --json"),
    )
    @_named(kind)
    @click.pass_obj
    def list_(session: Session, /, **given: Any) -> None:
        _list(session, kind, given)

    @group.command(
        "remove",
        help="Forget a key: nothing is encrypted with it from the next request on.",
        examples=(f"{typed} remove {example} 0a1b2c3d",),
    )
    @_named(kind)
    @click.argument("identifier")
    @click.pass_obj
    def remove(session: Session, /, **given: Any) -> None:
        _remove(session, kind, given)

    return group


def _named(kind: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command what tells whose key it is."""
    if kind == "device":
        return lambda command: which(click.argument("whose", metavar="SERIAL")(command))
    return click.argument("whose", metavar="NAME")


async def _owner(installation: "Installation", kind: str, given: dict[str, Any]) -> str:
    from keyworks.access.principal import Kind
    from keyworks.service.accounts import find_account
    from keyworks.service.inventory import find_device

    if kind == "device":
        device = await find_device(installation, given["whose"], given["product"], given["manufacturer"])
        return f"device:{device.id}"
    return f"{kind}:{(await find_account(installation, Kind(kind), given['whose'])).name}"


def _add(session: Session, kind: str, given: dict[str, Any]) -> None:
    from keyworks.access.key_encryption_key import MAX_KEY_FILE_OCTETS, parse_identifier, parse_key
    from keyworks.service.key_encryption_keys import NewKey, add_key, make_key

    key_file, output = given["key_file"], given["output"]
    if key_file is not None and (output is not None or given["bits"] is not None):
        raise click.UsageError("A key is either taken over (--key-file) or made (--bits, --output).")
    octets = parse_key(read_file(key_file, MAX_KEY_FILE_OCTETS)) if key_file is not None else None
    if key_file not in (None, STANDARD_INPUT):
        warn_if_exposed(Path(key_file))
    identifier = parse_identifier(given["identifier"]) if given["identifier"] is not None else None
    new = NewKey(identifier, octets, int(given["bits"] or 256))

    async def work(installation: "Installation") -> "KeyEncryptionKey":
        key = make_key(await _owner(installation, kind, given), new)
        with new_private_file(output, f"{key.octets.hex()}\n"):
            await add_key(installation, key)
        return key

    _report(session, f"{kind} {given['whose']}", session.run(work), shown=octets is None and not output)
    if output is not None and not session.json:
        click.echo(f"The key is in {output}, which only you can read; bring it to the {kind}.")


def _report(session: Session, whom: str, key: "KeyEncryptionKey", *, shown: bool) -> None:
    document = {"identifier": key.identifier.hex(), "owner": key.owner, "bits": key.bits}
    sentence = f"Added key-encryption key {key.identifier.hex()} of {key.bits} bits for {whom}."
    if not shown:
        report(session, document, sentence)
        return
    secret = key.octets.hex()
    report(session, {**document, "key": secret}, sentence, "The key, shown only now:", f"  {secret}")


def _list(session: Session, kind: str, given: dict[str, Any]) -> None:
    from keyworks.service.key_encryption_keys import keys_of
    from keyworks.x509.certificate import time_text

    async def work(installation: "Installation") -> list[dict[str, Any]]:
        return [
            {"identifier": one.identifier.hex(), "bits": one.bits, "added_at": time_text(one.added_at)}
            for one in await keys_of(installation, await _owner(installation, kind, given))
        ]

    print_list(session, _COLUMNS, session.run(work))


def _remove(session: Session, kind: str, given: dict[str, Any]) -> None:
    from keyworks.access.key_encryption_key import parse_identifier
    from keyworks.service.key_encryption_keys import remove_key

    identifier = parse_identifier(given["identifier"])

    async def work(installation: "Installation") -> None:
        await remove_key(installation, await _owner(installation, kind, given), identifier)

    session.run(work)
    said = f"Removed key-encryption key {identifier.hex()} of {kind} {given['whose']}."
    report(session, {"identifier": identifier.hex(), "removed": True}, said)
