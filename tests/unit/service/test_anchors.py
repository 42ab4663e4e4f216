"""Trust anchors: whose certificates count here, and for what."""

import asyncio

import pytest

from keyworks.access.principal import Kind
from keyworks.authority.status import Filter
from keyworks.errors import OperatorError
from keyworks.service.anchors import add_anchor, all_anchors, drop_anchor
from keyworks.service.authorities import find_generation
from keyworks.service.certificates import certificates
from keyworks.service.installation import Installation
from keyworks.testing import ledger_entries
from keyworks.x509.certificate import pem_of


@pytest.fixture
async def pem(supplier: Installation) -> bytes:
    """A supplier's root, as it is handed over."""
    return pem_of((await find_generation(supplier, "idevid-root")).certificate.der).encode()


async def test_an_anchor_vouches_from_now_on(operator: Installation, pem: bytes) -> None:
    anchor = await add_anchor(operator, "maker", pem, Kind.DEVICE, "Maker")
    register, _ = await operator.registers.current()
    assert register.anchors == (anchor,)
    assert await all_anchors(operator) == [anchor]


async def test_one_ca_may_be_trusted_for_several_things_under_several_names(
    operator: Installation, pem: bytes
) -> None:
    await add_anchor(operator, "b", pem, Kind.DEVICE, "Maker")
    await add_anchor(operator, "a", pem, Kind.STATION, None)
    assert [(one.name, one.vouches_for) for one in await all_anchors(operator)] == [
        ("a", Kind.STATION),
        ("b", Kind.DEVICE),
    ]


async def test_a_dropped_anchor_vouches_no_more(operator: Installation, pem: bytes) -> None:
    await add_anchor(operator, "maker", pem, Kind.DEVICE, "Maker")
    await drop_anchor(operator, "maker")
    register, _ = await operator.registers.current()
    assert register.anchors == ()
    with pytest.raises(OperatorError, match="no trust anchor 'maker'"):
        await drop_anchor(operator, "maker")


@pytest.mark.parametrize(
    ("name", "kind", "manufacturer", "sentence"),
    [
        ("", Kind.DEVICE, "Maker", "cannot be an anchor's name"),
        ("a b", Kind.DEVICE, "Maker", "cannot be an anchor's name"),
        ("a\nb", Kind.DEVICE, "Maker", "cannot be an anchor's name"),
        ("\ud800", Kind.DEVICE, "Maker", "cannot be an anchor's name"),
        ("x" * 65, Kind.DEVICE, "Maker", "cannot be an anchor's name"),
        ("maker", Kind.DEVICE, None, "it vouches for devices; say whose"),
        ("maker", Kind.STATION, "Maker", "it vouches for a station, which has none"),
        ("maker", Kind.DEVICE, "", "cannot be a manufacturer"),
        ("maker", Kind.DEVICE, " Maker", "cannot be a manufacturer"),
        ("maker", Kind.DEVICE, "x" * 65, "cannot be a manufacturer"),
    ],
)
async def test_what_cannot_be_is_told(
    operator: Installation, pem: bytes, name: str, kind: Kind, manufacturer: str | None, sentence: str
) -> None:
    with pytest.raises(OperatorError, match=sentence):
        await add_anchor(operator, name, pem, kind, manufacturer)
    assert await all_anchors(operator) == []


async def test_a_name_is_taken_once(operator: Installation, pem: bytes) -> None:
    await add_anchor(operator, "maker", pem, Kind.DEVICE, "Maker")
    with pytest.raises(OperatorError, match="a trust anchor 'maker' already"):
        await add_anchor(operator, "maker", pem, Kind.STATION, None)


async def test_one_ca_does_not_vouch_for_the_devices_of_two_manufacturers(
    operator: Installation, pem: bytes
) -> None:
    """With both, a device's manufacturer would be open, and every device of the CA refused."""
    await add_anchor(operator, "pumps", pem, Kind.DEVICE, "Example Pumps")
    with pytest.raises(OperatorError, match=r"'pumps' has the same CA already, for devices of Example Pumps"):
        await add_anchor(operator, "pump", pem, Kind.DEVICE, "Exmaple Pumps")
    assert [one.name for one in await all_anchors(operator)] == ["pumps"]
    assert len(await ledger_entries(operator.store, "anchor.added")) == 1
    await add_anchor(operator, "pumps-2", pem, Kind.DEVICE, "Example Pumps")
    await drop_anchor(operator, "pumps")
    await drop_anchor(operator, "pumps-2")
    await add_anchor(operator, "pump", pem, Kind.DEVICE, "Another Name")


async def test_of_two_anchors_of_one_name_at_once_one_is_added(operator: Installation, pem: bytes) -> None:
    wanted = [add_anchor(operator, "maker", pem, Kind.DEVICE, maker) for maker in ("One", "Other")]
    outcomes = await asyncio.gather(*wanted, return_exceptions=True)
    assert [type(outcome).__name__ for outcome in outcomes] == ["Anchor", "OperatorError"]


async def test_only_one_ca_certificate_alone_is_an_anchor(operator: Installation, pem: bytes) -> None:
    [server] = await certificates(operator, Filter(profile="tls-server"))
    wrong = {
        b"": "no certificate in the PEM file",
        b"no PEM": "no certificate in the PEM file",
        pem.replace(b"M", b"!", 1): "cannot be read",
        pem.replace(b"MII", b"AII", 1): "cannot be read",
        pem + pem: "several certificates",
        pem_of(server.der).encode(): "is not the certificate of a CA",
    }
    for octets, sentence in wrong.items():
        with pytest.raises(OperatorError, match=sentence):
            await add_anchor(operator, "maker", octets, Kind.DEVICE, "Maker")
