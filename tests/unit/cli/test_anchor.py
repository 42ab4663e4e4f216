"""``keyworks anchor``."""

from pathlib import Path

import pytest

from tests.unit.cli.typed import Typed

DEVICE = ("--vouches-for", "device", "--manufacturer", "Example Supplier")


@pytest.fixture
def root_pem(supplier_cli: Typed) -> str:
    return supplier_cli.done("authority", "export", "idevid-root")


def test_an_anchor_is_added_with_a_fingerprint_to_compare(
    operator_cli: Typed, supplier_cli: Typed, root_pem: str
) -> None:
    told = operator_cli.done("anchor", "add", "pumps", "-", *DEVICE, stdin=root_pem)
    assert supplier_cli.json("authority", "show", "idevid-root")["fingerprint"] in told
    assert "for every device of Example Supplier:" in told
    [listed] = operator_cli.json("anchor", "list")
    assert (listed["vouches_for"], listed["manufacturer"]) == ("device", "Example Supplier")


def test_an_anchor_is_removed(operator_cli: Typed, root_pem: str) -> None:
    operator_cli.done("anchor", "add", "pumps", "-", *DEVICE, stdin=root_pem)
    operator_cli.done("anchor", "remove", "pumps")
    assert operator_cli.json("anchor", "list") == []
    assert "no trust anchor 'pumps'" in operator_cli.refused("anchor", "remove", "pumps")


def test_an_anchor_for_devices_names_their_manufacturer(operator_cli: Typed, root_pem: str) -> None:
    words = ("anchor", "add", "pumps", "-", "--vouches-for", "device")
    assert "it vouches for devices; say whose" in operator_cli.refused(*words, stdin=root_pem)


@pytest.mark.parametrize(
    "octets", [b"", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_a_file_that_is_no_certificate_is_refused(operator_cli: Typed, tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "x.pem").write_bytes(octets)
    assert "cannot be read" in operator_cli.refused("anchor", "add", "x", str(tmp_path / "x.pem"), *DEVICE)


def test_a_file_that_is_not_there_or_too_large_is_named(operator_cli: Typed, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.pem")
    assert operator_cli.refused("anchor", "add", "x", missing, *DEVICE) == (
        f"Error: {missing} cannot be read: No such file or directory."
    )
    (tmp_path / "large.pem").write_bytes(b"x" * 2_000_000)
    assert "larger than" in operator_cli.refused("anchor", "add", "x", str(tmp_path / "large.pem"), *DEVICE)
