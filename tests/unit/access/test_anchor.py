"""Who holds a certificate, as a trust anchor vouches for it."""

from collections.abc import Sequence

import pytest

from keyworks import oids
from keyworks.access.anchor import Anchor, identity_of
from keyworks.access.principal import DeviceIdentity, Kind, Principal
from keyworks.errors import AuthenticationFailed
from keyworks.testing import NOON, software_signer
from keyworks.x509 import extensions as x
from keyworks.x509.certificate import Certificate
from keyworks.x509.name import Name
from keyworks.x509.tbs import TBSCertificate, assemble

SIGNER = software_signer()
CN, ORG, UNIT = oids.COMMON_NAME, oids.ORGANIZATION_NAME, oids.ORGANIZATIONAL_UNIT_NAME
SERIAL = oids.SERIAL_NUMBER
SIGNING = x.key_usage(frozenset({"digitalSignature"}))
CLIENT = x.extended_key_usage((oids.KP_CLIENT_AUTH,))
SERVER = x.extended_key_usage((oids.KP_SERVER_AUTH,))
DEVICE = ((ORG, "Foreign"), (UNIT, "Pump"), (SERIAL, "S-1"))
STATION = ((ORG, "Foreign"), (CN, "line-1"))


async def _certificate(subject: Sequence[tuple[str, str]], *extensions: x.Extension) -> Certificate:
    tbs = TBSCertificate(
        serial_number=1,
        signature=SIGNER.algorithm,
        issuer=Name.of((CN, "Foreign CA")),
        not_before=NOON - 1,
        not_after=NOON + 1,
        subject=Name.of(*subject),
        public_key=SIGNER.public_key,
        extensions=extensions,
    ).encode()
    return Certificate.parse(assemble(tbs, SIGNER.algorithm, await SIGNER.sign(tbs)))


def _anchor(kind: Kind, certificate: Certificate, manufacturer: str | None = None) -> Anchor:
    return Anchor("1", "foreign", certificate, kind, manufacturer)


async def test_a_device_is_whom_its_subject_names_at_the_manufacturer_of_the_anchor() -> None:
    """IEEE 802.1AR-2018 §8.6: serialNumber; the anchor says whose devices these are, not the certificate."""
    certificate = await _certificate(((ORG, "Somebody else"), (UNIT, "Pump"), (SERIAL, "S-1")), SIGNING)
    found = identity_of(_anchor(Kind.DEVICE, certificate, "Foreign"), certificate)
    assert found == Principal(Kind.DEVICE, "S-1", DeviceIdentity("Foreign", "Pump", "S-1"))
    assert found.text == "device:Foreign/S-1"


async def test_an_anchor_for_any_manufacturer_leaves_it_to_the_one_organization() -> None:
    certificate = await _certificate(DEVICE, SIGNING)
    found = identity_of(_anchor(Kind.DEVICE, certificate), certificate)
    assert found.device == DeviceIdentity("Foreign", "Pump", "S-1")


async def test_an_empty_manufacturer_is_not_any_manufacturer() -> None:
    certificate = await _certificate(DEVICE, SIGNING)
    found = identity_of(_anchor(Kind.DEVICE, certificate, ""), certificate)
    assert found.device == DeviceIdentity("", "Pump", "S-1")


@pytest.mark.parametrize("units", [(), ("Pump", "Valve")])
async def test_a_product_counts_only_if_there_is_one(units: tuple[str, ...]) -> None:
    subject = (*((UNIT, unit) for unit in units), (SERIAL, "S-1"))
    certificate = await _certificate(subject, SIGNING)
    found = identity_of(_anchor(Kind.DEVICE, certificate, "Foreign"), certificate)
    assert found.device == DeviceIdentity("Foreign", None, "S-1")


@pytest.mark.parametrize("kind", [Kind.STATION, Kind.SERVICE])
async def test_a_station_or_service_is_its_common_name(kind: Kind) -> None:
    certificate = await _certificate(STATION, SIGNING, CLIENT)
    found = identity_of(_anchor(kind, certificate), certificate)
    assert (found, found.text) == (Principal(kind, "line-1"), f"{kind.value}:line-1")


