"""Certificates as operators see them."""

from datetime import timedelta

import pytest

from keyworks.authority.authorize import Operation
from keyworks.authority.revoke import REASONS
from keyworks.authority.status import CertificateRecord, Filter
from keyworks.errors import OperatorError
from keyworks.service.certificates import certificate, certificates, export_chain, revoke_by_operator
from keyworks.service.installation import Installation
from keyworks.testing import NOON, EnrollmentDesk, FixedClock, Holder, ledger_entries
from keyworks.x509.certificate import Certificate, ders_of
from keyworks.x509.path import validate


@pytest.fixture
async def record(supplier: Installation) -> CertificateRecord:
    """The server's own certificate."""
    [record] = await certificates(supplier, Filter(profile="tls-server"))
    return record


async def test_certificates_are_listed_in_the_order_of_issue_page_by_page(supplier: Installation) -> None:
    whole = await certificates(supplier, Filter())
    assert [one.profile for one in whole] == ["root", "issuing", "idevid-root", "idevid-issuing", "tls-server"]
    first = await certificates(supplier, Filter(most=2))
    rest = await certificates(supplier, Filter(after=first[-1].id))
    assert first + rest == whole


async def test_a_certificate_is_found_by_each_of_its_names(
    supplier: Installation, record: CertificateRecord
) -> None:
    serial, fingerprint = record.serial_number.hex(), record.fingerprint.hex()
    colons = ":".join(fingerprint[at : at + 2] for at in range(0, 64, 2))
    names = (record.id, serial, serial.lstrip("0").upper(), fingerprint, f"sha256:{fingerprint}", colons)
    for name in names:
        assert await certificate(supplier, name) == record


@pytest.mark.parametrize("name", ["", "none", "00", "ff" * 32, "ff" * 20, "ff" * 500])
async def test_a_certificate_that_is_not_there_is_told(supplier: Installation, name: str) -> None:
    with pytest.raises(OperatorError, match="is not known"):
        await certificate(supplier, name)


async def test_a_chain_is_exported_up_to_the_root(supplier: Installation, record: CertificateRecord) -> None:
    pem = await export_chain(supplier, record)
    leaf, issuing, root = ders_of(pem.encode())
    assert leaf == record.der
    validate([leaf, issuing], [Certificate.parse(root)], at=NOON)


async def test_a_root_is_its_own_chain(supplier: Installation) -> None:
    [root] = await certificates(supplier, Filter(profile="root"))
    assert ders_of((await export_chain(supplier, root)).encode()) == (root.der,)


@pytest.mark.parametrize("reason", REASONS)
async def test_a_revocation_has_its_reason_and_time(
    supplier: Installation, record: CertificateRecord, clock: FixedClock, reason: str
) -> None:
    clock.advance(timedelta(hours=1))
    revoked = await revoke_by_operator(supplier, record.id, reason)
    assert revoked.now
    after = await certificate(supplier, record.id)
    assert (after.state, after.revocation_reason, after.revoked_at) == ("revoked", reason, NOON + 3600)
    [entry] = await ledger_entries(supplier.store, "certificate.revoked")
    assert entry["actor"] == supplier.operator.actor
    assert entry["detail"] == {"certificate": record.id, "reason": reason}


async def test_a_revocation_moves_the_epoch_that_workers_watch(
    supplier: Installation, record: CertificateRecord
) -> None:
    _, (trust, revocation) = await supplier.registers.current()
    await revoke_by_operator(supplier, record.id, "superseded")
    _, epoch = await supplier.registers.current()
    assert epoch == (trust, revocation + 1)


async def test_revoking_twice_says_so_and_keeps_the_first(
    supplier: Installation, record: CertificateRecord
) -> None:
    await revoke_by_operator(supplier, record.id, "superseded")
    again = await revoke_by_operator(supplier, record.id, "cessationOfOperation")
    assert not again.now
    assert (await certificate(supplier, record.id)).revocation_reason == "superseded"
    assert len(await ledger_entries(supplier.store, "certificate.revoked")) == 1


async def renewed(desk: EnrollmentDesk, station: Holder) -> Holder:
    subject = station.certificate.subject
    return await desk.enroll("stations", subject, by=station, operation=Operation.REENROLL)


async def test_a_revocation_tells_what_its_owner_still_holds(supplier: Installation, clock: FixedClock) -> None:
    """RFC 7030 §4.2.2: a renewal leaves the former certificate as it was."""
    desk = EnrollmentDesk(supplier)
    await desk.station("line-2")
    first = await desk.station("line-1")
    clock.advance(timedelta(days=200))
    second = await renewed(desk, first)
    third = await renewed(desk, first)
    revoked = [
        await revoke_by_operator(supplier, one.issued.certificate_id, "superseded") for one in (second, second)
    ]
    held = [one.issued.certificate_id for one in (first, third)]
    assert [[one.id for one in done.others] for done in revoked] == [held, held]
    clock.advance(timedelta(days=300))  # the first has ended
    last = await revoke_by_operator(supplier, held[-1], "superseded")
    assert last.others == ()


async def test_all_that_an_owner_still_holds_is_told_be_it_ever_so_much(supplier: Installation) -> None:
    desk = EnrollmentDesk(supplier)
    station = await desk.station("line-1")
    many = Filter().most + 1
    for _ in range(many):
        await renewed(desk, station)
    revoked = await revoke_by_operator(supplier, station.issued.certificate_id, "superseded")
    assert len({one.id for one in revoked.others} - {revoked.record.id}) == many


@pytest.mark.parametrize("reason", ["", "unspecified", "certificateHold", "removeFromCRL", "bored"])
async def test_other_reasons_are_told(supplier: Installation, record: CertificateRecord, reason: str) -> None:
    """RFC 5280 §5.3.1: an absent reason is better than unspecified; a hold is a state of its own."""
    with pytest.raises(OperatorError, match="is no reason to revoke"):
        await revoke_by_operator(supplier, record.id, reason)
    assert (await certificate(supplier, record.id)).state == "valid"


async def test_an_authority_is_not_revoked_by_command(supplier: Installation) -> None:
    for record in await certificates(supplier, Filter()):
        if record.owner.startswith("authority:"):
            with pytest.raises(OperatorError, match="takes a ceremony"):
                await revoke_by_operator(supplier, record.id, "keyCompromise")
