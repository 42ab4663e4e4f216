"""A policy comes into force as a whole, recorded, once; or nothing happens."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from keyworks.errors import InternalError, NotFound, OperatorError, Overtaken
from keyworks.service.authorities import list_generations
from keyworks.service.authority_policy import NewAuthority, create_authority
from keyworks.service.channels import NewChannel, create_channel, enable_channel
from keyworks.service.installation import Installation, open_installation
from keyworks.service.policy.apply import Proposal, amend, apply, propose
from keyworks.service.policy.document import digest_of, with_section
from keyworks.service.policy.history import export_policy, present_policy, version_text, versions
from keyworks.settings.factory import Draft, FactoryDocument, SiteSection
from keyworks.settings.toml import Source
from keyworks.store.engine import Transaction
from keyworks.testing import FixedClock, allow_inserts, ledger_entries, refuse_inserts, sql

Propose = Callable[[str], Awaitable[Proposal]]
ADDED = """
[authority.second]
profile = "own"
parent = "top"

[authority.top]
profile = "root"
key = "P-384"

[profile.own]
based_on = "issuing"
lifetime = "5y"

[profile.pump]
based_on = "ldevid"
lifetime = "90d"

[channel.pumps]
authority = "second"
profile = "pump"
approvals = 1
default = true

[site.hall-1]
zone = "control"

[service.broker]
channels = ["services"]
site = "hall-1"
dns = ["mqtt.plant.example"]

