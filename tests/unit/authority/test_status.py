"""What is known about each certificate."""

import dataclasses

import pytest

from keyworks import oids
from keyworks.authority.status import Filter, find_certificate, list_certificates
from keyworks.errors import OperatorError
from keyworks.service.certificates import revoke_by_operator
from keyworks.testing import EnrollmentDesk, Holder
from keyworks.x509.name import Name


async def enrolled(desk: EnrollmentDesk, station: Holder) -> list[Holder]:
    names = [Name.of((oids.SERIAL_NUMBER, f"SN-{number}")) for number in (1, 2, 3)]
    return [await desk.enroll("idevid", name, by=station) for name in names]


@pytest.mark.parametrize("colons", [True, False])
async def test_a_certificate_is_found_by_every_name_it_has(
    desk: EnrollmentDesk, station: Holder, colons: bool
) -> None:
    holder = (await enrolled(desk, station))[1]
    serial_number = f"{holder.certificate.serial_number:x}"
    octets = holder.certificate.fingerprint
    fingerprint = octets.hex(":") if colons else octets.hex()
    names = (
        holder.issued.certificate_id,
        serial_number,
        f"0x{serial_number.upper()}",
        serial_number.rjust(40, "0"),
        fingerprint,
        f"sha256:{fingerprint}",
    )
    for name in names:
        found = await desk.store.read(lambda tx, name=name: find_certificate(tx, name))  # type: ignore[misc]
        assert found.der == holder.issued.der


@pytest.mark.parametrize("name", ["", "nothing", "00", "sha256:", "ff" * 32, "ff" * 25, "0x", "é"])
async def test_a_certificate_that_is_not_known_is_not_found(desk: EnrollmentDesk, name: str) -> None:
    with pytest.raises(OperatorError, match="is not known"):
        await desk.store.read(lambda tx: find_certificate(tx, name))


async def test_certificates_are_listed_in_the_order_of_issue_page_by_page(
    desk: EnrollmentDesk, station: Holder
) -> None:
    holders = await enrolled(desk, station)
    wanted = Filter(profile="idevid", most=2)
    first = await desk.store.read(lambda tx: list_certificates(tx, wanted))
    after = dataclasses.replace(wanted, after=first[-1].id)
    second = await desk.store.read(lambda tx: list_certificates(tx, after))
    assert [one.der for one in (*first, *second)] == [one.issued.der for one in holders]


async def test_certificates_are_filtered_by_state_owner_and_end(desk: EnrollmentDesk, station: Holder) -> None:
    holders = await enrolled(desk, station)
    await revoke_by_operator(desk.installation, holders[0].issued.certificate_id, "keyCompromise")
    ends = station.certificate.not_after

    async def listed(wanted: Filter) -> set[bytes]:
        return {one.der for one in await desk.store.read(lambda tx: list_certificates(tx, wanted))}

    assert await listed(Filter(state="revoked")) == {holders[0].issued.der}
    assert await listed(Filter(owner="station:line-1")) == {station.issued.der}
    assert station.issued.der in await listed(Filter(ends_by=ends))
    assert station.issued.der not in await listed(Filter(ends_by=ends - 1))


async def test_an_ended_certificate_is_expired_unless_it_was_revoked(
    desk: EnrollmentDesk, station: Holder
) -> None:
    name = station.issued.certificate_id
    valid = await desk.store.read(lambda tx: find_certificate(tx, name))
    assert valid.state_at(valid.not_after) == "valid"
    assert valid.state_at(valid.not_after + 1) == "expired"
    revoked = dataclasses.replace(valid, state="revoked")
    assert revoked.state_at(valid.not_after + 1) == "revoked"
