"""Creating an installation: all of it or nothing."""

import asyncio
import errno
import fcntl
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

import keyworks.service.setup
from keyworks.errors import OperatorError, Unavailable
from keyworks.keys.purpose import Purpose
from keyworks.service.authorities import list_generations
from keyworks.service.channels import list_channels
from keyworks.service.installation import open_installation
from keyworks.service.ledger import ledger_identity
from keyworks.service.policy.history import versions
from keyworks.service.policy.preset import PRESETS, preset
from keyworks.service.setup import create_installation
from keyworks.settings.factory import FactoryDocument
from keyworks.settings.toml import Source
from keyworks.testing import FixedClock, ledger_entries, small_installation

URL: Final = "http://pki.example"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "factory" / "home"


@pytest.mark.parametrize("kind", PRESETS)
async def test_a_new_installation_has_what_its_preset_says(home: Path, clock: FixedClock, kind: str) -> None:
    new = small_installation(home, kind)
    await create_installation(new, clock)
    wanted = new.factory.read(FactoryDocument)
    async with open_installation(home, clock) as installation:
        made = [known.authority.name for known in await list_generations(installation)]
        labels = [listed.channel.label for listed in await list_channels(installation)]
        identity = await ledger_identity(installation)
        assert [one.what for one in await versions(installation)] == ["init"]
    assert made == list(wanted.authority)
    assert labels == sorted(wanted.channel)
    assert identity.key.name.startswith(f"keyworks/{kind}/")


async def test_the_ledger_begins_with_its_own_key_and_the_creation(home: Path, clock: FixedClock) -> None:
    await create_installation(small_installation(home, "operator"), clock)
    async with open_installation(home, clock) as installation:
        first, second, *_ = await ledger_entries(installation.store)
    assert (first["action"], first["object"]) == ("key.generated", Purpose.LEDGER)
    assert (second["action"], second["detail"]) == ("installation.created", {"factory": "preset operator"})


async def test_two_installations_share_neither_keys_nor_names(tmp_path: Path, clock: FixedClock) -> None:
    names, keys = set(), set()
    for home in (tmp_path / "a", tmp_path / "b"):
        await create_installation(small_installation(home, "operator"), clock)
        async with open_installation(home, clock) as installation:
            names.add((await ledger_identity(installation)).key.name)
            keys |= {known.certificate.public_key.spki for known in await list_generations(installation)}
    assert (len(names), len(keys)) == (2, 4)


@pytest.mark.file
async def test_only_its_owner_reads_an_installation(home: Path, clock: FixedClock) -> None:
    await create_installation(small_installation(home, "operator"), clock)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (home, *home.iterdir())}
    assert modes == {"home": 0o700, "keyworks.toml": 0o644, "keyworks.db": 0o600, "passphrase": 0o600}


async def test_a_passphrase_may_stay_in_the_environment(
    home: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACTORY_PASSPHRASE", "correct horse battery staple")
    new = replace(small_installation(home, "operator"), passphrase_env="FACTORY_PASSPHRASE")
    await create_installation(new, clock)
    assert not (home / "passphrase").exists()
    assert all(b"correct horse" not in file.read_bytes() for file in home.iterdir())
    async with open_installation(home, clock) as installation:
        assert len(await list_generations(installation)) == 2


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"names": ()}, id="no names"),
        pytest.param({"names": ("no host",)}, id="name"),
        pytest.param({"node": "line 1"}, id="node"),
        pytest.param({"node": "line+1"}, id="node with a plus sign"),
        pytest.param({"factory": preset("operator", "", URL)}, id="no organization"),
        pytest.param({"factory": preset("operator", "x" * 65, URL)}, id="long organization"),
        pytest.param(
            {"factory": preset("operator", 'x"\n[site.a]\n# ', URL)}, id="organization that breaks lines"
        ),
        pytest.param({"factory": Source("f", "[factory]")}, id="factory"),
        pytest.param({"factory": preset("operator", "O", "https://pki.example")}, id="publication"),
        pytest.param({"passphrase_env": "NOT_SET_ANYWHERE"}, id="passphrase"),
    ],
)
async def test_what_cannot_be_is_told_and_nothing_is_left(
    home: Path, clock: FixedClock, changes: dict[str, object]
) -> None:
    new = replace(small_installation(home, "operator"), **changes)  # type: ignore[arg-type]
    with pytest.raises(OperatorError):
        await create_installation(new, clock)
    assert not home.parent.exists() or list(home.parent.iterdir()) == []


