"""The register follows the trust epoch."""

import asyncio

import pytest

from keyworks.access.principal import Kind
from keyworks.authority.profile import YEAR
from keyworks.authority.register import Registers, read_register
from keyworks.errors import NotFound, OperatorError, Unavailable
from keyworks.service.anchors import drop_anchor
from keyworks.service.authorities import find_generation
from keyworks.service.authority_policy import NewAuthority, create_authority
from keyworks.service.channels import NewChannel, create_channel, enable_channel, set_default_channel
from keyworks.service.installation import Installation, open_installation
from keyworks.testing import EnrollmentDesk, FixedClock, next_generation


async def test_a_register_holds_what_is_configured(supplier: Installation) -> None:
    register = await supplier.store.read(read_register)
    assert set(register.authorities) == {"root", "issuing", "idevid-root", "idevid-issuing"}
    assert set(register.channels) == {"tls", "stations", "idevid"}
    channel = register.channel("idevid")
    assert channel.accepts == {Kind.STATION}
    assert channel.profile.name == "idevid"
    issuing = register.current_generation(channel.authority_id)
    assert issuing.authority.name == "idevid-issuing"
    assert len(issuing.issuer.chain) == 2


async def test_a_register_is_read_anew_only_after_a_change(supplier: Installation) -> None:
    registers = Registers(supplier.store)
    before, epoch = await registers.current()
    assert (await registers.current())[0] is before
    await create_channel(supplier, NewChannel("more", "idevid-issuing", "idevid"))
    after, later = await registers.current()
    assert "more" not in before.channels
    assert "more" in after.channels
    assert later[0] > epoch[0]


async def test_what_another_process_changes_is_seen_by_the_next_request(
    supplier: Installation, clock: FixedClock
) -> None:
    async with open_installation(supplier.home, clock) as other:
        for enabled in (False, True, False):
            await supplier.registers.current()
            await enable_channel(other, "idevid", enabled=enabled)
            await asyncio.sleep(0)
            register, _ = await supplier.registers.current()
            assert register.channels["idevid"].enabled is enabled


async def test_requests_that_ask_together_see_the_same(supplier: Installation) -> None:
    registers = Registers(supplier.store)
    found = await asyncio.gather(*(registers.current() for _ in range(5)))
    assert len({id(register) for register, _ in found}) == 1


async def test_a_disabled_channel_serves_nobody_until_it_is_enabled_again(supplier: Installation) -> None:
    await enable_channel(supplier, "idevid", enabled=False)
    register, _ = await supplier.registers.current()
    with pytest.raises(NotFound, match="Channel 'idevid' is disabled"):
        register.channel("idevid")
    await enable_channel(supplier, "idevid", enabled=True)
    register, _ = await supplier.registers.current()
    assert register.channel("idevid").enabled


async def test_an_anchor_goes_with_the_next_request(field: EnrollmentDesk) -> None:
    register, _ = await field.registers.current()
    assert [anchor.name for anchor in register.anchors] == ["maker"]
    await drop_anchor(field.installation, "maker")
    register, _ = await field.registers.current()
    assert register.anchors == ()


async def test_names_that_are_not_configured_are_refused(supplier: Installation) -> None:
    register, _ = await supplier.registers.current()
    with pytest.raises(NotFound, match="ask the operator for the right label"):
        register.channel("nowhere")
    with pytest.raises(OperatorError, match="no authority 'nobody'"):
        register.authority("nobody")
    with pytest.raises(Unavailable, match="has no key yet"):
        register.current_generation("no such id")


async def test_a_new_generation_is_the_current_one_and_the_former_one_stays_known(
    supplier: Installation,
) -> None:
    registers = Registers(supplier.store)
    before, _ = await registers.current()
    started = await next_generation(supplier, "issuing")
    after, _ = await registers.current()
    assert after.current_generation(started.authority.id) == started
    assert before.generations.items() < after.generations.items()


async def test_certificates_of_all_generations_that_are_valid_can_be_verified_the_current_ones_first(
    supplier: Installation, clock: FixedClock
) -> None:
    """RFC 7030 §4.1.3: the current root, and what else is needed to build a path to it."""
    first, root = await find_generation(supplier, "issuing"), await find_generation(supplier, "root")
    second = await next_generation(supplier, "issuing")
    clock.advance(5 * YEAR)
    third = await next_generation(supplier, "root", "issuing")
    register, _ = await supplier.registers.current()
    authority, (own, above) = first.authority.id, third.issuer.chain
    former = (second.certificate.der, root.certificate.der, first.certificate.der)
    assert above not in former
    across = tuple(one.der for one in register.rollovers)
    assert register.ca_certificates(authority, clock.now()) == (own, above, *former, *across)
    ended = first.certificate.not_after + 1
    old, both = root.certificate.der, set(across)
    assert set(register.ca_certificates(authority, ended)) == {own, above, old, *both}
    assert register.ca_certificates(root.authority.id, ended) == (above, old, *across)
    assert register.ca_certificates(authority, root.certificate.not_after + 1) == (own, above)


async def test_an_authority_that_is_added_issues_at_once(supplier: Installation) -> None:
    await create_authority(supplier, NewAuthority("second", "issuing", "root"))
    register, _ = await supplier.registers.current()
    second = register.current_generation(register.authority("second").id)
    assert second.number == 1
    assert second.issuer.chain[1] == register.current_generation(register.authority("root").id).certificate.der


async def test_without_a_label_the_default_channel_is_meant(supplier: Installation) -> None:
    """RFC 7030 §3.2.2: a path without a label."""
    register, _ = await supplier.registers.current()
    with pytest.raises(NotFound, match="no default one is set"):
        register.channel(None)
    await set_default_channel(supplier, "stations")
    register, _ = await supplier.registers.current()
    assert register.channel(None) is register.channel("stations")
    await enable_channel(supplier, "stations", enabled=False)
    register, _ = await supplier.registers.current()
    with pytest.raises(NotFound, match="'stations' is disabled"):
        register.channel(None)
