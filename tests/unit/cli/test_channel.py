"""``keyworks channel``."""

from tests.unit.cli.typed import Typed


def test_channels_are_listed_with_who_may_ask(operator_cli: Typed) -> None:
    listed = {one["label"]: one["accepts"] for one in operator_cli.json("channel", "list")}
    assert listed == {"ldevid": ["device"], "stations": ["station"], "tls": []}


def test_a_channel_is_created_and_says_where_it_serves(operator_cli: Typed) -> None:
    words = ("channel", "create", "line-2", "--authority", "issuing", "--profile", "ldevid")
    assert "/.well-known/est/line-2/" in operator_cli.done(*words)
    assert "already" in operator_cli.refused(*words)


def test_a_channel_is_disabled_and_enabled_again(operator_cli: Typed) -> None:
    for verb, enabled in (("disable", False), ("enable", True)):
        operator_cli.done("channel", verb, "ldevid")
        listed = {one["label"]: one["enabled"] for one in operator_cli.json("channel", "list")}
        assert listed["ldevid"] is enabled


def test_a_channel_that_is_not_there_is_not_switched(operator_cli: Typed) -> None:
    assert "no channel 'x'" in operator_cli.refused("channel", "disable", "x")


def test_a_default_channel_is_set_and_taken_back(operator_cli: Typed) -> None:
    assert "go to ldevid" in operator_cli.done("channel", "default", "ldevid")
    assert [one["label"] for one in operator_cli.json("channel", "list") if one["default"]] == ["ldevid"]
    assert "have to name" in operator_cli.done("channel", "default", "--none")
    assert not any(one["default"] for one in operator_cli.json("channel", "list"))
    assert "nobody can ask" in operator_cli.refused("channel", "default", "tls")


def test_a_default_channel_is_named_or_none_is(operator_cli: Typed) -> None:
    for words in ((), ("ldevid", "--none")):
        assert "Name the channel, or say --none" in operator_cli.refused("channel", "default", *words, code=2)
