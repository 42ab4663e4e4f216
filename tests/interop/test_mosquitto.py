"""Mosquitto: machines speak MQTT over TLS, each known by its certificate and confined to its own topics."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.interop.est_plant import Client
from tests.interop.page import configuration, identity
from tests.interop.peers import Plant
from tests.network import Host, Running, host

BROKER = "127.0.0.1"
AROUND = "user root\nlog_dest stderr\nlog_type all\n"


@dataclass(frozen=True)
class Broker:
    """A broker that runs."""

    place: Host
    plant: Plant
    log: Running

    def words(self, program: str, client: Client | None, *words: str) -> list[str]:
        own = ("--cert", str(client.chain), "--key", str(client.key)) if client else ()
        server = ("-h", BROKER, "-p", "8883", "--cafile", str(self.plant.root))
        return [program, *server, *own, *words]

    def publish(self, client: Client | None, topic: str) -> str:
        """Publish with delivery confirmed; return what is said."""
        words = self.words("mosquitto_pub", client, "-V", "5", "-q", "1", "-t", topic, "-m", "42 °C", "-d")
        return self.place.run(*words).stdout


@pytest.fixture(scope="module")
def broker(plant: Plant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    own = plant.service("broker", "services")
    folder = tmp_path_factory.mktemp("mosquitto")
    acl, file = folder / "acl", folder / "mosquitto.conf"
    acl.write_text(configuration("acl"))
    files = {**identity("broker", own.chain, own.key, plant.root), "/etc/mosquitto/acl": acl}
    file.write_text(AROUND + configuration("mosquitto.conf", files))
    mosquitto = ("/usr/sbin/mosquitto", "-c", file)
    with host() as place, place.running(*mosquitto, ready=" running") as log:
        yield Broker(place, plant, log)


@pytest.fixture(scope="module")
def machines(plant: Plant) -> tuple[Client, Client]:
    return plant.device("SN-MQTT-1", "mqtt"), plant.device("SN-MQTT-2", "mqtt")


def test_a_machine_publishes_below_its_own_serial_number_and_another_may_listen(
    broker: Broker, machines: tuple[Client, Client]
) -> None:
    reader, writer = machines
    listening = broker.words("mosquitto_sub", reader, "-t", "machines/#", "-C", "1", "-v")
    with broker.place.running(*listening, ready="") as subscriber:
        broker.log.says("Sending SUBACK")
        assert "received PUBACK" in broker.publish(writer, "machines/SN-MQTT-2/temperature")
        assert "machines/SN-MQTT-2/temperature 42 °C" in subscriber.says("42 °C")


def test_a_machine_may_not_publish_as_another_one(broker: Broker, machines: tuple[Client, Client]) -> None:
    assert "RC:135" in broker.publish(machines[1], "machines/SN-MQTT-1/temperature")  # MQTT 5: not authorized


def test_who_has_no_certificate_gets_no_connection(broker: Broker) -> None:
    assert "received CONNACK" not in broker.publish(None, "machines/SN-MQTT-2/temperature")


def test_a_machine_refuses_a_broker_at_another_address(broker: Broker, plant: Plant) -> None:
    machine = plant.device("SN-MQTT-3", "mqtt")
    words = broker.words("mosquitto_pub", machine, "-t", "machines/SN-MQTT-3/x", "-m", "1")
    words[words.index(BROKER)] = "127.0.0.2"
    assert "A TLS error occurred" in broker.place.run(*words).stdout
    assert broker.place.run(*words, "--insecure").returncode == 0
