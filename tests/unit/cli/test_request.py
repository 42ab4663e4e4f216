"""``keyworks request``."""

import asyncio

import pytest

from keyworks.access.credential import BasicCredentials
from keyworks.errors import Unavailable
from keyworks.service.installation import open_installation
from keyworks.service.policy.apply import amend
from keyworks.service.policy.document import with_section
from keyworks.service.stations import add_station
from keyworks.settings.factory import ChannelSection, FactoryDocument
from keyworks.testing import EnrollmentDesk, FixedClock
from tests.unit.cli.typed import Typed


@pytest.fixture
def waiting(supplier_cli: Typed) -> str:
    """The id of a station's request that waits for one approval."""

    def change(document: FactoryDocument) -> FactoryDocument:
        section = ChannelSection(authority="issuing", profile="station", approvals=1)
        return with_section(document, "channel", "stations", section)

    async def ask() -> None:
        async with open_installation(supplier_cli.home, FixedClock()) as installation:
            await amend(installation, "approvals", change)
            new = await add_station(installation, "line-1", ["idevid"])
            with pytest.raises(Unavailable):
                await EnrollmentDesk(installation).enroll(
                    new.enrolls_at, by=BasicCredentials("line-1", new.secret)
                )

    asyncio.run(ask())
    [listed] = supplier_cli.json("request", "list", "--state", "pending")
    return str(listed["id"])


def test_a_request_is_shown_with_the_certificate_it_would_lead_to(supplier_cli: Typed, waiting: str) -> None:
    shown = supplier_cli.json("request", "show", waiting)
    assert (shown["state"], shown["approvals"], shown["requester"]) == ("pending", "0 of 1", "station:line-1")
    assert shown["subject"] == "CN=line-1,O=Example Supplier"
    assert (shown["profile"], shown["key"], shown["decisions"]) == ("station/1", "P-256", [])


def test_it_is_approved_once(supplier_cli: Typed, waiting: str) -> None:
    said = supplier_cli.done("request", "approve", waiting)
    assert f"Approved {waiting} for station:line-1 (1 of 1)" in said
    assert "The certificate is issued when the requester asks next." in said
    assert supplier_cli.json("request", "show", waiting)["decisions"][0].startswith("approved by operator:")
    assert supplier_cli.json("request", "list", "--state", "pending") == []


def test_it_is_rejected_with_a_reason(supplier_cli: Typed, waiting: str) -> None:
    assert "it is told why" in supplier_cli.done("request", "reject", waiting, "--reason", "unknown station")
    assert supplier_cli.json("request", "show", waiting)["decisions"][0].endswith(": unknown station")
    assert "rejected" in supplier_cli.refused("request", "approve", waiting)


def test_what_is_no_request_is_told(supplier_cli: Typed) -> None:
    for verb in (("show",), ("approve",), ("reject", "--reason", "x")):
        assert "no-such-id" in supplier_cli.refused("request", *verb, "no-such-id")
