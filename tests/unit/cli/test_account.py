"""``keyworks service`` and ``keyworks person``."""

import pytest

from tests.unit.cli.typed import Typed


@pytest.fixture
def plant(operator_cli: Typed) -> Typed:
    """An operator's installation with channels for services and people."""
    for label, profile in (("services", "tls-service"), ("staff", "staff")):
        operator_cli.done("channel", "create", label, "--authority", "issuing", "--profile", profile)
    return operator_cli


def test_a_service_is_registered_with_its_names_and_gets_a_secret(plant: Typed) -> None:
    words = ("service", "add", "broker", "--channel", "services", "--dns", "a.example", "--dns", "b.example")
    made = plant.json(*words, "--ip", "192.0.2.1")
    assert (made["name"], made["enrolls_at"]) == ("broker", "services")
    assert plant.json("service", "list") == [
        {
            "name": "broker",
            "active": True,
            "channels": ["services"],
            "site": None,
            "names": {"dns": ["a.example", "b.example"], "ip": ["192.0.2.1"]},
        }
    ]
    assert "--label services" in plant.done("service", "secret", "broker")


def test_a_person_is_registered_and_stopped(plant: Typed) -> None:
    plant.done("person", "add", "a.smith", "--channel", "staff", "--email", "a.smith@plant.example")
    assert plant.done("person", "disable", "a.smith") == "Person a.smith is refused from now on.\n"
    assert [one["active"] for one in plant.json("person", "list")] == [False]
    assert plant.done("person", "enable", "a.smith") == "Person a.smith may work.\n"


def test_a_new_secret_is_another_one(plant: Typed) -> None:
    first = plant.json("service", "add", "broker", "--channel", "services", "--dns", "a.example")["secret"]
    assert plant.json("service", "secret", "broker", "--channel", "services")["secret"] != first


def test_who_is_not_there_is_told(plant: Typed) -> None:
    for words in (("service", "secret", "x"), ("person", "disable", "x")):
        assert f"no {words[0]} 'x'" in plant.refused(*words)
