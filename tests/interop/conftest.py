"""Two installations that really serve, as far apart as two companies."""

from collections.abc import Iterator

import pytest

from tests.interop.est_plant import Client, Site, create, serving, trust_devices_of
from tests.interop.peers import Plant, open_channels


@pytest.fixture(scope="session")
def supplier_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A supplier's installation, serving."""
    with serving(create(tmp_path_factory.mktemp("supplier"), "supplier")) as site:
        yield site


@pytest.fixture(scope="session")
def operator_site(tmp_path_factory: pytest.TempPathFactory, supplier_site: Site) -> Iterator[Site]:
    """An operator's installation, serving, that trusts the supplier's idevid-root for devices and no more."""
    with serving(create(tmp_path_factory.mktemp("operator"), "operator")) as site:
        trust_devices_of(site, supplier_site)
        yield site


@pytest.fixture(scope="session")
def station(supplier_site: Site) -> Client:
    """A station of the supplier's, with its certificate."""
    return supplier_site.station("line-1", "idevid")


@pytest.fixture(scope="session")
def plant(operator_site: Site, supplier_site: Site, station: Client) -> Plant:
    """The operator's installation with a channel for each use, and where its devices come from."""
    open_channels(operator_site)
    return Plant(operator_site, supplier_site, station)
