"""A supplier's factory in this process, requests that are wrong in any part, and what may come of them."""

import asyncio
import base64
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import strategies as st

from keyworks import oids
from keyworks.access.credential import PresentedChain
from keyworks.cms.signed_data import parse_certs_only
from keyworks.keys.software import SoftwareSigner
from keyworks.protocols.est.endpoint import EST
from keyworks.protocols.exchange import Reply, Request
from keyworks.service.inventory import add_devices
from keyworks.testing import EnrollmentDesk, Holder, presented_chain, software_signer, throwaway_installation
from keyworks.x509.der import sequence_of, wrap

ENROLL: Final = "/.well-known/est/idevid/simpleenroll"
MANUFACTURER: Final = "Example Supplier"
PRODUCT: Final = "Pump"
SERIAL_NUMBERS: Final = tuple(f"SN-{number}" for number in range(8))
KEY_TYPES: Final = (*["P-256"] * 8, "P-384", "P-521", "Ed25519", "Ed448", "rsa-2048", "ML-DSA-44")
SIGNERS: Final = tuple(software_signer(kind) for kind in KEY_TYPES)
REFUSALS: Final = {400, 401, 403, 404, 405, 415}
IDEVID_EXTENSIONS: Final = {
    oids.KEY_USAGE,
    oids.SUBJECT_KEY_IDENTIFIER,
    oids.AUTHORITY_KEY_IDENTIFIER,
    oids.CRL_DISTRIBUTION_POINTS,
    oids.AUTHORITY_INFORMATION_ACCESS,
}
_NAMED: Final = {
    "CN": b"\x55\x04\x03",
    "serialNumber": b"\x55\x04\x05",
    "C": b"\x55\x04\x06",
    "O": b"\x55\x04\x0a",
    "OU": b"\x55\x04\x0b",
    "DC": bytes.fromhex("0992268993f22c640119"),
}
_EXTENSION_REQUEST: Final = bytes.fromhex("2a864886f70d01090e")
_CHALLENGE_PASSWORD: Final = bytes.fromhex("2a864886f70d010907")
_OTHERS: Final = (b"\x55\x1d\x11", b"\x55\x1d\x13", b"\x55\x1d\x0f", b"\x2a\x03\x04")  # SAN, BC, KU, unknown


@dataclass(frozen=True)
class Parts:
    """A certification request before it is put together.

    Args:
        version: DER.
        subject: DER.
        public_key: DER.
        attributes: Each DER.
        signer: Signs.
        algorithm: DER AlgorithmIdentifier of the signature.
    """

    version: bytes
    subject: bytes
    public_key: bytes
    attributes: tuple[bytes, ...]
    signer: SoftwareSigner
    algorithm: bytes


def named(*attributes: tuple[str, int, str]) -> bytes:
    """Return a DER Name of (attribute, string type's tag, value)."""
    return sequence_of(
        [
            wrap(0x31, sequence_of([wrap(6, _NAMED[name]), wrap(tag, value.encode("utf-8"))]))
            for name, tag, value in attributes
        ]
    )


def good(number: int) -> Parts:
    """Return the right request for one of the registered devices."""
    signer = SIGNERS[number]
    subject = named(("serialNumber", 0x13, SERIAL_NUMBERS[number]))
    return Parts(b"\x02\x01\x00", subject, signer.public_key.spki, (), signer, signer.algorithm.identifier)


def put_together(parts: Parts, attributes_tag: int = 0xA0) -> bytes:
    """Return the signed request."""
    attributes = wrap(attributes_tag, b"".join(parts.attributes))
    unsigned = sequence_of([parts.version, parts.subject, parts.public_key, attributes])
    return sequence_of([unsigned, parts.algorithm, wrap(3, b"\x00" + _signature(parts.signer, unsigned))])


@cache
def _signature(signer: SoftwareSigner, message: bytes) -> bytes:
    """Return the same signature for the same message: hypothesis replays its cases."""
    return asyncio.run(signer.sign(message))


@st.composite
def spoilt(draw: st.DrawFn, octets: bytes) -> bytes:
    """Return octets of which some are changed, missing, doubled or new."""
    place = draw(st.integers(0, max(0, len(octets) - 1)))
    end = draw(st.integers(place, min(len(octets), place + 20)))
    middle = draw(st.one_of(st.binary(max_size=8), st.just(octets[place:end] * 2), st.just(b"\x80")))
    return octets[:place] + middle + octets[end:]


_values = st.one_of(
    st.sampled_from((*SERIAL_NUMBERS, "SN-unknown", MANUFACTURER, PRODUCT, "", " SN-1", "SN-1\x00", "*", "DE")),
    st.text(max_size=70).filter(lambda text: text.isprintable() or "\x00" in text),
)
_names = st.lists(
    st.tuples(st.sampled_from(sorted(_NAMED)), st.sampled_from([0x0C, 0x13, 0x16, 0x14, 0x1E, 0x04]), _values),
    max_size=5,
).map(lambda attributes: named(*attributes))
_right_names = st.tuples(st.sampled_from(SERIAL_NUMBERS), st.sets(st.sampled_from(["O", "OU", "CN"]))).map(
    lambda pair: named(
        *((name, 0x0C, {"O": MANUFACTURER, "OU": PRODUCT, "CN": pair[0]}[name]) for name in sorted(pair[1])),
        ("serialNumber", 0x13, pair[0]),
    )
)
_extensions = st.lists(
    st.tuples(st.sampled_from(_OTHERS), st.booleans(), st.binary(max_size=40)), min_size=1, max_size=4
).map(
    lambda listed: sequence_of(
        [
            sequence_of([wrap(6, oid), *([b"\x01\x01\xff"] if critical else []), wrap(4, value)])
            for oid, critical, value in listed
        ]
    )
)
_alternative = st.sampled_from(["server.example", "SN-1", "*", "10.0.0.1"]).map(
    lambda name: sequence_of(
        [sequence_of([wrap(6, _OTHERS[0]), wrap(4, sequence_of([wrap(0x82, name.encode())]))])]
    )
)
_attributes = st.one_of(
    st.one_of(_extensions, _alternative).map(
        lambda value: sequence_of([wrap(6, _EXTENSION_REQUEST), wrap(0x31, value)])
    ),
    st.text(max_size=300).map(
        lambda text: sequence_of([wrap(6, _CHALLENGE_PASSWORD), wrap(0x31, wrap(0x0C, text.encode()))])
    ),
    st.binary(max_size=30).map(lambda octets: sequence_of([wrap(6, b"\x2a\x03\x05"), wrap(0x31, octets)])),
)
_signers = st.sampled_from(SIGNERS)


