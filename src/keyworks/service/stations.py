"""Stations: what on a line may ask for certificates of others; each has one of its own."""

from collections.abc import Sequence

from keyworks.access.principal import Kind
from keyworks.errors import OperatorError
from keyworks.service.accounts import NewAccount, NewSecret, add_account
from keyworks.service.installation import Installation


async def add_station(installation: Installation, name: str, channels: Sequence[str]) -> NewSecret:
    """Register a station, with the channel of its own certificate and a one-time secret for it.

    A station that is registered already gets the channels named in addition, and a new secret.

    Raises:
        OperatorError: The name cannot be one, or a channel does not exist or serves no stations.
    """
    register, _ = await installation.registers.current()
    own = next((one.label for one in register.channels.values() if one.profile.base == "station"), None)
    if own is None:
        raise OperatorError("There is no channel with profile station, where it could get its certificate.")
    return await add_account(installation, NewAccount(Kind.STATION, name, (own, *channels)))
