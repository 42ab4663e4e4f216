"""A pool of keys: each given out once, made off the event loop, never more than are wanted."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from keyworks.errors import OperatorError, Unavailable
from keyworks.keys.pool import MAX_WAITING, READY, KeyPool
from keyworks.keys.software import PrivateKey, make_private_key, public_key_of


class Maker:
    """Makes keys when it is let, and notes in which threads."""

    def __init__(self) -> None:
        self.allowed = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.threads: list[threading.Thread] = []
        self._key = make_private_key("P-256")

    def __call__(self, key_type: str) -> PrivateKey:
        self.allowed.acquire()
        self.threads.append(threading.current_thread())
        self.begun.release()
        return self._key if key_type == "rsa-2048" else make_private_key(key_type)

    def allow(self, count: int) -> None:
        self.allowed.release(count)


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
def pool(maker: Maker) -> Iterator[KeyPool]:
    pool = KeyPool(maker)
    yield pool
    pool.close()
    maker.allow(1000)


async def begun(maker: Maker, count: int) -> None:
    """Wait until so many more keys are being made; each before the last is then in the pool."""
    for _ in range(count):
        await asyncio.to_thread(maker.begun.acquire)


@pytest.mark.parametrize("key_type", ["P-256", "Ed25519", "ML-DSA-44"])
async def test_no_two_takers_get_the_same_key(key_type: str) -> None:
    pool = KeyPool()
    keys = [await pool.take(key_type) for _ in range(3)]
    assert len({public_key_of(key).fingerprint for key in keys}) == 3
    assert {public_key_of(key).key_type for key in keys} == {key_type}


async def test_rsa_keys_are_made_ahead_in_a_thread_of_the_pool_s_own(pool: KeyPool, maker: Maker) -> None:
    """Two were taken, so two more than are kept ready were made; none before anybody had asked."""
    maker.allow(1000)
    assert maker.threads == []
    await pool.take("rsa-2048")
    await begun(maker, 1 + READY)
    await pool.take("rsa-2048")
    await begun(maker, 1)
    assert len(maker.threads) == 2 + READY
    assert threading.main_thread() not in maker.threads
    assert len(set(maker.threads)) == 1


async def test_a_key_that_is_ready_is_given_out_though_the_next_one_takes_its_time(
    pool: KeyPool, maker: Maker
) -> None:
    maker.allow(4)
    await pool.take("rsa-2048")
    await begun(maker, 4)
    async with asyncio.timeout(10):
        await pool.take("rsa-2048")


async def test_a_key_that_is_given_back_unused_is_the_next_to_be_given_out(pool: KeyPool, maker: Maker) -> None:
    maker.allow(2)
    await pool.take("rsa-2048")
    await begun(maker, 2)
    other = make_private_key("rsa-2048")
    pool.give_back("rsa-2048", other)
    assert await pool.take("rsa-2048") is other
    assert await pool.take("rsa-2048") is not other


async def test_what_no_key_is_kept_ready_of_is_not_taken_back(pool: KeyPool) -> None:
    """Keys of elliptic curves are made at once; and a closed pool keeps none."""
    pool.give_back("P-256", make_private_key("P-256"))
    assert repr(pool) == "KeyPool({})"
    pool.close()
    pool.give_back("rsa-2048", make_private_key("rsa-2048"))
    assert repr(pool) == "KeyPool({})"


async def test_who_asks_when_too_many_wait_is_told_to_come_again(pool: KeyPool, maker: Maker) -> None:
    """And those who wait get theirs."""
    waiting = [asyncio.create_task(pool.take("rsa-2048")) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="come again"):
        await pool.take("rsa-2048")
    maker.allow(1000)
    assert len(await asyncio.gather(*waiting)) == MAX_WAITING


async def test_a_closed_pool_forgets_its_keys_and_makes_no_more(pool: KeyPool, maker: Maker) -> None:
    maker.allow(3)
    await pool.take("rsa-2048")
    await begun(maker, 3)
    pool.close()
    maker.allow(10)
    assert repr(pool) == "KeyPool({})"
    for _ in range(20):
        await asyncio.sleep(0)
    assert repr(pool) == "KeyPool({})"


@pytest.mark.parametrize("key_type", ["rsa-99", "secp256k1"])
async def test_an_unknown_type_is_refused(key_type: str) -> None:
    pool = KeyPool()
    with pytest.raises(OperatorError, match="no key type"):
        await pool.take(key_type)
    pool.close()
