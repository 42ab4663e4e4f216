"""CRMF requests made by hand, well signed whatever they say; and by OpenSSL, which signs what it likes."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from keyworks.algorithms.registry import signature_for
from keyworks.x509.der import sequence_of, values_of, wrap
from tests.unit.x509.chains import GOOD_LEAF, PrivateKey, made, private_key, signature_of
from tests.unit.x509.requests import SUBJECT, spki_of


@dataclass(frozen=True)
class Plan:
    """What a CRMF request shall say.

    Args:
        number: certReqId's content octets.
        subject: DER Name; ``None`` leaves it out.
        key_type: Of the key that signs.
        public_key: DER, where it is not the signing key's.
        fields: Of the template, whole, besides subject and key: before them, and behind.
        after: What stands behind the template: controls.
        proof: DER, where it is not the right signature.
        algorithm: DER AlgorithmIdentifier of the signature, where it is not the right one.
        poposk_input: What stands before it in the proof.
    """

    number: bytes = b"\x07"
    subject: bytes | None = SUBJECT
    key_type: str = "P-256"
    public_key: bytes | None = None
    fields: tuple[bytes, bytes] = (b"", b"")
    after: bytes = b""
    proof: bytes | None = None
    algorithm: bytes | None = None
    poposk_input: bytes = b""


def content_of(der: bytes) -> bytes:
    """Return the content of a TLV."""
    return der[2 if der[1] < 0x80 else 2 + der[1] - 0x80 :]


def crmf(plan: Plan = Plan(), key: PrivateKey | None = None) -> bytes:
    """Return a CertReqMsg whose signature verifies over exactly what it says."""
    key = key or private_key(plan.key_type, "request")
    algorithm = signature_for(plan.key_type)
    template = [
        plan.fields[0],
        wrap(0xA5, plan.subject) if plan.subject is not None else b"",
        wrap(0xA6, content_of(plan.public_key if plan.public_key is not None else spki_of(key))),
        plan.fields[1],
    ]
    signed = sequence_of([wrap(0x02, plan.number), sequence_of(template), plan.after])
    signature = wrap(0x03, b"\0" + signature_of(key, signed, algorithm.digest))
    proof = wrap(0xA1, plan.poposk_input + (plan.algorithm or algorithm.identifier) + signature)
    return sequence_of([signed, plan.proof if plan.proof is not None else proof])


_SERVER: Final = ("-srv_ref", "R", "-srv_secret", "pass:S")
_CLIENT: Final = ("-ref", "R", "-secret", "pass:S", "-recipient", "/CN=server")


def openssl_crmf(folder: Path, key: PrivateKey, *options: str) -> bytes:
    """Return the CertReqMsg that ``openssl cmp`` sends, to a server in its own process."""
    own, server = folder / "own.key", made("server", GOOD_LEAF)
    own.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "server.pem").write_bytes(server.pem)
    (folder / "server.key").write_bytes(
        server.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    server_files = ("-srv_cert", "server.pem", "-srv_key", "server.key", "-rsp_cert", "server.pem")
    words = ("-config", "", "-cmd", "ir", "-use_mock_srv", *_SERVER, *server_files, *_CLIENT)
    outcome = ("-newkey", "own.key", "-reqout", "request.der", "-certout", "none.pem")
    # It fails: the server in it answers with a certificate for another key. Its request is what counts.
    subprocess.run(
        ["openssl", "cmp", *words, *outcome, *options], cwd=folder, capture_output=True, check=False, timeout=60
    )
    _, body, *_ = values_of((folder / "request.der").read_bytes(), "PKIMessage")
    [message] = values_of(content_of(body), "CertReqMessages")
    return message
