"""The command after a renewal."""

import asyncio
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from keyworks.enroll.hook import Hook, announce, parse_hook
from keyworks.enroll.identity import Identity, IdentityFolder
from keyworks.errors import OperatorError
from tests.unit.enroll.virtual_time import fill


@pytest.fixture
def folder(tmp_path: Path) -> IdentityFolder:
    return IdentityFolder(tmp_path / "ldevid")


@pytest.fixture
async def present(folder: IdentityFolder) -> Identity:
    return await fill(folder, (-1, 30))


def _shell(script: str) -> Hook:
    return Hook(("sh", "-c", script))


def test_a_command_is_split_as_a_shell_splits_it_and_no_shell_sees_it() -> None:
    hook = parse_hook("""echo 'two words' $HOME "a;b" """)
    assert hook.words == ("echo", "two words", "$HOME", "a;b")
    assert hook.text == "echo 'two words' '$HOME' 'a;b'"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("echo 'half", "cannot be read: No closing quotation"),
        ("no-such-program --reload", "There is no program 'no-such-program'"),
        ("/ && true", "There is no program '/'"),
        ("sh -c a\0b", "There is no program"),
    ],
)
def test_what_cannot_be_run_is_refused_before_it_is_needed(text: str, says: str) -> None:
    with pytest.raises(OperatorError, match=says):
        parse_hook(text)


async def test_the_command_is_told_where_everything_is_and_no_secret(
    folder: IdentityFolder, present: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYWORKS_SECRET", "one-time")
    told = tmp_path / "told"
    await announce(_shell(f"env | grep ^KEYWORKS_ | sort > {told}; cat >> {told}"), folder, present)
    assert told.read_text().splitlines() == [
        f"KEYWORKS_CACERTS={folder.folder}/cacerts.pem",
        f"KEYWORKS_CERTIFICATE={folder.folder}/certificate.pem",
        f"KEYWORKS_CHAIN={folder.folder}/chain.pem",
        f"KEYWORKS_FOLDER={folder.folder}",
        f"KEYWORKS_KEY={folder.folder}/key.pem",
        "KEYWORKS_LABEL=ldevid",
    ]


async def test_a_command_that_succeeds_is_remembered_for_this_certificate_alone(
    folder: IdentityFolder, present: Identity
) -> None:
    assert not folder.is_announced(present)
    await announce(_shell("true"), folder, present)
    assert IdentityFolder(folder.folder).is_announced(present)
    assert not folder.is_announced(await fill(folder, (0, 30)))


@pytest.mark.parametrize(
    ("script", "says"),
    [("exit 5", "ended with status 5"), ("kill -9 $$", "was ended by signal 9")],
)
async def test_a_command_that_fails_is_not_remembered(
    folder: IdentityFolder, present: Identity, script: str, says: str
) -> None:
    with pytest.raises(OperatorError, match=says):
        await announce(_shell(script), folder, present)
    assert not folder.is_announced(present)


async def test_a_program_that_has_gone_is_told(folder: IdentityFolder, present: Identity) -> None:
    with pytest.raises(OperatorError, match="cannot be run: No such file"):
        await announce(Hook(("/no/such/program",)), folder, present)


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A pipe: who opens it to read waits for a writer, and comes to its end when all writers are gone."""
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.mark.parametrize("started", ["sleep 30", "trap '' TERM; sleep 30"])
async def test_a_command_that_hangs_is_ended_with_all_that_it_has_started(
    folder: IdentityFolder, present: Identity, pipe: Path, started: str
) -> None:
    """Also what does not listen to SIGTERM, though the command itself does."""
    reading = asyncio.create_task(asyncio.to_thread(pipe.read_text))
    hangs = replace(_shell(f"exec 9> {pipe}; ({started}; echo alive >&9) & wait"), limit=timedelta(seconds=1))
    with pytest.raises(OperatorError, match=r"was ended because it took longer than 1 s"):
        await announce(hangs, folder, present)
    assert await reading == ""


async def test_who_stops_waiting_for_a_command_ends_it(
    folder: IdentityFolder, present: Identity, pipe: Path
) -> None:
    task = asyncio.create_task(announce(_shell(f"exec 9> {pipe}; sleep 1000"), folder, present))
    with await asyncio.to_thread(pipe.open) as stream:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(stream.read) == ""
    assert not folder.is_announced(present)
