"""Installations that really serve, and clients made of `curl` and `openssl`."""

import asyncio
import base64
import itertools
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from msgspec.structs import replace

from keyworks.access.principal import Kind
from keyworks.cms.signed_data import parse_certs_only
from keyworks.server.running import PROGRAM, RunningServer, running_server
from keyworks.service.accounts import renew_secret
from keyworks.service.anchors import add_anchor
from keyworks.service.authorities import find_generation
from keyworks.service.installation import Installation, open_installation
from keyworks.service.inventory import add_devices, find_device, name_device
from keyworks.service.setup import create_installation
from keyworks.service.stations import add_station
from keyworks.settings.node import Limits, read_node_settings, render_node_settings
from keyworks.testing import ledger_entries, small_installation
from keyworks.x509.certificate import pem_of

MANUFACTURER: Final = "Example Supplier"
PRODUCT: Final = "Pump"
PKCS10: Final = ("-H", "Content-Type: application/pkcs10")
Outcome = TypeVar("Outcome")
_NUMBERS: Final = itertools.count(1)


def openssl(*words: str | Path, data: bytes = b"") -> bytes:
    """Run ``openssl``; return what it wrote."""
    run = subprocess.run(
        ["openssl", *map(str, words)], input=data, capture_output=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


@dataclass(frozen=True)
class Answer:
    """An HTTP response.

    Args:
        status: As sent.
        headers: Names in lower case.
        body: As sent.
        version: Of HTTP.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    version: str

    @property
    def sentence(self) -> str:
        return self.body.decode()

    @property
    def certificates(self) -> tuple[bytes, ...]:
        assert self.status == 200, self.sentence
        return parse_certs_only(base64.b64decode(self.body))


@dataclass(frozen=True)
class Client:
    """Files to authenticate with: a certificate, its issuers behind it, and the key."""

    chain: Path
    key: Path

    @property
    def options(self) -> tuple[str, ...]:
        return ("--cert", str(self.chain), "--key", str(self.key))

    @property
    def der(self) -> bytes:
        return openssl("x509", "-in", self.chain, "-outform", "DER")


@dataclass(frozen=True)
class Wish:
    """A request for a certificate: the key, and the PKCS#10 over it, DER."""

    key: Path
    der: bytes

    @property
    def body(self) -> bytes:
        return base64.b64encode(self.der)


@dataclass(frozen=True)
class Site:
    """An installation whose server runs.

    Args:
        home: Its folder.
        folder: For the clients' files.
        trust: The root above the server's certificate.
        server: Running.
        within: A command that runs clients elsewhere, such as in a network of its own.
    """

    home: Path
    folder: Path
    trust: Path
    server: RunningServer
    within: tuple[str, ...] = ()

    def act(self, work: Callable[[Installation], Awaitable[Outcome]]) -> Outcome:
        """Do an operator's work beside the running server."""

        async def open_and_work() -> Outcome:
            async with open_installation(self.home) as installation:
                return await work(installation)

        return asyncio.run(open_and_work())

    def entries(self, action: str) -> list[Mapping[str, object]]:
        return self.act(lambda installation: ledger_entries(installation.store, action))  # type: ignore[arg-type,return-value]

    @property
    def workers(self) -> tuple[int, ...]:
        """Return the workers' process ids."""
        process = self.server.process.pid
        return tuple(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))

    def file(self, data: bytes | str = b"", ending: str = "") -> Path:
        file = self.folder / f"{next(_NUMBERS)}{ending}"
        file.write_bytes(data.encode() if isinstance(data, str) else data)
        return file

    def curl(self, path: str, *options: str, data: bytes | None = None, url: str | None = None) -> Answer:
        """Ask with ``curl``; ``data`` makes it a POST."""
        head, body = self.file(), self.file()
        words = [
            *self.within,
            "curl",
            "-sS",
            "--max-time",
            "30",
            "--cacert",
            str(self.trust),
            "-D",
            str(head),
            "-o",
            str(body),
        ]
        if data is not None:
            words += ["--data-binary", f"@{self.file(data)}"]
        words += [*options, f"{url or self.server.enrollment}{path}"]
        run = subprocess.run(words, capture_output=True, check=False, timeout=60)
        assert run.returncode == 0, run.stderr.decode()
        return _answer(head.read_bytes().decode("latin-1"), body.read_bytes())

    def enroll(self, label: str, wish: Wish, *options: str, operation: str = "simpleenroll") -> Answer:
        return self.curl(f"/.well-known/est/{label}/{operation}", *PKCS10, *options, data=wish.body)

    def wish(self, subject: str, *options: str, key: Path | None = None) -> Wish:
        """Let ``openssl`` make a request, and a P-256 key where none is given."""
        if key is None:
            key = self.file(ending=".key")
            openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        return Wish(key, openssl("req", "-new", "-key", key, "-subj", subject, "-outform", "DER", *options))

    def client(self, label: str, wish: Wish, answer: Answer) -> Client:
        """Return files to authenticate with, from the answer to a wish, and the channel's CA certificates."""
        [own] = answer.certificates
        above = [one for one in self.curl(f"/.well-known/est/{label}/cacerts").certificates if not is_root(one)]
        return Client(self.file("".join(map(pem_of, (own, *above))), ".pem"), wish.key)

    def station(self, name: str, *labels: str) -> Client:
        """Register a station, and let it get its certificate with its one-time secret."""
        new = self.act(lambda installation: add_station(installation, name, labels))
        wish = self.wish(f"/CN={name}")
        answer = self.enroll(new.enrolls_at, wish, "--user", f"{name}:{new.secret}")
        return self.client(new.enrolls_at, wish, answer)

    def service(self, name: str, label: str) -> Client:
        """Let a registered service get its certificate, with a one-time secret."""
        new = self.act(lambda installation: renew_secret(installation, Kind.SERVICE, name, label))
        wish = self.wish(f"/CN={name}")
        return self.client(label, wish, self.enroll(label, wish, "--user", f"{name}:{new.secret}"))

    def name_device(self, serial_number: str, names: Mapping[str, str]) -> None:
        """Give a registered device further names, by their kinds."""

        async def give(installation: Installation) -> None:
            device = await find_device(installation, serial_number)
            if names:
                await name_device(installation, device, list(names.items()))

        self.act(give)

    def register(self, *serial_numbers: str, manufacturer: str = MANUFACTURER) -> None:
        self.act(lambda installation: add_devices(installation, manufacturer, PRODUCT, serial_numbers))

    def device(self, station: Client, serial_number: str) -> Client:
        """Register a device, and let a station enroll it."""
        self.register(serial_number)
        wish = self.wish(f"/serialNumber={serial_number}")
        return self.client("idevid", wish, self.enroll("idevid", wish, *station.options))


