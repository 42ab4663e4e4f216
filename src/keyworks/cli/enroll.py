"""``keyworks enroll``: a device or station gets its certificate and keeps it valid, or passes on a request."""

import asyncio
from pathlib import Path
from typing import Any, Final

import click

from keyworks.algorithms.registry import KEY_TYPES
from keyworks.cli.command import Command, Session
from keyworks.cli.enroll_errand import STANDARD_OUTPUT, run_errand
from keyworks.cli.enroll_watch import run_watch
from keyworks.cli.enroll_wish import SECRET_VARIABLE, Options, wish_of
from keyworks.cli.enroll_words import document_of, sentences_of
from keyworks.cli.files import warn_if_exposed
from keyworks.cli.table import report
from keyworks.enroll.attributes import KEY_TYPE
from keyworks.enroll.hook import VARIABLES, Hook, announce, parse_hook
from keyworks.enroll.identity import Identity, IdentityFolder
from keyworks.enroll.upkeep import keep_identity
from keyworks.errors import OperatorError
from keyworks.store.clock import SystemClock

_FILE: Final = click.Path(path_type=Path)
_EXAMPLES: Final = (
    "# A station, with the secret that `keyworks station add` printed:",
    "keyworks enroll https://pki.example.com:8443 --label stations --trust sha256:HEX \\",
    "    --subject CN=line-1 --secret-file secret --out station",
    "# The station gets a device its IDevID:",
    "keyworks enroll https://pki.example.com:8443 --label idevid --trust sha256:HEX \\",
    "    --subject serialNumber=SN-1 --credential station --out SN-1",
    "# The same for a device that has made its key itself and gives away a request only:",
    "keyworks enroll https://pki.example.com:8443 --label idevid --trust sha256:HEX \\",
    "    --csr SN-2.csr --credential station --out SN-2.pem",
    "# With its IDevID the device gets its LDevID elsewhere; the same line later renews it:",
    "keyworks enroll https://plant.example.com:8443 --label ldevid --trust plant-root.pem \\",
    "    --credential SN-1 --out ldevid",
    "# Or let it run, renew on Saturday nights, and have a web server read the new files:",
    "keyworks enroll https://plant.example.com:8443 --trust plant-root.pem --out ldevid --watch \\",
    "    --window 'Sat 02:00-05:00' --after 'systemctl reload nginx'",
    "# A sensor that cannot make good keys; its IDevID proves who asks, this time and at each renewal:",
    "keyworks enroll https://plant.example.com:8443 --label sensors --trust plant-root.pem \\",
    "    --credential SN-1 --server-key --out sensor",
)
_EPILOG: Final = f"""\b
Key types:
  {", ".join(one for one in KEY_TYPES if not one.startswith("rsa"))},
  {", ".join(one for one in KEY_TYPES if one.startswith("rsa"))}
\b
Environment of the --after command:
  KEYWORKS_FOLDER, KEYWORKS_LABEL,
  {", ".join(VARIABLES)}
\b
Exit status:
  0  done, or nothing to do
  1  refused: the same command will be refused again
  2  the command line is wrong
  3  not now: repeat it, but not before the seconds that it says"""


