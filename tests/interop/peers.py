"""What a plant's devices and services need to talk to each other: certificates of their owner's."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keyworks.service.channels import NewChannel, create_channel
from tests.interop.est_plant import Client, Site

CHANNELS: Final = {
    "https": "https-device",
    "clients": "tls-client",
    "mqtt": "mqtt-client",
    "ipsec": "ipsec",
    "vpn": "vpn-client",
    "opcua": "opcua-application",
    "services": "tls-service",
    "gateways": "ipsec-gateway",
}
"""Labels, and the profile of each."""

Names = Mapping[str, tuple[str, ...]]


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

    def service(self, name: str, label: str, **names: str) -> Client:
        """Register a service, and let it get its certificate with its one-time secret."""
        return self.operator.service(name, label, names)

    @property
    def root(self) -> Path:
        return self.operator.trust


def open_channels(site: Site) -> None:
    """Create a channel for each use."""
    for label, profile in CHANNELS.items():
        new = NewChannel(label, "issuing", profile)
        site.act(lambda installation, new=new: create_channel(installation, new))  # type: ignore[misc]
