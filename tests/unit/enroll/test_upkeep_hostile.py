"""What a lying server cannot bring about: anything but a known cause, or a certificate on disk."""

import asyncio
import base64
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyworks.access.credential import BasicCredentials
from keyworks.cms.signed_data import certs_only
from keyworks.enroll.credential import ClientCertificate
from keyworks.enroll.identity import IdentityFolder
from keyworks.enroll.trust import parse_trust
from keyworks.enroll.upkeep import Wish, keep_identity
from keyworks.errors import KeyworksError, Unavailable
from keyworks.store.clock import SystemClock
from keyworks.testing import software_signer
from tests.unit.enroll.scripted import CUT, Told, http, scripted_server
from tests.unit.enroll.small_pki import certify, issuing, root, server


def _answer(*certificates: bytes) -> bytes:
    return http(200, base64.b64encode(certs_only(certificates)), "application/pkcs7-mime")


@pytest.mark.parametrize(
    ("authorities", "issued"),
    [
        ((issuing().der, root().der), certify("another key", issuing()).der),
        ((issuing().der, root().der), root().der),
        ((issuing().der, root().der), b"\x30\x00"),
        ((certify("Another root", ca=True).der,), certify("device", issuing()).der),
        ((b"\x30\x00",), certify("device", issuing()).der),
    ],
    ids=["another key", "a CA", "no certificate", "another root", "no authorities"],
)
async def test_a_server_that_issues_something_else_leaves_no_certificate(
    tmp_path: Path, authorities: tuple[bytes, ...], issued: bytes
) -> None:
    def script(told: Told) -> bytes:
        return _answer(*authorities) if "cacerts" in told.line else _answer(issued)

    folder = IdentityFolder(tmp_path / "device")
    client = certify("client", issuing())
    own = ClientCertificate.of(client.chain_pem, client.key_pem)
    async with scripted_server(server(), tmp_path, script) as double:
        wish = Wish(double.url, "idevid", parse_trust(root().pin), credential=own)
        with pytest.raises(KeyworksError):
            await keep_identity(folder, wish, SystemClock())
    assert folder.current() is None
    assert not list(folder.folder.rglob("c*.pem"))


async def test_the_very_key_is_checked_for_a_certificate_that_the_right_authority_issued(
    tmp_path: Path,
) -> None:
    """The control of the test above: the same script with the right key is accepted."""
    signer = software_signer()
    leaf = certify("device", issuing(), spki=signer.public_key.spki).der

    def script(told: Told) -> bytes:
        return _answer(issuing().der, root().der) if "cacerts" in told.line else _answer(leaf)

    async with scripted_server(server(), tmp_path, script) as double:
        wish = Wish(double.url, "idevid", parse_trust(root().pin), signer=signer)
        wish = replace(wish, credential=BasicCredentials("line-1", "secret"))
        outcome = await keep_identity(IdentityFolder(tmp_path / "device"), wish, SystemClock())
    assert outcome.identity.certificate.der == leaf


async def test_who_waits_for_approval_asks_for_the_very_same_again(tmp_path: Path) -> None:
    """RFC 7030 §4.2.3: another key would be another request, and nobody has approved that."""

    def script(told: Told) -> bytes:
        if "cacerts" in told.line:
            return _answer(issuing().der, root().der)
        return http(404) if "csrattrs" in told.line else http(202, b"Ticket 7.\n", Retry_After="3600")

    folder = IdentityFolder(tmp_path / "device")
    async with scripted_server(server(), tmp_path, script) as double:
        wish = Wish(double.url, "idevid", parse_trust(root().pin), credential=BasicCredentials("a", "secret"))
        for _ in range(2):
            with pytest.raises(Unavailable, match=r"Waiting for approval\. Ticket 7") as caught:
                await keep_identity(folder, wish, SystemClock())
            assert caught.value.retry_after == timedelta(hours=1)
    asked = [told.body for told in double.told if "simpleenroll" in told.line]
    assert len(asked) == 2
    assert len(set(asked)) == 1


_AUTHORITIES = certs_only((issuing().der, root().der))
_LEAF = certify("device", issuing()).der
_ANSWERS = st.one_of(
    st.binary(max_size=80),
    st.sampled_from(
        [_AUTHORITIES, certs_only((_LEAF,)), certs_only((_LEAF, _LEAF)), certs_only((b"\x30\x00",))]
    ),
    st.builds(
        lambda place, octet: (
            _AUTHORITIES[: place % len(_AUTHORITIES)]
            + bytes((octet,))
            + _AUTHORITIES[place % len(_AUTHORITIES) + 1 :]
        ),
        st.integers(0, 5000),
        st.integers(0, 255),
    ),
)


@settings(max_examples=40, deadline=None)
@given(
    status=st.sampled_from([200, 200, 200, 202, 204, 301, 400, 401, 500, 503]),
    cacerts=st.one_of(st.just(_AUTHORITIES), _ANSWERS),
    issued=_ANSWERS,
    kind=st.sampled_from(["application/pkcs7-mime", "text/plain", "text/html"]),
)
def test_no_answers_bring_about_a_certificate_on_disk(
    status: int, cacerts: bytes, issued: bytes, kind: str
) -> None:
    def script(told: Told) -> bytes:
        if "cacerts" in told.line:
            return http(200, base64.b64encode(cacerts), kind)
        return http(status, base64.b64encode(issued), kind) + CUT

    async def run(folder: Path) -> list[Path]:
        async with scripted_server(server(), folder, script) as double:
            credential = BasicCredentials("line-1", "secret")
            wish = Wish(double.url, "idevid", parse_trust(root().pin), credential=credential)
            with pytest.raises(KeyworksError):
                await keep_identity(IdentityFolder(folder / "device"), wish, SystemClock())
        return list((folder / "device").rglob("c*.pem"))

    with tempfile.TemporaryDirectory() as folder:
        assert asyncio.run(run(Path(folder))) == []