async def test_a_failure_at_the_very_end_leaves_nothing(
    home: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_installation: object) -> None:
        raise Unavailable("Just before the end.")

    monkeypatch.setattr(keyworks.service.setup, "server_certificate", fail)
    with pytest.raises(Unavailable):
        await create_installation(small_installation(home, "supplier"), clock)
    assert list(home.parent.iterdir()) == []


async def test_a_used_folder_is_refused_and_stays_as_it_was(home: Path, clock: FixedClock) -> None:
    home.mkdir(parents=True)
    (home / "note").write_text("mine")
    with pytest.raises(OperatorError, match="not an empty folder"):
        await create_installation(small_installation(home, "operator"), clock)
    assert [(file.name, file.read_text()) for file in home.iterdir()] == [("note", "mine")]
    assert list(home.parent.iterdir()) == [home]


async def test_an_installation_is_never_created_over_another(home: Path, clock: FixedClock) -> None:
    await create_installation(small_installation(home, "operator"), clock)
    before = (home / "passphrase").read_bytes()
    with pytest.raises(OperatorError, match="not an empty folder"):
        await create_installation(small_installation(home, "operator"), clock)
    assert (home / "passphrase").read_bytes() == before


async def test_an_empty_folder_is_taken(home: Path, clock: FixedClock) -> None:
    home.mkdir(parents=True)
    await create_installation(small_installation(home, "operator"), clock)
    assert (home / "keyworks.toml").exists()


async def test_a_folder_may_be_named_from_where_one_stands(
    tmp_path: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await create_installation(small_installation(Path("here"), "operator"), clock)
    assert [file.name for file in tmp_path.iterdir()] == ["here"]


@pytest.mark.parametrize("place", ["file", "file/below"])
async def test_a_place_that_cannot_be_a_folder_is_told(tmp_path: Path, clock: FixedClock, place: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OperatorError):
        await create_installation(small_installation(tmp_path / place, "operator"), clock)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


async def test_of_two_creations_at_once_one_wins_whole(home: Path, clock: FixedClock) -> None:
    new = small_installation(home, "operator")
    outcomes = await asyncio.gather(
        create_installation(new, clock), create_installation(new, clock), return_exceptions=True
    )
    [lost] = [outcome for outcome in outcomes if outcome is not None]
    assert isinstance(lost, OperatorError)
    assert list(home.parent.iterdir()) == [home]
    async with open_installation(home, clock) as installation:
        assert len(await list_generations(installation)) == 2


def _left(home: Path) -> Path:
    """Make what a process leaves that was killed while it made an installation."""
    left = home.with_name(f".{home.name}.init-abcd1234")
    left.mkdir(parents=True)
    (left / "passphrase").write_text("unfinished")
    return left


async def test_what_a_killed_process_has_left_is_removed_by_the_next(home: Path, clock: FixedClock) -> None:
    left, other = _left(home), _left(home.with_name("another"))
    await create_installation(small_installation(home, "operator"), clock)
    assert sorted(home.parent.iterdir()) == sorted([home, other])
    assert not left.exists()


async def test_what_another_process_is_making_stays(home: Path, clock: FixedClock) -> None:
    left = _left(home)
    descriptor = os.open(left, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        await create_installation(small_installation(home, "operator"), clock)
    finally:
        os.close(descriptor)
    assert (left / "passphrase").read_text() == "unfinished"


async def test_a_full_disk_is_told_and_nothing_is_left(
    home: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OperatorError, match=r"home cannot be created: No space left on device; nothing was"):
        await create_installation(small_installation(home, "operator"), clock)
    assert list(home.parent.iterdir()) == []
