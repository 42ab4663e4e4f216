"""Every parser of octets from outside, as one function each: it reads them, or says why not.

Anything else that it raises is a find. What is read is looked at as the product would, so that nothing lazy is
left for later.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from keyworks import oids
from keyworks.access.key_encryption_key import parse_key
from keyworks.cms.signed_data import certs_only, parse_certs_only
from keyworks.cms.verification import parse_signed_data
from keyworks.enroll.answer import Answer
from keyworks.enroll.attributes import attributes_in, key_type_for
from keyworks.enroll.server_key import server_key_in
from keyworks.enroll.trust import parse_trust
from keyworks.enroll.window import parse_windows
from keyworks.errors import KeyworksError
from keyworks.ledger.checkpoint import NoteKey, parse_checkpoint
from keyworks.ledger.export import CHECKPOINT, ENTRIES, Trust, verify_export
from keyworks.ledger.proof_file import verify_proof
from keyworks.protocols.est.basic import parse_basic
from keyworks.protocols.est.body import decode_base64
from keyworks.protocols.est.cmc.message import parse_message
from keyworks.service.importing import DEVICE_COLUMNS, ORDER_COLUMNS
from keyworks.service.installation import open_installation
from keyworks.service.ledger import export_ledger, newest, prove_entry
from keyworks.service.policy import preset
from keyworks.service.policy.check import Standing, complaints
from keyworks.service.policy.document import resolve
from keyworks.service.policy.plan import Facts
from keyworks.service.serial_list import parse_serial_list
from keyworks.service.setup import create_installation
from keyworks.service.table_file import read_table
from keyworks.settings.factory import FactoryDocument, read_factory
from keyworks.settings.node import NodeSettings
from keyworks.settings.toml import Source
from keyworks.testing import small_installation
from keyworks.x509.certificate import Certificate, ders_of
from keyworks.x509.certificate_request_message import parse_certificate_request_message
from keyworks.x509.csr_attributes import CSRAttributes, encode_csr_attributes, parse_csr_attributes
from keyworks.x509.general_name import parse_general_names
from keyworks.x509.name import Name
from keyworks.x509.template import parse_certification_request, parse_key_request
from tests.property import test_full_cmc as cmc
from tests.property.test_tls_octets import HELLOS, received
from tests.unit.enroll.multipart import BOUNDARY, CERTIFICATE, KEY, answer, body_of
from tests.unit.enroll.small_pki import certify, root
from tests.unit.x509.requests import request

NOW: Final = datetime(2026, 11, 25, tzinfo=UTC)
PRESETS: Final = Path(preset.__file__).with_name("presets")
ATTRIBUTES: Final = CSRAttributes(key_type="P-384", challenge_password=True)


@dataclass(frozen=True)
class Target:
    """A parser.

    Args:
        read: Reads octets, or raises.
        seeds: What it reads, for a beginning.
        refuses: How it says that it cannot.
    """

    read: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    refuses: tuple[type[Exception], ...] = (KeyworksError,)

    def __call__(self, octets: bytes) -> None:
        """Read octets; whatever is raised from here is a find."""
        with suppress(*self.refuses):
            self.read(octets)


def _certificate(octets: bytes) -> object:
    read = Certificate.parse(octets)
    return read.subject.text, read.issuer.text, read.renewal_due, hash(read)


def _text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda octets: read(octets.decode("latin-1"))


def _factory(octets: bytes) -> object:
    draft = read_factory(Source.parse("factory.toml", octets), Path("/nonexistent"))
    wanted = resolve(draft.document)
    found = [*draft.complaints, *complaints(wanted, _STANDING, draft.faulty)]
    return draft.refusal(found).detail


_HEAD: Final = b'[factory]\norganization = "x"\npublication_url = "http://x"\n'
_NOTHING: Final = Source.parse("nothing", _HEAD).read(FactoryDocument)
_STANDING: Final = Standing(1_800_000_000, _NOTHING, {}, {}, Facts())


def _table(columns: Any, octets: bytes) -> object:
    return read_table(octets, columns, dict)


def _export(octets: bytes) -> object:
    """Read a checkpoint and entries, with a line in between that no checkpoint has."""
    note, _, entries = octets.partition(b"\n--\n")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / CHECKPOINT).write_bytes(note)
        (Path(folder) / ENTRIES).write_bytes(entries)
        return verify_export(Path(folder), Trust())


def _ledger() -> tuple[bytes, bytes, bytes]:
    """Return a checkpoint, the entries below it, and a proof."""

    async def make(home: Path) -> tuple[bytes, bytes, bytes]:
        await create_installation(small_installation(home / "home", "supplier"))
        async with open_installation(home / "home") as installation:
            await export_ledger(installation, home / "ledger")
            [entry] = await newest(installation, "", 1)
            proof = await prove_entry(installation, entry.id)
        folder = home / "ledger"
        return (folder / CHECKPOINT).read_bytes(), (folder / ENTRIES).read_bytes(), proof.encode()

    folder = Path(tempfile.mkdtemp())
    try:
        return asyncio.run(make(folder))
    finally:
        shutil.rmtree(folder)


TARGETS: Final[Mapping[str, Target]] = MappingProxyType(
    {
        "base64": Target(decode_base64, lambda: [b"AAAA", b"AA==\r\n", b"====", b" \n"]),
        "basic": Target(_text(parse_basic), lambda: [b"Basic bGluZS0xOng=", b"Basic", b"Bearer x"]),
        "certificate": Target(_certificate, lambda: [certify("a").der, root().der, cmc.HELD.der]),
        "certs-only": Target(parse_certs_only, lambda: [certs_only([root().der, certify("a").der])]),
        "checkpoint": Target(_text(parse_checkpoint), lambda: [_ledger()[0]]),
        "crmf": Target(parse_certificate_request_message, lambda: [cmc.CRMF]),
        "csrattrs": Target(
            parse_csr_attributes,
            lambda: [encode_csr_attributes(ATTRIBUTES, legacy=one, template=True) for one in (True, False)],
        ),
        "csrattrs-answer": Target(
            lambda octets: key_type_for(
                None, attributes_in(Answer(200, "application/csrattrs", None, octets), NOW)
            ),
            lambda: [b"MAA=", b""],
        ),
        "devices": Target(
            partial(_table, DEVICE_COLUMNS),
            lambda: [
                b"manufacturer,product,serial_number\nM,P,1\n",
                b'[{"manufacturer": "M", "product": "P", "serial_number": 1, "dns": ["a.b"]}]',
                b"\xef\xbb\xbfmanufacturer;product;serial_number;ip\r\nM;P;'=1;\r\n",
            ],
        ),
        "export": Target(_export, lambda: [b"\n--\n".join(_ledger()[:2])]),
        "factory": Target(_factory, lambda: [one.read_bytes() + _HEAD for one in PRESETS.iterdir()]),
        "general-names": Target(lambda octets: parse_general_names(octets, "It"), lambda: [b"0\x03\x82\x01a"]),
        "key-file": Target(parse_key, lambda: [bytes(16), b"00" * 16 + b"\n"]),
        "key-request": Target(parse_key_request, lambda: [request()]),
        "name": Target(lambda octets: Name.parse(octets).text, lambda: [Name.of((oids.COMMON_NAME, "a")).der]),
        "note-key": Target(_text(NoteKey.parse), lambda: [b"a+00000000+AQ=="]),
        "orders": Target(
            partial(_table, ORDER_COLUMNS),
            lambda: [b"number,manufacturer,product,first,last,quota\nPO,M,P,A-1,A-9,3\n"],
        ),
        "pem": Target(ders_of, lambda: [root().pem]),
        "pki-data": Target(parse_message, lambda: [cmc.CONTENT]),
        "pkcs10": Target(parse_certification_request, lambda: [request()]),
        "proof": Target(lambda octets: verify_proof(octets, Trust()), lambda: [_ledger()[2]]),
        "serial-list": Target(
            lambda octets: parse_serial_list(octets, "M", "P"), lambda: [b"# a\nSN-1\n\n SN-2 \n"]
        ),
        "server-key": Target(
            lambda octets: server_key_in(answer(octets, boundary=BOUNDARY), NOW),
            lambda: [body_of(KEY, CERTIFICATE)],
        ),
        "settings": Target(
            lambda octets: Source.parse("keyworks.toml", octets).read(NodeSettings),
            lambda: [b'[node]\nname = "a"\n[listen]\nenrollment = "127.0.0.1:0"\n'],
        ),
        "signed-data": Target(parse_signed_data, lambda: [cmc.SIGNED]),
        "tls": Target(lambda octets: received([octets] if octets else []), lambda: HELLOS),
        "trust": Target(_text(parse_trust), lambda: [b"sha256:" + b"00" * 32]),
        "windows": Target(
            lambda octets: parse_windows(octets.decode("latin-1").split("\n"), UTC),
            lambda: [b"Sat 02:00-05:00", b"Mon-Fri 22:00-04:00\nSat,Sun 00:00-24:00"],
        ),
    }
)
