"""Whether a worker lives, and whether it can serve."""

import pytest

from keyworks.protocols.exchange import Reply, Request
from keyworks.server.health import Health
from keyworks.service.installation import Installation


def get(method: str = "GET") -> Request:
    return Request(method, "/readyz", {}, b"", "127.0.0.1")


def text(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.body.decode()


async def test_a_worker_with_a_readable_database_is_alive_and_ready(supplier: Installation) -> None:
    health = Health(supplier.registers)
    assert text(await health.alive(get())) == (200, "alive\n")
    assert text(await health.ready(get("HEAD"))) == (200, "ready\n")
    assert ("Cache-Control", "no-store") in (await health.ready(get())).headers


async def test_a_stopping_worker_is_alive_but_no_longer_ready(supplier: Installation) -> None:
    health = Health(supplier.registers)
    health.stop()
    reply = await health.ready(get())
    assert text(reply) == (503, "This server is stopping.\n")
    assert ("Retry-After", "5") in reply.headers
    assert (await health.alive(get())).status == 200


async def test_a_worker_whose_database_is_gone_is_alive_but_not_ready(supplier: Installation) -> None:
    health = Health(supplier.registers)
    await supplier.store.close()
    status, said = text(await health.ready(get()))
    assert (status, said[:11]) == (503, "Not ready: ")
    assert (await health.alive(get())).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_health_is_only_read(supplier: Installation, method: str) -> None:
    """RFC 9110 §15.5.6."""
    health = Health(supplier.registers)
    for reply in (await health.alive(get(method)), await health.ready(get(method))):
        assert (reply.status, dict(reply.headers)["Allow"]) == (405, "GET, HEAD")