@pytest.mark.parametrize(
    ("kind", "subject", "attribute"),
    [
        (Kind.DEVICE, ((CN, "S-1"),), "serialNumber"),
        (Kind.DEVICE, ((SERIAL, "S-1"), (SERIAL, "S-2")), "serialNumber"),
        (Kind.DEVICE, ((SERIAL, "S-1"), (SERIAL, "S-1")), "serialNumber"),
        (Kind.DEVICE, ((SERIAL, "S-1"),), "organizationName"),
        (Kind.DEVICE, ((ORG, "a"), (ORG, "b"), (SERIAL, "S-1")), "organizationName"),
        (Kind.STATION, ((ORG, "Foreign"),), "commonName"),
        (Kind.STATION, ((CN, "line-1"), (CN, "line-2")), "commonName"),
        (Kind.SERVICE, (), "commonName"),
    ],
)
async def test_with_none_or_several_names_nobody_is_authenticated(
    kind: Kind, subject: tuple[tuple[str, str], ...], attribute: str
) -> None:
    """Whoever may choose among names could choose who it is."""
    certificate = await _certificate(subject, SIGNING, CLIENT)
    with pytest.raises(AuthenticationFailed, match=f"exactly one {attribute}"):
        identity_of(_anchor(kind, certificate), certificate)


@pytest.mark.parametrize(
    "extensions",
    [
        pytest.param((x.basic_constraints(ca=True, path_length=0), SIGNING, CLIENT), id="CA"),
        pytest.param((x.key_usage(frozenset({"digitalSignature", "keyCertSign"})), CLIENT), id="keyCertSign"),
    ],
)
@pytest.mark.parametrize("kind", Kind)
async def test_a_ca_is_no_requester(kind: Kind, extensions: tuple[x.Extension, ...]) -> None:
    certificate = await _certificate((*DEVICE, (CN, "line-1")), *extensions)
    with pytest.raises(AuthenticationFailed, match="A CA's certificate"):
        identity_of(_anchor(kind, certificate), certificate)


@pytest.mark.parametrize("kind", Kind)
async def test_a_key_that_may_not_sign_authenticates_nobody(kind: Kind) -> None:
    """RFC 5280 §4.2.1.3: digitalSignature, wherever there is a keyUsage."""
    usage = x.key_usage(frozenset({"keyAgreement"}))
    certificate = await _certificate((*DEVICE, (CN, "line-1")), usage, CLIENT)
    with pytest.raises(AuthenticationFailed, match="digitalSignature"):
        identity_of(_anchor(kind, certificate), certificate)


@pytest.mark.parametrize(
    ("kind", "purpose", "accepted"),
    [
        (Kind.DEVICE, None, True),
        (Kind.DEVICE, CLIENT, True),
        (Kind.DEVICE, SERVER, False),
        (Kind.STATION, None, False),
        (Kind.STATION, CLIENT, True),
        (Kind.STATION, SERVER, False),
        (Kind.SERVICE, None, False),
        (Kind.SERVICE, x.extended_key_usage((oids.KP_SERVER_AUTH, oids.KP_CLIENT_AUTH)), True),
        (Kind.SERVICE, x.extended_key_usage((oids.ANY_EXTENDED_KEY_USAGE,)), False),
    ],
)
async def test_a_certificate_for_another_purpose_authenticates_nobody(
    kind: Kind, purpose: x.Extension | None, accepted: bool
) -> None:
    """RFC 5280 §4.2.1.12; an IDevID alone may lack the extension (IEEE 802.1AR-2018 §8.10)."""
    certificate = await _certificate((*DEVICE, (CN, "line-1")), SIGNING, *([purpose] if purpose else []))
    if accepted:
        assert identity_of(_anchor(kind, certificate), certificate).kind is kind
        return
    with pytest.raises(AuthenticationFailed, match="clientAuth"):
        identity_of(_anchor(kind, certificate), certificate)


async def test_a_certificate_without_key_usage_may_be_used_for_signing() -> None:
    """RFC 5280 §4.2.1.3: without the extension the usage is not restricted."""
    certificate = await _certificate(DEVICE)
    assert identity_of(_anchor(Kind.DEVICE, certificate), certificate).name == "S-1"
