"""An enrollment from the first byte to the released certificate."""

import asyncio
import hashlib
from typing import Final

import pytest

from keyworks import oids
from keyworks.access.credential import BasicCredentials
from keyworks.access.principal import Kind
from keyworks.authority.authorize import Operation
from keyworks.authority.enrollment import Attempt
from keyworks.authority.revoke import Revocation, revoke
from keyworks.errors import (
    AuthenticationFailed,
    InvalidPath,
    KeyworksError,
    MalformedRequest,
    NotAuthorized,
    NotFound,
    RejectedName,
    Unavailable,
)
from keyworks.service.anchors import add_anchor
from keyworks.service.authorities import find_generation
from keyworks.service.channels import enable_channel
from keyworks.service.installation import location_of
from keyworks.service.stations import add_station
from keyworks.store.opening import open_store
from keyworks.testing import (
    NOON,
    SOURCE,
    EnrollmentDesk,
    FixedClock,
    Holder,
    ledger_entries,
    next_generation,
    presented_chain,
    software_signer,
)
from keyworks.x509.certificate import pem_of
from keyworks.x509.name import EMPTY_NAME, Name
from keyworks.x509.request import encode_certification_request
from keyworks.x509.template import KeyedTemplate, parse_certification_request

SN: Final = oids.SERIAL_NUMBER
SN_1: Final = Name.of((SN, "SN-1"))


async def secret_of(desk: EnrollmentDesk, name: str) -> BasicCredentials:
    return BasicCredentials(name, (await add_station(desk.installation, name, ["idevid"])).secret)


@pytest.mark.parametrize(
    ("label", "subject", "operation", "cause"),
    [
        ("idevid", Name.of((SN, "SN-9")), Operation.ENROLL, NotAuthorized),
        ("idevid", EMPTY_NAME, Operation.ENROLL, RejectedName),
        ("idevid", SN_1, Operation.REENROLL, NotAuthorized),
        ("stations", SN_1, Operation.REENROLL, RejectedName),
        ("tls", SN_1, Operation.ENROLL, NotAuthorized),
    ],
)
async def test_a_refusal_of_somebody_known_is_entered_in_the_ledger(
    desk: EnrollmentDesk,
    station: Holder,
    label: str,
    subject: Name,
    operation: Operation,
    cause: type[KeyworksError],
) -> None:
    with pytest.raises(cause) as refused:
        await desk.enroll(label, subject, by=station, operation=operation)
    [entry] = await ledger_entries(desk.store, "certificate.refused")
    assert (entry["actor"], entry["source"]) == ("station:line-1", SOURCE)
    assert (entry["object"], entry["result"]) == (f"channel:{label}", cause.__name__)
    assert entry["detail"] == {"operation": operation.value, "reason": refused.value.detail}
    assert desk.refusals.drain(NOON) is None


async def test_a_request_that_is_none_is_entered_with_its_hash(desk: EnrollmentDesk, station: Holder) -> None:
    attempt = Attempt("idevid", Operation.ENROLL, station.presented, None, b"no request", SOURCE)
    with pytest.raises(MalformedRequest):
        await desk.enrollment.enroll(attempt, parse_certification_request)
    [entry] = await ledger_entries(desk.store, "certificate.refused")
    assert entry["result"] == "MalformedRequest"
    assert entry["request_hash"] == hashlib.sha256(b"no request").hexdigest()


async def test_a_refused_request_has_the_hash_it_would_have_if_issued(
    desk: EnrollmentDesk, station: Holder
) -> None:
    """Of the DER request, whatever a protocol wraps around it: refused and repeated later, it is recognized."""
    signer = software_signer()
    der = await encode_certification_request(Name.of((SN, "SN-404")), signer)
    attempt = Attempt("idevid", Operation.ENROLL, station.presented, None, b"wrapped", SOURCE)
    with pytest.raises(NotAuthorized):
        await desk.enrollment.enroll(attempt, lambda _: parse_certification_request(der))
    [entry] = await ledger_entries(desk.store, "certificate.refused")
    assert entry["request_hash"] == hashlib.sha256(der).hexdigest()


async def test_a_key_that_is_taken_is_a_refusal_in_the_ledger(desk: EnrollmentDesk, station: Holder) -> None:
    first = await desk.enroll("idevid", SN_1, by=station)
    with pytest.raises(NotAuthorized):
        await desk.enroll("idevid", Name.of((SN, "SN-2")), by=station, signer=first.signer)
    [entry] = await ledger_entries(desk.store, "certificate.refused")
    assert entry["result"] == "NotAuthorized"