def is_root(der: bytes) -> bool:
    named = openssl("x509", "-inform", "DER", "-noout", "-subject", "-issuer", data=der).decode().splitlines()
    return len({line.partition("=")[2].strip() for line in named}) == 1


def _answer(heads: str, body: bytes) -> Answer:
    final = heads.strip().split("\r\n\r\n")[-1].split("\r\n")  # after any 100 Continue
    version, status, *_ = final[0].split(" ")
    fields = (line.split(": ", 1) for line in final[1:])
    return Answer(int(status), {name.lower(): value for name, value in fields}, body, version)


def create(folder: Path, preset: str, limits: Limits | None = None, *, workers: int = 2) -> Path:
    """Create an installation, with limits of its own where given."""
    home = folder / preset
    asyncio.run(create_installation(small_installation(home, preset)))
    file = home / "keyworks.toml"
    settings = read_node_settings(file)
    node = replace(settings.node, workers=workers)
    file.write_text(render_node_settings(replace(settings, node=node, limits=limits or settings.limits)))
    return home


@contextmanager
def serving(
    home: Path, *, program: Sequence[str] = PROGRAM, within: tuple[str, ...] = (), seen: Path | None = None
) -> Iterator[Site]:
    """Serve the installation in ``home`` until the block ends.

    Args:
        home: Its folder.
        program: What serves it.
        within: A command that runs clients elsewhere.
        seen: The same installation as operators see it from here; ``home``, if nothing is said.
    """
    folder = home.parent / f"{home.name}-clients"
    folder.mkdir(exist_ok=True)
    trust = folder / "server.pem"
    trust.write_text(pem_of(authority_certificate(seen or home, "root")))
    with running_server(home, program=program) as server:
        yield Site(seen or home, folder, trust, server, within)


def authority_certificate(home: Path, name: str) -> bytes:
    async def read() -> bytes:
        async with open_installation(home) as installation:
            return (await find_generation(installation, name)).certificate.der

    return asyncio.run(read())


def trust_devices_of(operator: Site, supplier: Site) -> None:
    """Make the supplier's idevid-root vouch for devices at the operator's; no more is known of it there."""
    root = pem_of(authority_certificate(supplier.home, "idevid-root")).encode()
    operator.act(lambda installation: add_anchor(installation, "supplier", root, Kind.DEVICE, MANUFACTURER))
