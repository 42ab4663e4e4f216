"""Where the demo's installations have their databases: in files, or on a PostgreSQL server of its own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from keyworks.settings.node import Database

DATABASES: Final = ("sqlite", "postgresql")
_NAMES: Final = ("supplier", "operator")


@contextmanager
def databases(kind: str) -> Iterator[Mapping[str, Database]]:
    """Yield what each installation has in its settings; a server runs until the end.

    Raises:
        OperatorError: PostgreSQL is not installed.
    """
    if kind == "sqlite":
        yield dict.fromkeys(_NAMES, Database())
        return
    from keyworks.testing.postgresql import running_cluster

    with running_cluster() as cluster:
        for name in _NAMES:
            cluster.execute("CREATE DATABASE {}", name)
        yield {name: Database(url=cluster.url(name)) for name in _NAMES}
