"""The doubles themselves."""

from datetime import timedelta
from pathlib import Path

from keyworks.service.authorities import list_generations
from keyworks.service.installation import Installation
from keyworks.testing import FixedClock, software_signer, throwaway_installation, throwaway_store


def test_a_fixed_clock_stands_until_it_is_moved() -> None:
    clock = FixedClock(1000)
    assert clock.now() == clock.now() == 1000
    clock.advance(timedelta(minutes=1))
    assert clock.now() == 1060


async def test_a_software_signer_signs_what_its_public_key_verifies() -> None:
    signer = software_signer("P-384")
    signer.public_key.verify(await signer.sign(b"message"), b"message", signer.algorithm)


async def test_a_throwaway_store_has_the_present_schema(tmp_path: Path) -> None:
    async with throwaway_store(tmp_path) as store:
        assert await store.read(lambda _: 7) == 7


async def test_a_throwaway_installation_can_issue(tmp_path: Path) -> None:
    async with throwaway_installation(tmp_path / "home", "operator") as installation:
        names = [generation.authority.name for generation in await list_generations(installation)]
        assert names == ["root", "issuing"]


async def test_a_copied_installation_opens(supplier: Installation) -> None:
    assert len(await list_generations(supplier)) == 4