@click.command("enroll", cls=Command, home=False, examples=_EXAMPLES, epilog=_EPILOG)
@click.argument("url")
@click.option(
    "--label",
    metavar="LABEL",
    help="The server's channel: stations, idevid, ldevid, ... Of a folder that is watched, it is known.",
)
@click.option(
    "--trust",
    required=True,
    metavar="PIN|FILE",
    help="What vouches for the server: a PEM file of its CA, or sha256:HEX, the fingerprint of any certificate "
    "in its chain (`station add` prints one).",
)
@click.option(
    "--out",
    type=_FILE,
    multiple=True,
    metavar="DIR|FILE",
    help="The identity's folder; with --csr, the certificate's file, where - is standard output; with "
    "--watch, repeat it for several folders.  [default: ./LABEL; with --csr, -]",
)
@click.option(
    "--subject",
    default="",
    metavar="NAME",
    help="What to ask for in the first certificate: CN=line-1, serialNumber=SN-1; renewals keep the name.",
)
@click.option(
    "--key-type",
    type=click.Choice(KEY_TYPES),
    metavar="TYPE",
    help=f"Of new keys.  [default: as the channel wants it, or {KEY_TYPE}]",
)
@click.option(
    "--key",
    type=_FILE,
    metavar="FILE",
    help="A PEM key to copy for the first certificate, instead of a new one.",
)
@click.option(
    "--server-key",
    is_flag=True,
    help="Have the server make the key, and each one after it: for machines that cannot make good ones, on "
    "channels whose server_keys says which.",
)
@click.option(
    "--csr",
    multiple=True,
    metavar="FILE|-",
    help="Pass on this PKCS#10 request, PEM or DER, made where the key is; - is standard input.",
)
@click.option(
    "--credential",
    type=_FILE,
    metavar="FILE|DIR",
    help="Who asks, by certificate: a PEM file with its chain, or a folder that this command has filled.",
)
@click.option(
    "--credential-key", type=_FILE, metavar="FILE", help="The PEM key of --credential, if in another file."
)
@click.option(
    "--secret-file",
    metavar="FILE|-",
    help=f"Who asks, by one-time secret: the file that holds it; - is standard input. Also ${SECRET_VARIABLE}.",
)
@click.option("--user", metavar="NAME", help="Whose secret it is.  [default: the CN or serialNumber asked for]")
@click.option(
    "--wait",
    default=0,
    type=click.IntRange(0, 86400),
    metavar="SECONDS",
    help="How long to wait, in all, where the server says 'later', such as for an approval.  [default: 0]",
)
@click.option(
    "--bind",
    is_flag=True,
    help="Bind requests to their TLS connections (RFC 7030, over TLS 1.2), though the channel's csrattrs does "
    "not ask for it.",
)
@click.option("--force", is_flag=True, help="Renew the certificate now, though it is not due.")
@click.option(
    "--after",
    metavar="COMMAND",
    help="Run this when the certificate is new, until it has succeeded once, such as 'systemctl reload nginx'. "
    "No shell reads it, and it has five minutes.",
)
@click.option("--watch", is_flag=True, help="Go on, and renew when it is time, until SIGTERM or Ctrl-C.")
@click.option(
    "--window",
    multiple=True,
    metavar="WHEN",
    help="With --watch: renew only then, in local time: 'Sat 02:00-05:00', 'Mon-Fri 22:00-04:00', "
    "'daily 12:00-12:30'; may be repeated. A certificate that would end before is renewed all the same.",
)
@click.pass_obj
def enroll(session: Session, /, **given: Any) -> None:
    """Get a certificate from the EST server at URL (https://HOST:PORT), and keep it valid.

    The first time, the command makes a key and shows who asks: by a one-time secret, or by a certificate that
    is there already. The folder --out then holds key.pem, certificate.pem, chain.pem and cacerts.pem: always a
    pair that fits, even if the power fails. Repeat the command as often as you like, from a timer too: it goes
    on where it was interrupted, does nothing until two thirds of the certificate's life, and then renews it
    with a new key, the present certificate being the proof. IDevIDs are never renewed. Where a
    certificate takes the place of others, which the server has revoked for it, the command says which. A folder
    holds one identity: where another name or key is asked for than it holds, the command refuses.

    With --watch it does not end: it renews at that time, spread by chance, survives servers that are away, and
    says what it does on standard error, a line each.

    With --csr it passes on a request whose key stays elsewhere, and keeps nothing: the certificate goes to
    --out, in PEM, followed by its issuers without the root. The same request gets the same certificate.
    """
    options = Options(**given)
    clock = session.clock or SystemClock()
    if options.out == (STANDARD_OUTPUT,) and not options.csr:
        raise click.UsageError("An identity needs a folder: --out DIR. Standard output goes with --csr.")
    if options.window and not options.watch:
        raise click.UsageError("--window goes with --watch; without it, whoever starts the command says when.")
    if options.watch:
        run_watch(session, options, clock)
        return
    if options.csr:
        run_errand(session, options, clock)
        return
    hook = parse_hook(options.after) if options.after is not None else None
    folder = IdentityFolder(options.folder)
    outcome = asyncio.run(keep_identity(folder, wish_of(options), clock))
    warn_if_exposed(options.folder / "key.pem")
    report(session, document_of(options.folder, outcome), *sentences_of(options.folder, outcome))
    if hook is not None and not folder.is_announced(outcome.identity):
        _announce(hook, folder, outcome.identity)


def _announce(hook: Hook, folder: IdentityFolder, identity: Identity) -> None:
    try:
        asyncio.run(announce(hook, folder, identity))
    except OperatorError as error:
        raise OperatorError(
            f"{error.detail} The certificate is in place; the same again runs the command again."
        ) from error