async def test_strangers_are_counted_and_cannot_fill_the_ledger(desk: EnrollmentDesk) -> None:
    before = await ledger_entries(desk.store)
    stranger = presented_chain(b"\x30\x00")
    wrong = BasicCredentials("line-1", "guess")
    for _ in range(3):
        for label, by in (("idevid", None), ("idevid", stranger), ("stations", wrong)):
            with pytest.raises(AuthenticationFailed):
                await desk.enroll(label, SN_1, by=by)
    with pytest.raises(NotFound):
        await desk.enroll("nowhere", SN_1)
    assert await ledger_entries(desk.store) == before
    summary = desk.refusals.drain(NOON)
    assert summary is not None
    assert dict(summary.detail) == {f"{SOURCE} AuthenticationFailed": "9", f"{SOURCE} NotFound": "1"}


async def test_a_strangers_request_is_not_even_read(desk: EnrollmentDesk) -> None:
    read: list[bytes] = []

    def parse(body: bytes) -> KeyedTemplate:
        read.append(body)
        return parse_certification_request(body)

    attempt = Attempt("idevid", Operation.ENROLL, None, None, b"anything", SOURCE)
    with pytest.raises(AuthenticationFailed, match="Authenticate with a client certificate"):
        await desk.enrollment.enroll(attempt, parse)
    assert read == []


async def test_a_disabled_channel_refuses_everybody(desk: EnrollmentDesk, station: Holder) -> None:
    await enable_channel(desk.installation, "idevid", enabled=False)
    with pytest.raises(NotFound):
        await desk.enroll("idevid", SN_1, by=station)
    with pytest.raises(NotFound):
        await desk.enrollment.ca_certificates("idevid")


async def test_the_chain_of_a_channel_goes_up_to_the_root(desk: EnrollmentDesk) -> None:
    """RFC 7030 §4.1.3: the current root and the certificates between."""
    names = ("idevid-issuing", "idevid-root")
    ders = [(await find_generation(desk.installation, name)).certificate.der for name in names]
    assert await desk.enrollment.ca_certificates("idevid") == tuple(ders)


async def test_an_authority_past_its_usage_period_issues_nothing(
    desk: EnrollmentDesk, clock: FixedClock
) -> None:
    generation = await find_generation(desk.installation, "issuing")
    clock.at = generation.issues_until + 1
    with pytest.raises(Unavailable, match="outside the period in which it issues"):
        await desk.station("line-2", "idevid")


async def test_a_clock_before_an_authority_began_is_what_has_to_be_corrected(
    desk: EnrollmentDesk, clock: FixedClock
) -> None:
    """A next generation, made at such a time, would help nobody."""
    before = (await find_generation(desk.installation, "issuing")).certificate.not_before - 1
    secret = await add_station(desk.installation, "line-2", ["idevid"])
    clock.at = before
    with pytest.raises(Unavailable, match="begins later than it is by this machine's clock"):
        await desk.enroll(secret.enrolls_at, by=BasicCredentials("line-2", secret.secret))


async def test_the_next_generation_issues_in_every_worker_and_the_former_ones_certificates_go_on(
    desk: EnrollmentDesk, station: Holder, clock: FixedClock
) -> None:
    """A station is authenticated and renewed as before; a repeated request gets what it got."""
    first = await desk.enroll("idevid", SN_1, by=station)
    installation = desk.installation
    other = open_store(location_of(installation.home, installation.settings.database), clock)
    try:
        second = EnrollmentDesk(installation, other)
        await second.enroll("idevid", SN_1, by=station, signer=first.signer)
        current = await next_generation(installation, "idevid-issuing")
        after = await second.enroll("idevid", Name.of((SN, "SN-2")), by=station)
        again = await second.enroll("idevid", SN_1, by=station, signer=first.signer)
    finally:
        await other.close()
    assert after.certificate.issuer == current.certificate.subject
    assert again.issued.der == first.issued.der
    await next_generation(installation, "issuing")
    renewed = await desk.enroll(
        "stations", station.certificate.subject, by=station, operation=Operation.REENROLL
    )
    assert renewed.certificate.issuer != station.certificate.issuer
    for holder in (station, renewed):
        await desk.enroll("idevid", Name.of((SN, "SN-3")), by=holder)


async def test_what_a_generation_ago_was_past_its_usage_period_issues_again(
    desk: EnrollmentDesk, clock: FixedClock
) -> None:
    generation = await find_generation(desk.installation, "issuing")
    clock.at = generation.issues_until + 1
    await next_generation(desk.installation, "issuing")
    await desk.station("line-2", "idevid")


