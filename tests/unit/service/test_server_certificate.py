"""The server's own TLS certificate."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from keyworks import oids
from keyworks.authority.derivation import ProfileChanges, derive
from keyworks.authority.library import PROFILES
from keyworks.authority.profile import Profile
from keyworks.authority.register import Register, Registers
from keyworks.authority.status import CertificateRecord, Filter
from keyworks.errors import OperatorError
from keyworks.keys.records import find_key
from keyworks.keys.software import public_key_of
from keyworks.service.authorities import find_generation, root_of
from keyworks.service.certificates import certificates, revoke_by_operator
from keyworks.service.channels import enable_channel
from keyworks.service.installation import Installation, open_installation
from keyworks.service.server_certificate import (
    server_certificate,
    server_root,
    server_signer,
    valid_server_certificate,
)
from keyworks.testing import NOON, FixedClock, ledger_entries, next_generation, sql
from keyworks.x509.certificate import Certificate
from keyworks.x509.general_name import SubjectAltName
from keyworks.x509.path import validate


@pytest.fixture
async def other(supplier: Installation, supplier_home: Path, clock: FixedClock) -> AsyncIterator[Installation]:
    """The same installation, opened by a second worker."""
    assert supplier.home == supplier_home
    async with open_installation(supplier_home, clock) as other:
        yield other


async def _all(installation: Installation) -> list[CertificateRecord]:
    return await certificates(installation, Filter(profile="tls-server"))


def _renamed(installation: Installation, *names: str) -> Installation:
    settings = installation.settings
    node = type(settings.node)(name=settings.node.name, names=names)
    return replace(installation, settings=type(settings)(node=node, keys=settings.keys))


def _advance_to(clock: FixedClock, present: CertificateRecord, numerator: int, denominator: int) -> None:
    clock.at = present.not_before + (present.not_after - present.not_before) * numerator // denominator


async def test_the_server_serves_with_the_certificate_made_at_creation(supplier: Installation) -> None:
    [record] = await _all(supplier)
    served = await server_certificate(supplier)
    assert served.chain[0] == record.der
    assert await _all(supplier) == [record]


async def test_the_chain_reaches_the_root_so_that_clients_can_pin_any_of_it(supplier: Installation) -> None:
    leaf, issuing, root = (await server_certificate(supplier)).chain
    path = validate([leaf, issuing], [Certificate.parse(root)], at=NOON)
    assert len(path.certificates) == 3


async def test_it_has_the_nodes_names_and_is_for_servers(supplier: Installation) -> None:
    """RFC 9110 §4.3.4: clients compare with subjectAltName."""
    certificate = Certificate.parse((await server_certificate(supplier)).chain[0])
    assert certificate.subject_alt_name is not None
    assert certificate.subject_alt_name.dns == ("localhost",)
    assert certificate.subject_alt_name.ip == ("127.0.0.1",)
    assert certificate.extended_key_usage == (oids.KP_SERVER_AUTH,)


async def test_its_private_key_is_the_certificates_and_never_shown(supplier: Installation) -> None:
    served = await server_certificate(supplier)
    private = load_pem_private_key(served.private_key, None)
    assert public_key_of(private) == Certificate.parse(served.chain[0]).public_key  # type: ignore[arg-type]
    assert "private_key" not in repr(served)


async def test_it_is_kept_until_two_thirds_of_its_life_and_then_renewed(
    supplier: Installation, clock: FixedClock
) -> None:
    [first] = await _all(supplier)
    _advance_to(clock, first, 2, 3)
    clock.advance(timedelta(seconds=-1))
    assert (await server_certificate(supplier)).chain[0] == first.der
    clock.advance(timedelta(seconds=1))
    second = Certificate.parse((await server_certificate(supplier)).chain[0])
    assert second.not_after > first.not_after
    assert second.public_key.fingerprint != first.public_key
    assert second.subject_alt_name == Certificate.parse(first.der).subject_alt_name


async def test_the_former_one_stays_valid_for_connections_that_know_it(
    supplier: Installation, clock: FixedClock
) -> None:
    [first] = await _all(supplier)
    _advance_to(clock, first, 2, 3)
    await server_certificate(supplier)
    assert [one.state for one in await _all(supplier)] == ["valid", "valid"]


async def test_it_follows_the_names_in_the_settings_back_and_forth(supplier: Installation) -> None:
    here, elsewhere = supplier, _renamed(supplier, "pki.example", "::1")
    served = [(await server_certificate(one)).chain[0] for one in (here, elsewhere, elsewhere, here, here)]
    assert served[1] == served[2]
    assert served[3] == served[4]
    assert len(set(served)) == 3
    names = Certificate.parse(served[1]).subject_alt_name
    assert names is not None
    assert (names.dns, names.ip) == (("pki.example",), ("::1",))


async def test_the_root_that_clients_pin_is_the_one_above_it_until_the_next_generation_renews_it(
    supplier: Installation, clock: FixedClock
) -> None:
    former, [first] = await server_root(supplier), await _all(supplier)
    current = root_of(await next_generation(supplier, "root", "issuing"))
    served = await server_certificate(supplier)
    assert (served.chain[0], await server_root(supplier)) == (first.der, former)
    _advance_to(clock, first, 2, 3)
    leaf, *above, root = (await server_certificate(supplier)).chain
    assert await server_root(supplier) == Certificate.parse(root) == current != former
    validate([leaf, *above], [current], at=clock.now())


async def test_messages_are_signed_with_the_key_of_the_certificate_that_is_served(
    supplier: Installation,
) -> None:
    served = await server_certificate(supplier)
    signer, chain = await server_signer(supplier)
    assert chain == served.chain
    key = Certificate.parse(chain[0]).public_key
    key.verify(await signer.sign(b"message"), b"message", signer.algorithm)


async def test_nothing_is_signed_with_a_certificate_that_is_not_valid(supplier: Installation) -> None:
    [first] = await _all(supplier)
    await revoke_by_operator(supplier, first.id, "superseded")
    with pytest.raises(OperatorError, match="no valid certificate to sign with"):
        await server_signer(supplier)


async def test_a_root_to_pin_is_known_before_there_is_a_certificate(supplier: Installation) -> None:
    [first] = await _all(supplier)
    await revoke_by_operator(supplier, first.id, "superseded")
    assert await server_root(supplier) == root_of(await find_generation(supplier, "issuing"))


async def test_a_revoked_one_is_replaced(supplier: Installation) -> None:
    [first] = await _all(supplier)
    await revoke_by_operator(supplier, first.id, "keyCompromise")
    served = Certificate.parse((await server_certificate(supplier)).chain[0])
    assert served.public_key.fingerprint != first.public_key


async def test_an_expired_one_is_replaced(supplier: Installation, clock: FixedClock) -> None:
    [first] = await _all(supplier)
    clock.at = first.not_after + 1
    served = Certificate.parse((await server_certificate(supplier)).chain[0])
    assert served.not_before <= clock.at <= served.not_after


async def test_it_is_issued_on_the_one_path_and_entered(supplier: Installation, clock: FixedClock) -> None:
    [first] = await _all(supplier)
    _advance_to(clock, first, 3, 4)
    before = len(await ledger_entries(supplier.store))
    await server_certificate(supplier)
    made, issued = (await ledger_entries(supplier.store))[before:]
    assert (made["action"], issued["action"]) == ("key.generated", "certificate.issued")
    assert made["object"] == issued["object"] == issued["actor"] == "service:supplier"


@pytest.mark.parametrize("due", ["renewal", "first"])
async def test_two_workers_that_start_together_are_issued_one(
    supplier: Installation, other: Installation, clock: FixedClock, due: str
) -> None:
    [first] = await _all(supplier)
    if due == "renewal":
        _advance_to(clock, first, 3, 4)
    else:
        await revoke_by_operator(supplier, first.id, "superseded")
    one, two = await asyncio.gather(server_certificate(supplier), server_certificate(other))
    assert one == two
    assert one.chain[0] != first.der
    assert len(await _all(supplier)) == 2
    [destroyed] = await ledger_entries(supplier.store, "key.destroyed")
    assert await supplier.store.read(lambda tx: find_key(tx, destroyed["detail"]["key"])) is None


async def test_a_disabled_channel_serves_the_present_one_but_issues_none(
    supplier: Installation, clock: FixedClock
) -> None:
    [first] = await _all(supplier)
    await enable_channel(supplier, "tls", enabled=False)
    assert (await server_certificate(supplier)).chain[0] == first.der
    _advance_to(clock, first, 3, 4)
    with pytest.raises(OperatorError, match="channel tls is disabled"):
        await server_certificate(supplier)


async def test_a_certificate_without_its_key_is_told_with_the_remedy(supplier: Installation) -> None:
    await supplier.store.write(
        lambda tx, items: [
            tx.execute(sql("DELETE FROM sealed_key WHERE purpose = :purpose"), {"purpose": item})
            for item in items
        ],
        "tls",
    )
    with pytest.raises(OperatorError, match="revoke that certificate"):
        await server_certificate(supplier)


async def test_an_installation_without_a_channel_for_servers_is_told(supplier: Installation) -> None:
    await supplier.store.write(
        lambda tx, items: [
            tx.execute(sql("DELETE FROM channel WHERE label = :label"), {"label": item}) for item in items
        ],
        "tls",
    )
    async with open_installation(supplier.home, supplier.clock) as reopened:
        with pytest.raises(OperatorError, match="no channel with profile tls-server"):
            await server_certificate(reopened)


async def test_the_valid_certificate_is_found_though_it_is_due(
    supplier: Installation, clock: FixedClock
) -> None:
    own = await server_certificate(supplier)
    clock.advance(timedelta(days=300))
    assert await valid_server_certificate(supplier) == own
    clock.advance(timedelta(days=66))
    assert await valid_server_certificate(supplier) is None


class _WithProfile(Registers):
    """The register in force, but for the profile of the server's own channel."""

    profile: Profile

    async def current(self) -> tuple[Register, tuple[int, int]]:
        register, epoch = await super().current()
        channels = {
            label: replace(one, profile=self.profile) if one.profile.base == "tls-server" else one
            for label, one in register.channels.items()
        }
        profiles = {**register.profiles, self.profile.name: self.profile}
        return replace(register, channels=channels, profiles=profiles), epoch


async def test_a_factorys_own_profile_decides_its_names(supplier: Installation) -> None:
    registers = _WithProfile(supplier.store)
    rules = ProfileChanges(
        subject=(("CN", "{name}"),), alternative=(("dns", "*.plant.example"), ("ip", "{ip}"))
    )
    registers.profile = derive(PROFILES["tls-server"], "own-server", 1, rules)
    own = replace(supplier, registers=registers)
    served = await server_certificate(own)
    certificate = Certificate.parse(served.chain[0])
    assert certificate.subject.text == "CN=supplier"
    assert certificate.subject_alt_name == SubjectAltName(dns=("*.plant.example",), ip=("127.0.0.1",))
    assert await server_certificate(own) == served, "it is found again, and no further one issued"
    assert (await valid_server_certificate(own)) == served
