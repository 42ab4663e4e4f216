"""What a plant's devices and services need to talk to each other: certificates of their owner's."""

from dataclasses import dataclass
from pathlib import Path

from keyworks.service.installation import Installation
from keyworks.service.policy.apply import apply, propose
from keyworks.service.policy.history import export_policy
from keyworks.settings.factory import read_factory
from keyworks.settings.toml import Source
from tests.interop.est_plant import Client, Site
from tests.interop.page import configuration


@dataclass(frozen=True)
class Plant:
    """An operator's installation with a channel for each use, and a supplier's that makes the devices.

    Args:
        operator: Serving.
        supplier: Serving.
        station: The supplier's, with its certificate.
    """

    operator: Site
    supplier: Site
    station: Client

    def device(self, serial_number: str, label: str, **names: str) -> Client:
        """Commission a device: it gets its owner's certificate on a channel, for its IDevID."""
        idevid = self.supplier.device(self.station, serial_number)
        self.operator.register(serial_number)
        self.operator.name_device(serial_number, names)
        wish = self.operator.wish(f"/serialNumber={serial_number}")
        return self.operator.client(label, wish, self.operator.enroll(label, wish, *idevid.options))

    def service(self, name: str, label: str) -> Client:
        """Let a service of the page get its certificate with its one-time secret."""
        return self.operator.service(name, label)

    @property
    def root(self) -> Path:
        return self.operator.trust


def open_channels(site: Site) -> None:
    """Let the page's part of a factory.toml come into force, beside what is there."""

    async def work(installation: Installation) -> None:
        text = await export_policy(installation) + configuration("factory.toml")
        source = Source.parse("factory.toml", text.encode())
        proposal = await propose(installation, read_factory(source, Path()))
        await apply(installation, proposal, "apply factory.toml")

    site.act(work)
