"""The register follows the trust epoch."""

import pytest

from keyworks.access.principal import Kind
from keyworks.authority.register import Registers, read_register
from keyworks.errors import NotFound, OperatorError, Unavailable
from keyworks.service.anchors import drop_anchor
from keyworks.service.authorities import NewAuthority, create_authority
from keyworks.service.channels import NewChannel, create_channel, enable_channel
from keyworks.service.installation import Installation
from keyworks.testing import EnrollmentDesk


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


async def test_an_authority_that_is_added_issues_at_once(supplier: Installation) -> None:
    await create_authority(supplier, NewAuthority("second", "issuing", "Example", "http://pki.example", "root"))
    register, _ = await supplier.registers.current()
    second = register.current_generation(register.authority("second").id)
    assert second.number == 1
    assert second.issuer.chain[1] == register.current_generation(register.authority("root").id).certificate.der