[channel.services]
authority = "second"
profile = "tls-service"
"""


def _execute(tx: Transaction, statements: Sequence[str]) -> list[None]:
    for one in statements:
        tx.execute(sql(one))
    return [None] * len(statements)


async def test_what_is_applied_is_in_force(operator: Installation, text: str, applied: Propose) -> None:
    await applied(text + ADDED)
    register, _ = await operator.registers.current()
    assert await export_policy(operator) != text
    assert (register.channel(None).label, register.channel("pumps").policy.approvals) == ("pumps", 1)
    assert register.authority("top").key_type == "P-384"
    second = register.current_generation(register.authority("second").id)
    assert second.authority.parent_id == register.authority("top").id
    assert second.certificate.not_after - second.certificate.not_before < 6 * 365 * 86_400
    assert register.accounts["broker"].names == {"dns": ("mqtt.plant.example",)}
    assert (register.profiles["pump"].version, register.profiles["pump"].base) == (1, "ldevid")


async def test_applying_it_again_changes_nothing(
    operator: Installation, text: str, applied: Propose, proposed: Propose
) -> None:
    await applied(text + ADDED)
    for same in (text + ADDED, await export_policy(operator)):
        assert (await proposed(same)).steps == ()
    assert [one.number for one in await versions(operator)] == [1, 2]


async def test_a_version_and_the_ledger_name_each_other(
    operator: Installation, text: str, applied: Propose
) -> None:
    proposal = await applied(text + ADDED)
    last = (await versions(operator))[-1]
    assert (last.number, last.what, last.actor) == (2, "apply factory.toml", operator.operator.actor)
    document = await version_text(operator, 2)
    assert last.sha256 == digest_of(document) == digest_of(await export_policy(operator))
    entries = await ledger_entries(operator.store)
    [*steps, applied_entry] = entries[-len(proposal.steps) - 1 :]
    assert applied_entry["object"] == "policy:2"
    assert applied_entry["detail"] == {"sha256": last.sha256, "what": "apply factory.toml"}
    assert {"channel:pumps", "site:hall-1", "service:broker"} < {one["object"] for one in steps}


async def test_every_change_by_command_is_a_version(operator: Installation) -> None:
    await enable_channel(operator, "ldevid", enabled=False)
    await enable_channel(operator, "ldevid", enabled=False)
    await create_authority(operator, NewAuthority("second", "root"))
    assert [one.what for one in await versions(operator)] == [
        "init",
        "channel disable ldevid",
        "authority create second",
    ]
    for one in await versions(operator):
        assert digest_of(await version_text(operator, one.number)) == one.sha256


async def test_of_two_that_are_applied_at_once_one_wins_and_the_other_is_told(
    operator: Installation, text: str, proposed: Propose
) -> None:
    one = await proposed(f"{text}\n[site.one]\n[authority.one]\nprofile = 'root'\n")
    other = await proposed(f"{text}\n[site.other]\n[authority.other]\nprofile = 'root'\n")
    outcomes = await asyncio.gather(
        apply(operator, one, "one"), apply(operator, other, "other"), return_exceptions=True
    )
    assert outcomes[0] == 2
    assert isinstance(outcomes[1], Overtaken)
    assert outcomes[1].detail == "Version 2 was applied meanwhile, so nothing was changed; plan again."
    present = await present_policy(operator)
    assert (list(present.site), set(present.authority)) == (["one"], {"root", "issuing", "one"})
    register, _ = await operator.registers.current()
    assert "other" not in register.authorities


async def test_who_applies_the_same_at_once_is_told_to_plan_again(
    operator: Installation, text: str, proposed: Propose
) -> None:
    same = await proposed(f"{text}\n[authority.one]\nprofile = 'root'\n")
    outcomes = await asyncio.gather(*(apply(operator, same, "same") for _ in range(2)), return_exceptions=True)
    [late] = [one for one in outcomes if one != 2]
    assert isinstance(late, Overtaken)
    assert "plan again" in late.detail


async def test_whoever_is_too_late_with_an_authority_leaves_no_key(
    operator: Installation, operator_home: Path, clock: FixedClock, text: str, proposed: Propose
) -> None:
    """It may have made a key by then, over connections of its own, as another process has."""
    same = await proposed(text + ADDED)
    before = await operator.store.read(_key_ids)
    async with open_installation(operator_home, clock) as other:
        outcomes = await asyncio.gather(
            *(apply(one, same, "same") for one in (operator, other)), return_exceptions=True
        )
    assert sorted(type(one).__name__ for one in outcomes) == ["Overtaken", "int"]
    kept = (await operator.store.read(_key_ids)) - before
    known = {one.issuer.key_id for one in await list_generations(operator)}
    assert (len(kept), kept <= known) == (ADDED.count("[authority."), True)
    generated, destroyed = [
        {entry["detail"]["key"] for entry in await ledger_entries(operator.store, action)}
        for action in ("key.generated", "key.destroyed")
    ]
    assert generated - destroyed == kept | before
    assert destroyed.isdisjoint(kept | before)


def _key_ids(tx: Transaction) -> set[str]:
    return {row[0] for row in tx.execute(sql("SELECT id FROM sealed_key"))}


async def test_who_comes_too_late_makes_not_even_a_key(
    operator: Installation, text: str, proposed: Propose
) -> None:
    late = await proposed(f"{text}\n[authority.late]\nprofile = 'root'\n")
    await enable_channel(operator, "ldevid", enabled=False)
    before = await ledger_entries(operator.store)
    with pytest.raises(Overtaken):
        await apply(operator, late, "late")
    assert await ledger_entries(operator.store) == before


async def test_two_processes_that_apply_at_once_do_not_mix(
    operator: Installation, operator_home: Path, clock: FixedClock
) -> None:
    async with open_installation(operator_home, clock) as other:
        await asyncio.gather(
            *(
                amend(where, name, lambda one, name=name: with_section(one, "site", name, SiteSection()))  # type: ignore[misc]
                for where in (operator, other)
                for name in (f"{where is other}-1", f"{where is other}-2")
            )
        )
        assert len((await present_policy(other)).site) == 4
    assert [one.number for one in await versions(operator)] == [1, 2, 3, 4, 5]


async def test_an_authority_that_was_prepared_and_never_applied_is_used_the_next_time(
    operator: Installation, text: str, proposed: Propose
) -> None:
    """A process that is killed between the key and the policy leaves an authority that is not in force."""
    proposal = await proposed(text + ADDED)
    await operator.store.write(refuse_inserts, "policy_version")
    with pytest.raises(InternalError, match="database refused"):
        await apply(operator, proposal, "first")
    assert set((await present_policy(operator)).authority) == {"root", "issuing"}
    await operator.store.write(allow_inserts, "policy_version")
    prepared = {one.certificate.fingerprint for one in await list_generations(operator)}
    await apply(operator, await proposed(text + ADDED), "second")
    assert {one.certificate.fingerprint for one in await list_generations(operator)} == prepared


async def test_what_was_prepared_keeps_what_is_certified(
    operator: Installation, text: str, proposed: Propose
) -> None:
    proposal = await proposed(text + ADDED)
    await enable_channel(operator, "ldevid", enabled=False)
    await enable_channel(operator, "ldevid", enabled=True)
    with pytest.raises(Overtaken):
        await apply(operator, proposal, "late")
    await apply(operator, await proposed(text + ADDED), "in time")
    with pytest.raises(OperatorError, match=r"authority\.top\.profile: it is certified with root"):
        await proposed((text + ADDED).replace('profile = "root"\nkey', 'profile = "idevid-root"\nkey'))


async def test_what_goes_is_retired_and_can_come_back(
    operator: Installation, text: str, applied: Propose
) -> None:
    await applied(text + ADDED)
    register, _ = await operator.registers.current()
    channel, authority = register.channels["pumps"], register.authorities["second"]
    await applied(text)
    register, _ = await operator.registers.current()
    assert set(register.authorities) == {"root", "issuing"}
    assert register.labels[channel.id] == "pumps"
    assert "pump" not in (await present_policy(operator)).profile
    with pytest.raises(NotFound):
        register.channel("pumps")
    await applied(text + ADDED)
    register, _ = await operator.registers.current()
    assert (register.channels["pumps"], register.authorities["second"]) == (channel, authority)
    assert register.profiles["pump"].version == 1


async def test_a_disabled_authority_s_channels_refuse_everybody(
    operator: Installation, text: str, applied: Propose
) -> None:
    await applied(text + ADDED.replace('profile = "own"', 'profile = "own"\nenabled = false'))
    register, _ = await operator.registers.current()
    with pytest.raises(NotFound, match="Channel 'pumps' is disabled"):
        register.channel("pumps")


async def test_an_amendment_that_cannot_be_is_told_without_lines(operator: Installation) -> None:
    with pytest.raises(OperatorError, match=r"^channel\.x\.authority: there is no authority 'none'"):
        await create_channel(operator, NewChannel("x", "none", "ldevid"))


async def test_a_document_is_refused_in_the_words_of_who_wrote_it(operator: Installation, text: str) -> None:
    source = Source("plant.toml", f"{text}\n[station.'a b']\n")
    with pytest.raises(
        OperatorError, match=r"^plant\.toml:[0-9]+: station\.a b: it cannot be a station's name"
    ):
        await propose(operator, Draft(source.read(FactoryDocument), source=source))
