"""Changes in the tables: what keeps its id, its version, its place."""

from collections.abc import Awaitable, Callable

import pytest

from keyworks.access.credential import BasicCredentials
from keyworks.access.principal import Kind
from keyworks.authority import records
from keyworks.errors import AuthenticationFailed
from keyworks.service.accounts import renew_secret
from keyworks.service.channels import set_default_channel
from keyworks.service.installation import Installation
from keyworks.service.policy.apply import Proposal
from keyworks.testing import EnrollmentDesk

Applied = Callable[[str], Awaitable[Proposal]]
PROFILE = '\n[profile.pump]\nbased_on = "ldevid"\nlifetime = "{}"\n'


async def _versions(operator: Installation) -> list[tuple[int, bool]]:
    """Return the versions of the profile, oldest first, each with whether it is in force."""
    rows = await operator.store.read(lambda tx: tx.execute(records.SELECT_PROFILES))
    return sorted((row[1], row[3] is None) for row in rows)


async def test_a_profile_s_version_grows_only_when_it_changes(
    operator: Installation, text: str, applied: Applied
) -> None:
    await applied(text + PROFILE.format("90d"))
    await applied(text + PROFILE.format("90d") + "[site.a]\n")
    assert await _versions(operator) == [(1, True)]
    await applied(text + PROFILE.format("30d"))
    assert await _versions(operator) == [(1, False), (2, True)]
    await applied(text + PROFILE.format("90d"))
    assert await _versions(operator) == [(1, False), (2, False), (3, True)]
    register, _ = await operator.registers.current()
    assert register.profiles["pump"].version == 3


async def test_a_profile_that_comes_back_unchanged_is_the_same_version(
    operator: Installation, text: str, applied: Applied
) -> None:
    for wanted in (text + PROFILE.format("90d"), text, text + PROFILE.format("90d")):
        await applied(wanted)
    assert await _versions(operator) == [(1, True)]


async def test_the_default_passes_from_one_channel_to_another(
    operator: Installation, text: str, applied: Applied
) -> None:
    """In either order of their labels: there is never more than one."""
    for before, after in (("ldevid", "stations"), ("stations", "ldevid")):
        await set_default_channel(operator, before)
        proposal = await applied(text.replace(f"[channel.{after}]", f"[channel.{after}]\ndefault = true"))
        assert len(proposal.steps) == 2
        register, _ = await operator.registers.current()
        assert register.channel(None).label == after


async def test_a_name_passes_from_one_kind_of_account_to_another(
    operator: Installation, text: str, applied: Applied
) -> None:
    for kind in ("service", "station", "person", "service"):
        await applied(f"{text}\n[{kind}.a]\n")
        register, _ = await operator.registers.current()
        assert register.accounts["a"].kind is Kind(kind)


async def test_no_secret_waits_for_a_name_to_come_back(
    operator: Installation, text: str, applied: Applied
) -> None:
    """A name that another kind of account takes, and gives back, opens nothing with its former secret."""
    services = '\n[channel.services]\nauthority = "issuing"\nprofile = "tls-service"\n'
    service = '[service.a]\nchannels = ["services"]\ndns = ["a.example"]\n'
    await applied(text + services + service)
    secret = (await renew_secret(operator, Kind.SERVICE, "a")).secret
    await applied(text + services + "[station.a]\n")
    await applied(text + services + service)
    with pytest.raises(AuthenticationFailed, match="was replaced"):
        await EnrollmentDesk(operator).enroll("services", by=BasicCredentials("a", secret))
