"""Stations, services and people: registered with what they may, and started with a one-time secret."""

import pytest

from keyworks.access.credential import BasicCredentials
from keyworks.access.principal import Kind
from keyworks.errors import NotAuthorized, OperatorError
from keyworks.service.accounts import NewAccount, accounts_of, add_account, renew_secret, set_account_active
from keyworks.service.channels import NewChannel, create_channel
from keyworks.service.installation import Installation
from keyworks.testing import EnrollmentDesk

BROKER = NewAccount(Kind.SERVICE, "broker", ("services",), {"dns": ("mqtt.plant.example",)})


@pytest.fixture
async def plant(operator: Installation) -> Installation:
    """An operator's installation with channels for services and people."""
    for label, profile in (("services", "tls-service"), ("signers", "code-signing"), ("staff", "staff")):
        await create_channel(operator, NewChannel(label, "issuing", profile))
    return operator


async def test_a_service_gets_a_certificate_with_its_registered_names(plant: Installation) -> None:
    new = await add_account(plant, BROKER)
    assert (new.enrolls_at, new.channels) == ("services", ("services",))
    holder = await EnrollmentDesk(plant).enroll("services", by=BasicCredentials("broker", new.secret))
    assert holder.certificate.subject.text == "CN=broker,O=Example Operator"
    assert holder.certificate.subject_alt_name is not None
    assert holder.certificate.subject_alt_name.dns == ("mqtt.plant.example",)


async def test_who_is_registered_already_gets_more_names_and_channels(plant: Installation) -> None:
    await add_account(plant, BROKER)
    await add_account(plant, NewAccount(Kind.SERVICE, "broker", ("services",), {"dns": ("b.example",)}))
    [account] = await accounts_of(plant, Kind.SERVICE)
    assert account.names == {"dns": ("mqtt.plant.example", "b.example")}
    assert await accounts_of(plant, Kind.STATION) == []


async def test_a_name_belongs_to_one_kind(plant: Installation) -> None:
    await add_account(plant, BROKER)
    with pytest.raises(OperatorError, match="there is a service of this name already"):
        await add_account(plant, NewAccount(Kind.PERSON, "broker", ("staff",)))
    with pytest.raises(OperatorError, match="no person 'broker'; see `keyworks person list`"):
        await renew_secret(plant, Kind.PERSON, "broker")


async def test_a_secret_opens_the_channel_that_is_named(plant: Installation) -> None:
    new = NewAccount(Kind.SERVICE, "broker", ("services", "signers"), {"dns": ("a.example",)})
    assert (await add_account(plant, new)).enrolls_at == "services"
    with pytest.raises(OperatorError, match="the channel that the secret opens: --channel services or signers"):
        await renew_secret(plant, Kind.SERVICE, "broker")
    made = await renew_secret(plant, Kind.SERVICE, "broker", "signers")
    assert made.enrolls_at == "signers"
    with pytest.raises(OperatorError, match="'stations' is no channel where it gets its certificate"):
        await renew_secret(plant, Kind.SERVICE, "broker", "stations")


async def test_a_secret_that_would_open_nothing_is_not_made(plant: Installation) -> None:
    with pytest.raises(OperatorError, match="a secret would be of no use"):
        await add_account(plant, NewAccount(Kind.PERSON, "a.smith", ()))


async def test_a_disabled_account_is_refused_with_its_next_request(plant: Installation) -> None:
    new = await add_account(plant, BROKER)
    desk = EnrollmentDesk(plant)
    await set_account_active(plant, Kind.SERVICE, "broker", active=False)
    with pytest.raises(NotAuthorized, match="Service broker is not registered here, or is disabled"):
        await desk.enroll("services", by=BasicCredentials("broker", new.secret))
    await set_account_active(plant, Kind.SERVICE, "broker", active=True)
    await desk.enroll("services", by=BasicCredentials("broker", new.secret))


async def test_an_account_that_is_not_there_is_told(plant: Installation) -> None:
    with pytest.raises(OperatorError, match="no person 'nobody'"):
        await set_account_active(plant, Kind.PERSON, "nobody", active=False)
