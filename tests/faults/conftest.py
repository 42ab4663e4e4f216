"""How often things fail, and on which databases."""

from collections.abc import Iterator

import pytest

from keyworks.testing.postgresql import Cluster, running_cluster


@pytest.fixture(scope="session")
def kills(request: pytest.FixtureRequest) -> int:
    """How often in all, at least: half of it at named points, a quarter at random, the rest whole machines."""
    return int(request.config.getoption("--kills"))


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A database server that forgets nothing, with an empty database."""
    with running_cluster() as cluster:
        cluster.execute("CREATE DATABASE {}", "keyworks")
        yield cluster
