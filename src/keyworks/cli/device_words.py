"""What the commands about devices share: how a device is named, and how one is shown."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from keyworks.devices.device import Device


def which(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that tell devices with one serial number apart."""
    command = click.option("--manufacturer", help="Where several manufacturers share it.")(command)
    return click.option("--product", help="Where several products share the serial number.")(command)


def device_document(one: "Device") -> dict[str, Any]:
    """Return what there is to show of a device."""
    from keyworks.x509.certificate import time_text

    return {
        "id": one.id,
        "serial_number": one.serial_number,
        "product": one.product,
        "manufacturer": one.manufacturer,
        "state": one.state.value,
        "site": one.site,
        "added_at": time_text(one.added_at),
    }
