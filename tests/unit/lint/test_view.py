"""Reading a TBS certificate back, independently of what made it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from keyworks import oids
from keyworks.errors import LintFailed
from keyworks.lint import Context
from keyworks.lint.view import read
from keyworks.testing import NOON, HandmadeTBS
from keyworks.x509.extensions import Extension

Good = Callable[[str], tuple[HandmadeTBS, Context]]


def test_a_view_is_read_from_the_octets_alone(good: Good) -> None:
    tbs, context = good("tls-server")
    view = read(tbs.encode())
    assert context.issuer is not None
    assert view.frame.version == 2
    assert view.frame.issuer_der == context.issuer.subject.der
    assert view.not_before == NOON - 300
    assert view.time_tags == ("UTCTime", "UTCTime")
    assert view.frame.key_usage == {"digitalSignature"}
    assert view.frame.purposes == (oids.KP_SERVER_AUTH,)
    assert view.names is not None
    assert view.names.dns == ("server.example",)
    assert not view.frame.ca
    assert view.frame.value(oids.NAME_CONSTRAINTS) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tbs: replace(tbs, serial_number=b""),
        lambda tbs: replace(tbs, not_after=b"\x17\x03abc"),
        lambda tbs: replace(tbs, public_key=b"\x30\x00"),
        lambda tbs: replace(tbs, subject=b"\x31\x00"),
        lambda tbs: tbs.with_extension(Extension(oids.BASIC_CONSTRAINTS, critical=True, value=b"\x04\x00")),
        lambda tbs: tbs.with_extension(Extension(oids.KEY_USAGE, critical=True, value=b"\x30\x00")),
        lambda tbs: tbs.with_extension(Extension(oids.SUBJECT_ALT_NAME, critical=False, value=b"\x30\x00")),
    ],
)
def test_what_cannot_be_read_back_is_not_signed(
    good: Good, spoil: Callable[[HandmadeTBS], HandmadeTBS]
) -> None:
    tbs, _ = good("ldevid")
    with pytest.raises(LintFailed, match="cannot be read back"):
        read(spoil(tbs).encode())


@pytest.mark.parametrize("octets", [b"", b"\x30", b"\x30\x00", b"nonsense"])
def test_what_is_no_tbs_certificate_is_not_signed(octets: bytes) -> None:
    with pytest.raises(LintFailed):
        read(octets)


def test_octets_after_the_certificate_are_not_signed(good: Good) -> None:
    tbs, _ = good("ldevid")
    with pytest.raises(LintFailed):
        read(tbs.encode() + b"\x00")
