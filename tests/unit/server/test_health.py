"""Whether a worker lives, and whether it can serve."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from keyworks.errors import Unavailable
from keyworks.protocols.exchange import Reply, Request
from keyworks.server.health import Health
from keyworks.service.installation import Installation
from keyworks.store.schema import clock_mark
from keyworks.store.statement import Statement
from keyworks.testing import FixedClock

MARK = Statement(select(clock_mark.c.at))


def get(method: str = "GET") -> Request:
    return Request(method, "/readyz", {}, b"", "127.0.0.1")


def text(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.body.decode()


async def test_a_worker_with_a_readable_database_is_alive_and_ready(supplier: Installation) -> None:
    health = Health(supplier.store, supplier.registers)
    assert text(await health.alive(get())) == (200, "alive\n")
    assert text(await health.ready(get("HEAD"))) == (200, "ready\n")
    assert ("Cache-Control", "no-store") in (await health.ready(get())).headers


async def test_a_stopping_worker_is_alive_but_no_longer_ready(supplier: Installation) -> None:
    health = Health(supplier.store, supplier.registers)
    health.stop()
    reply = await health.ready(get())
    assert text(reply) == (503, "This server is stopping.\n")
    assert ("Retry-After", "5") in reply.headers
    assert (await health.alive(get())).status == 200


async def test_a_worker_whose_database_is_gone_is_alive_but_not_ready(supplier: Installation) -> None:
    health = Health(supplier.store, supplier.registers)
    await supplier.store.close()
    status, said = text(await health.ready(get()))
    assert (status, said[:11]) == (503, "Not ready: ")
    assert (await health.alive(get())).status == 200


async def test_a_worker_that_cannot_record_is_not_ready_until_it_can_again(
    supplier: Installation, clock: FixedClock
) -> None:
    """Whatever keeps the store from writing: here a clock that was set back, elsewhere a full disk."""
    health = Health(supplier.store, supplier.registers)
    clock.advance(timedelta(hours=-1))
    with pytest.raises(Unavailable):
        await health.try_writing()
    status, said = text(await health.ready(get()))
    assert (status, "clock was set back" in said) == (503, True)
    assert (await health.alive(get())).status == 200
    clock.advance(timedelta(hours=1))
    await health.try_writing()
    assert text(await health.ready(get())) == (200, "ready\n")


async def test_a_worker_is_ready_again_as_soon_as_somebody_asks(
    supplier: Installation, clock: FixedClock
) -> None:
    """Without waiting for the next regular try; it tries once a second at most, however often it is asked."""
    seconds = [0.0]
    health = Health(supplier.store, supplier.registers, lambda: seconds[0])
    clock.advance(timedelta(hours=-1))
    with pytest.raises(Unavailable):
        await health.try_writing()
    clock.advance(timedelta(hours=1))
    assert text(await health.ready(get()))[0] == 503
    seconds[0] = 1.0
    assert text(await health.ready(get())) == (200, "ready\n")


async def test_trying_to_write_reaches_the_disk(supplier: Installation, clock: FixedClock) -> None:
    health = Health(supplier.store, supplier.registers)
    clock.advance(timedelta(seconds=10))
    await health.try_writing()
    [(at,)] = await supplier.store.read(lambda tx: tx.execute(MARK))
    assert at == clock.now()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_health_is_only_read(supplier: Installation, method: str) -> None:
    """RFC 9110 §15.5.6."""
    health = Health(supplier.store, supplier.registers)
    for reply in (await health.alive(get(method)), await health.ready(get(method))):
        assert (reply.status, dict(reply.headers)["Allow"]) == (405, "GET, HEAD")