async def test_a_foreign_root_of_the_next_generation_has_to_be_trusted_before_it_counts(
    desk: EnrollmentDesk, station: Holder, field: EnrollmentDesk
) -> None:
    old = await desk.enroll("idevid", SN_1, by=station)
    await next_generation(desk.installation, "idevid-root", "idevid-issuing")
    new = await desk.enroll("idevid", Name.of((SN, "SN-2")), by=station)
    with pytest.raises(InvalidPath):
        await field.enroll("ldevid", by=new)
    root = await find_generation(desk.installation, "idevid-root")
    pem = pem_of(root.certificate.der).encode()
    await add_anchor(field.installation, "maker-2", pem, Kind.DEVICE, "Maker")
    for holder in (new, old):
        await field.enroll("ldevid", by=holder)


async def test_the_secret_counts_where_both_are_shown(desk: EnrollmentDesk, station: Holder) -> None:
    basic = BasicCredentials("line-1", "guess")
    attempt = Attempt("stations", Operation.ENROLL, station.presented, basic, b"", SOURCE)
    with pytest.raises(AuthenticationFailed, match="one-time secret is wrong"):
        await desk.enrollment.enroll(attempt, parse_certification_request)


async def test_an_identical_retry_with_a_spent_secret_is_answered(desk: EnrollmentDesk) -> None:
    """The reply may have been lost: the secret stays bound to the key it was first used for."""
    by = await secret_of(desk, "line-2")
    first = await desk.enroll("stations", by=by)
    again = await desk.enroll("stations", by=by, signer=first.signer)
    assert (again.issued.der, again.issued.repeated) == (first.issued.der, True)


async def test_a_spent_secret_certifies_no_other_key(desk: EnrollmentDesk) -> None:
    by = await secret_of(desk, "line-2")
    await desk.enroll("stations", by=by)
    with pytest.raises(NotAuthorized, match="was used for another key"):
        await desk.enroll("stations", by=by)
    [entry] = await ledger_entries(desk.store, "certificate.refused")
    assert entry["actor"] == "station:line-2"


async def test_a_spent_secret_does_not_bring_a_revoked_certificate_back(desk: EnrollmentDesk) -> None:
    by = await secret_of(desk, "line-2")
    first = await desk.enroll("stations", by=by)
    operator = desk.installation.operator
    gone = Revocation(first.issued.certificate_id, "station:line-2", "cessationOfOperation", operator, NOON)
    assert await desk.store.write(revoke, gone)
    with pytest.raises(NotAuthorized, match="secret is spent"):
        await desk.enroll("stations", by=by, signer=first.signer)


async def test_a_refused_request_does_not_bind_its_secret(desk: EnrollmentDesk) -> None:
    by = await secret_of(desk, "line-2")
    with pytest.raises(RejectedName):
        await desk.enroll("stations", SN_1, by=by)
    await desk.enroll("stations", by=by)


async def test_of_two_workers_with_one_secret_and_two_keys_one_wins(
    desk: EnrollmentDesk, clock: FixedClock
) -> None:
    by = await secret_of(desk, "line-2")
    installation = desk.installation
    other = open_store(location_of(installation.home, installation.settings.database), clock)
    try:
        second = EnrollmentDesk(installation, other)
        asked = (one.enroll("stations", by=by) for one in (desk, second))
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
    finally:
        await other.close()
    assert sorted(type(one).__name__ for one in outcomes) == ["Holder", "NotAuthorized"]


async def test_two_workers_with_one_request_of_one_station_release_one_certificate(
    desk: EnrollmentDesk, station: Holder, clock: FixedClock
) -> None:
    installation, signer = desk.installation, software_signer()
    other = open_store(location_of(installation.home, installation.settings.database), clock)
    try:
        desks = (desk, EnrollmentDesk(installation, other), desk)
        asked = (one.enroll("idevid", SN_1, by=station, signer=signer) for one in desks)
        holders = await asyncio.gather(*asked)
    finally:
        await other.close()
    assert len({holder.issued.der for holder in holders}) == 1
    assert len(await ledger_entries(desk.store, "certificate.revoked")) == 0


async def test_another_worker_follows_a_revocation_with_its_next_request(
    desk: EnrollmentDesk, station: Holder, clock: FixedClock
) -> None:
    installation = desk.installation
    other = open_store(location_of(installation.home, installation.settings.database), clock)
    try:
        second = EnrollmentDesk(installation, other)
        await second.enroll("idevid", SN_1, by=station)
        wanted = Revocation(
            station.issued.certificate_id, "station:line-1", "keyCompromise", installation.operator, NOON
        )
        assert await desk.store.write(revoke, wanted)
        with pytest.raises(AuthenticationFailed, match="is revoked"):
            await second.enroll("idevid", Name.of((SN, "SN-2")), by=station)
    finally:
        await other.close()
