"""Who we are."""

import ssl
import tempfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from keyworks.algorithms.registry import KEY_TYPES
from keyworks.enroll.credential import ClientCertificate, client_context, private_key_pem, read_private_key
from keyworks.errors import OperatorError
from keyworks.testing import software_signer
from tests.unit.enroll.small_pki import Certified, certify, issuing, root


@pytest.fixture(scope="module")
def client() -> Certified:
    return certify("client", issuing())


def test_certificate_and_key_may_share_a_file(tmp_path: Path, client: Certified) -> None:
    file = tmp_path / "client.pem"
    file.write_bytes(client.key_pem + client.chain_pem)
    read = ClientCertificate.read(file)
    assert read.chain == client.chain
    assert read.signer.public_key.spki == read.certificate.public_key.spki


@pytest.mark.parametrize("of_a_folder", [True, False])
def test_a_certificate_without_its_key_is_told_where_the_key_can_be(
    tmp_path: Path, client: Certified, of_a_folder: bool
) -> None:
    file = tmp_path / "certificate.pem"
    file.write_bytes(client.pem)
    if of_a_folder:
        (tmp_path / "current").symlink_to("generations/1")
    with pytest.raises(
        OperatorError, match=r"certificate\.pem holds no private key.*--credential-key"
    ) as refused:
        ClientCertificate.read(file)
    assert (f"give the folder {tmp_path} alone" in refused.value.detail) is of_a_folder


def test_a_key_of_another_certificate_is_refused(client: Certified) -> None:
    with pytest.raises(OperatorError, match=r"does not belong to the certificate of 'CN=client'"):
        ClientCertificate.of(client.pem, issuing().key_pem)


def test_a_key_is_never_shown(client: Certified) -> None:
    assert "PRIVATE" not in repr(ClientCertificate.of(client.pem, client.key_pem))


@pytest.mark.parametrize("key_type", [one for one in KEY_TYPES if not one.startswith("rsa-")])
def test_a_key_that_was_written_is_read_again(key_type: str) -> None:
    signer = software_signer(key_type)
    assert read_private_key(private_key_pem(signer.private)).public_key == signer.public_key


def test_an_encrypted_key_is_refused_with_the_remedy(client: Certified) -> None:
    pem = client.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word"))
    with pytest.raises(OperatorError, match="decrypt it first"):
        read_private_key(pem)


@pytest.mark.parametrize(
    "pem", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_what_is_no_key_is_refused(pem: bytes) -> None:
    with pytest.raises(OperatorError, match="not PEM, or damaged"):
        read_private_key(pem)


def test_a_key_that_nobody_certifies_is_refused() -> None:
    pem = private_key_pem(ec.generate_private_key(ec.SECP256K1()))
    with pytest.raises(OperatorError, match="cannot be used"):
        read_private_key(pem)


def test_the_key_that_tls_reads_from_a_file_does_not_stay_there(
    tmp_path: Path, client: Certified, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    load = ssl.SSLContext.load_cert_chain

    def watch(self: ssl.SSLContext, certfile: str) -> None:
        seen.append(Path(certfile).stat().st_mode & 0o777)
        load(self, certfile)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", watch)
    client_context([root().der], ClientCertificate.of(client.pem, client.key_pem))
    assert seen == [0o600]
    assert list(tmp_path.iterdir()) == []


def test_tls_cannot_use_an_ml_dsa_key_and_says_so() -> None:
    signer = software_signer("ML-DSA-44")
    certificate = certify("client", issuing(), spki=signer.public_key.spki)
    own = ClientCertificate.of(certificate.pem, private_key_pem(signer.private))
    with pytest.raises(OperatorError, match="ML-DSA-44"):
        client_context([root().der], own)


def test_an_anchor_that_tls_cannot_read_is_an_operator_s_error() -> None:
    with pytest.raises(OperatorError, match="trust anchor"):
        client_context([b"\x30\x00"], None)