@st.composite
def requests_for_certificates(draw: st.DrawFn) -> bytes:
    """Return a PKCS#10 request of which up to three parts are not as they were."""
    parts = good(draw(st.integers(0, len(SERIAL_NUMBERS) - 1)))
    for change in draw(st.lists(st.sampled_from(_CHANGES), max_size=3)):
        parts = draw(change(parts))
    der = put_together(parts, draw(st.sampled_from([0xA0] * 9 + [0xA1])))
    return draw(spoilt(der)) if draw(st.integers(0, 5)) == 0 else der


_CHANGES: Final = (
    lambda parts: st.one_of(_right_names, _names).map(lambda name: replace(parts, subject=name)),
    lambda parts: _right_names.map(lambda name: replace(parts, subject=name)),
    lambda parts: st.lists(_attributes, max_size=3).map(
        lambda listed: replace(parts, attributes=(*parts.attributes, *listed))
    ),
    lambda parts: _signers.map(
        lambda one: replace(
            parts, public_key=one.public_key.spki, signer=one, algorithm=one.algorithm.identifier
        )
    ),
    lambda parts: _signers.map(lambda one: replace(parts, public_key=one.public_key.spki)),
    lambda parts: _signers.map(lambda one: replace(parts, signer=one)),
    lambda parts: _signers.map(lambda one: replace(parts, algorithm=one.algorithm.identifier)),
    lambda parts: spoilt(parts.public_key).map(lambda octets: replace(parts, public_key=octets)),
    lambda parts: spoilt(parts.subject).map(lambda octets: replace(parts, subject=octets)),
    lambda parts: st.binary(max_size=4).map(lambda octets: replace(parts, version=wrap(2, octets))),
)


class Factory:
    """An installation in this process, with a station and a device that have their certificates.

    Args:
        folder: Of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self.station: Holder
        self._runner.run(self._open(folder))

    async def _open(self, folder: Path) -> None:
        installation = await self._stack.enter_async_context(throwaway_installation(folder / "supplier"))
        await add_devices(installation, MANUFACTURER, PRODUCT, SERIAL_NUMBERS)
        desk = EnrollmentDesk(installation)
        self._est = EST(desk.enrollment)
        self.station = await desk.station("line-1", "idevid")
        self.chain = set(await desk.enrollment.ca_certificates("idevid"))
        self.other = await desk.station("line-2")
        own = self.station.presented.certificates
        self.presented = {
            "station": self.station.presented,
            "nobody": None,
            "other station": self.other.presented,
            "borrowed": presented_chain(self.other.presented.certificates[0], *own),
            "authority": presented_chain(*own[1:]),
            "garbage": presented_chain(b"\x30\x03\x02\x01", *own),
            "shorter": presented_chain(own[0][:-1]),
        }

    def close(self) -> None:
        """Close the installation."""
        self._runner.run(self._stack.aclose())
        self._runner.close()

    def ask(self, request: Request) -> Reply:
        """Return the answer to a request."""
        return self._runner.run(self._est.respond(request))


def request_with(body: bytes, presented: PresentedChain | None) -> Request:
    """Return the right HTTP request for a PKCS#10 request."""
    headers = {"content-type": "application/pkcs10"}
    return Request("POST", ENROLL, headers, base64.b64encode(body), "192.0.2.1", presented)


def check_certificate(der: bytes, request: bytes) -> None:
    """Check the claim: what is certified is what was asked and allowed, read by a library that is not ours."""
    certificate, asked = x509.load_der_x509_certificate(der), x509.load_der_x509_csr(request)
    assert asked.is_signature_valid
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    assert certificate.public_key().public_bytes(*form) == asked.public_key().public_bytes(*form)
    numbers = [one.value for one in certificate.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)]
    assert len(numbers) == 1
    assert numbers[0] in SERIAL_NUMBERS
    names = [(one.oid, one.value) for one in certificate.subject]
    assert names == [
        (NameOID.ORGANIZATION_NAME, MANUFACTURER),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, PRODUCT),
        (NameOID.COMMON_NAME, numbers[0]),
        (NameOID.SERIAL_NUMBER, numbers[0]),
    ]
    assert {(one.oid, one.value) for one in asked.subject} <= set(names)
    assert {extension.oid.dotted_string for extension in certificate.extensions} == IDEVID_EXTENSIONS


def the_certificate(body: bytes) -> bytes:
    """Return the one certificate of an answer."""
    [certificate] = parse_certs_only(base64.b64decode(body))
    return certificate
