"""``keyworks station``."""

from tests.unit.cli.typed import Typed


def test_a_station_gets_a_secret_that_is_printed_once(supplier_cli: Typed) -> None:
    new = supplier_cli.json("station", "add", "line-1", "--channel", "idevid")
    assert (new["name"], new["channels"], new["enrolls_at"]) == ("line-1", ["stations", "idevid"], "stations")
    assert len(new["secret"]) >= 27
    assert new["secret"] not in supplier_cli.done("station", "list")
    assert new["secret"] not in supplier_cli.done("ledger", "show")


def test_what_to_type_on_the_station_pins_this_servers_root(supplier_cli: Typed) -> None:
    told = supplier_cli.done("station", "add", "line-1", "--channel", "idevid")
    assert f"--trust {supplier_cli.json('authority', 'show', 'root')['fingerprint']}" in told
    assert "--subject CN=line-1" in told


def test_what_to_type_pins_the_root_that_the_server_is_still_below(supplier_cli: Typed) -> None:
    """Its certificate is a former generation's until it is renewed."""
    former = supplier_cli.json("authority", "show", "root")["fingerprint"]
    for name in ("root", "issuing"):
        supplier_cli.done("authority", "next", name, "--yes")
    assert supplier_cli.json("station", "add", "line-1")["trust"] == former


def test_a_station_is_stopped_and_let_work_again(supplier_cli: Typed) -> None:
    supplier_cli.done("station", "add", "line-1")
    for verb, active in (("disable", False), ("enable", True)):
        supplier_cli.done("station", verb, "line-1")
        assert [one["active"] for one in supplier_cli.json("station", "list")] == [active]


def test_a_channel_that_serves_no_stations_is_refused(supplier_cli: Typed) -> None:
    assert "no channel 'tls' that serves a station" in supplier_cli.refused(
        "station", "add", "x", "--channel", "tls"
    )


def test_a_station_that_is_not_there_is_not_switched(supplier_cli: Typed) -> None:
    assert "no station 'x'" in supplier_cli.refused("station", "disable", "x")
