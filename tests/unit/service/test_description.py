"""Everything that is known about one certificate."""

from datetime import timedelta

from keyworks.authority.status import Filter
from keyworks.service.certificates import certificates
from keyworks.service.description import describe
from keyworks.service.installation import Installation
from keyworks.testing import FixedClock


async def test_a_certificate_is_described_with_its_issuer_its_channel_and_its_entry(
    supplier: Installation,
) -> None:
    [record] = await certificates(supplier, Filter(profile="tls-server"))
    known = await describe(supplier, record)
    assert (known.generation.authority.name, known.channel, known.state) == ("issuing", "tls", "valid")
    assert known.certificate.der == record.der
    assert known.entry is not None
    assert record.id.encode() in known.entry.body


async def test_an_authoritys_certificate_came_through_no_channel(supplier: Installation) -> None:
    [record] = await certificates(supplier, Filter(profile="root"))
    assert (await describe(supplier, record)).channel is None


async def test_the_state_is_the_present_one(supplier: Installation, clock: FixedClock) -> None:
    [record] = await certificates(supplier, Filter(profile="tls-server"))
    clock.advance(timedelta(days=4000))
    assert (await describe(supplier, record)).state == "expired"
