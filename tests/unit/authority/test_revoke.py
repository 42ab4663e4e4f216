"""The revoke record."""

import pytest

from keyworks import oids
from keyworks.authority.revoke import REASONS, Revocation, check_reason, revoke
from keyworks.authority.status import find_certificate
from keyworks.errors import NotAuthorized, OperatorError
from keyworks.testing import NOON, EnrollmentDesk, Holder, ledger_entries
from keyworks.x509.name import Name


async def test_a_revocation_is_recorded_with_its_reason_and_time_and_entered_once(
    desk: EnrollmentDesk, station: Holder
) -> None:
    holder = await desk.enroll("idevid", Name.of((oids.SERIAL_NUMBER, "SN-1")), by=station)
    name, operator = holder.issued.certificate_id, desk.installation.operator
    first = Revocation(name, "device:1", "keyCompromise", operator, NOON + 1)
    later = Revocation(name, "device:1", "superseded", operator, NOON + 2)
    assert await desk.store.write(revoke, first)
    assert not await desk.store.write(revoke, later)
    record = await desk.store.read(lambda tx: find_certificate(tx, name))
    assert (record.state, record.revocation_reason, record.revoked_at) == (
        "revoked",
        "keyCompromise",
        NOON + 1,
    )
    [entry] = await ledger_entries(desk.store, "certificate.revoked")
    assert (entry["actor"], entry["object"]) == (operator.actor, "device:1")
    assert entry["detail"] == {"certificate": name, "reason": "keyCompromise"}


@pytest.mark.parametrize(("reason", "certified_again"), [("keyCompromise", False), ("superseded", True)])
async def test_a_compromised_key_is_certified_for_nobody_again(
    desk: EnrollmentDesk, station: Holder, reason: str, certified_again: bool
) -> None:
    """The same request would otherwise bring a stolen key back into force."""
    subject = Name.of((oids.SERIAL_NUMBER, "SN-1"))
    holder = await desk.enroll("idevid", subject, by=station)
    revocation = Revocation(holder.issued.certificate_id, "device:1", reason, desk.installation.operator, NOON)
    assert await desk.store.write(revoke, revocation)
    if certified_again:
        again = await desk.enroll("idevid", subject, by=station, signer=holder.signer)
        assert again.issued.certificate_id != holder.issued.certificate_id
        return
    with pytest.raises(NotAuthorized, match="revoked as compromised; make a new key"):
        await desk.enroll("idevid", subject, by=station, signer=holder.signer)
    assert (await desk.enroll("idevid", subject, by=station)).issued.der


async def test_that_a_key_is_compromised_is_recorded_of_a_revoked_certificate_too(
    desk: EnrollmentDesk, station: Holder
) -> None:
    """The key that was stolen with a superseded certificate could otherwise be certified again."""
    subject, operator = Name.of((oids.SERIAL_NUMBER, "SN-1")), desk.installation.operator
    holder = await desk.enroll("idevid", subject, by=station)
    name = holder.issued.certificate_id
    outcomes = [
        await desk.store.write(revoke, Revocation(name, "device:1", reason, operator, NOON + later))
        for later, reason in enumerate(("superseded", "privilegeWithdrawn", "keyCompromise", "keyCompromise"))
    ]
    assert outcomes == [True, False, True, False]
    record = await desk.store.read(lambda tx: find_certificate(tx, name))
    assert (record.revocation_reason, record.revoked_at) == ("keyCompromise", NOON)
    entries = await ledger_entries(desk.store, "certificate.revoked")
    assert [one["detail"]["reason"] for one in entries] == ["superseded", "keyCompromise"]
    with pytest.raises(NotAuthorized, match="revoked as compromised"):
        await desk.enroll("idevid", subject, by=station, signer=holder.signer)


async def test_what_was_never_issued_is_not_revoked(desk: EnrollmentDesk) -> None:
    _, before = await desk.registers.current()
    nobody = Revocation("nothing", "device:1", "keyCompromise", desk.installation.operator, NOON)
    assert not await desk.store.write(revoke, nobody)
    assert (await desk.registers.current())[1] == before
    assert await ledger_entries(desk.store, "certificate.revoked") == []


@pytest.mark.parametrize("reason", REASONS)
def test_the_reasons_of_rfc_5280_can_be_given(reason: str) -> None:
    """RFC 5280 §5.3.1."""
    assert check_reason(reason) == reason


@pytest.mark.parametrize("reason", ["unspecified", "certificateHold", "removeFromCRL", "", "KeyCompromise"])
def test_a_reason_that_says_nothing_or_does_not_revoke_is_refused(reason: str) -> None:
    """RFC 5280 §5.3.1: ``unspecified`` SHOULD be absent; the hold is no final revocation."""
    with pytest.raises(OperatorError, match="no reason to revoke; choose one of"):
        check_reason(reason)
