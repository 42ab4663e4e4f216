"""Channels: how one kind of subject gets one kind of certificate."""

import asyncio
from dataclasses import replace

import pytest

from keyworks.access.principal import Kind
from keyworks.errors import NotFound, OperatorError
from keyworks.service.channels import (
    NewChannel,
    create_channel,
    enable_channel,
    list_channels,
    set_default_channel,
)
from keyworks.service.installation import Installation

NEW = NewChannel("line-stations", "issuing", "station")


async def test_a_channel_serves_from_now_on(supplier: Installation) -> None:
    channel = await create_channel(supplier, NEW)
    register, _ = await supplier.registers.current()
    assert register.channel("line-stations") == channel
    assert (channel.profile.name, channel.accepts, channel.enabled) == (
        "station",
        frozenset({Kind.STATION}),
        True,
    )


async def test_channels_are_listed_by_label_with_their_authorities(supplier: Installation) -> None:
    listed = [(one.channel.label, one.authority) for one in await list_channels(supplier)]
    assert listed == [("idevid", "idevid-issuing"), ("stations", "issuing"), ("tls", "issuing")]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"label": "idevid"}, "There is a channel 'idevid' already"),
        ({"label": "Line"}, "cannot be a label"),
        ({"label": "a/b"}, "cannot be a label"),
        ({"label": "x" * 33}, "cannot be a label"),
        ({"label": "cacerts"}, "a word of an enrollment protocol"),
        ({"label": "p"}, "a word of an enrollment protocol"),
        ({"authority": "none"}, "no authority 'none'"),
        ({"authority": "root"}, "certifies authorities only"),
        ({"profile": "issuing"}, "no profile of a channel 'issuing'"),
        ({"profile": "dealer"}, "no profile of a channel 'dealer'"),
        ({"profile": "idevid"}, "IDevIDs, and only they"),
        ({"authority": "idevid-issuing"}, "IDevIDs, and only they"),
    ],
)
async def test_what_cannot_be_is_told(supplier: Installation, changes: dict[str, str], sentence: str) -> None:
    before = await list_channels(supplier)
    with pytest.raises(OperatorError, match=sentence):
        await create_channel(supplier, replace(NEW, **changes))
    assert await list_channels(supplier) == before


async def test_of_two_channels_of_one_label_at_once_one_is_created(supplier: Installation) -> None:
    outcomes = await asyncio.gather(*(create_channel(supplier, NEW) for _ in range(2)), return_exceptions=True)
    assert [type(outcome).__name__ for outcome in outcomes] == ["Channel", "OperatorError"]


async def test_a_disabled_channel_is_not_there_until_it_is_enabled(supplier: Installation) -> None:
    await enable_channel(supplier, "idevid", enabled=False)
    register, _ = await supplier.registers.current()
    with pytest.raises(NotFound):
        register.channel("idevid")
    await enable_channel(supplier, "idevid", enabled=True)
    register, _ = await supplier.registers.current()
    assert register.channel("idevid").enabled


async def test_a_channel_that_is_not_there_is_told(supplier: Installation) -> None:
    with pytest.raises(OperatorError, match="no channel 'none'"):
        await enable_channel(supplier, "none", enabled=False)


async def test_one_channel_at_most_is_the_default_one(supplier: Installation) -> None:
    for label in ("idevid", "stations", None):
        await set_default_channel(supplier, label)
        register, _ = await supplier.registers.current()
        assert [one.label for one in register.channels.values() if one.is_default] == ([label] if label else [])


async def test_what_is_not_there_or_serves_nobody_is_no_default_and_the_former_one_stays(
    supplier: Installation,
) -> None:
    await set_default_channel(supplier, "idevid")
    for label, sentence in (("nobody", "no channel 'nobody'"), ("tls", "nobody can ask there")):
        with pytest.raises(OperatorError, match=sentence):
            await set_default_channel(supplier, label)
    register, _ = await supplier.registers.current()
    assert register.channel(None).label == "idevid"
