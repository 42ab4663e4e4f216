"""Identities that are watched: the time is virtual, the server a script."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from keyworks.enroll.hook import Hook
from keyworks.enroll.identity import IdentityFolder
from keyworks.enroll.trust import Anchors, parse_trust
from keyworks.enroll.upkeep import Action, Outcome, Wish
from keyworks.enroll.watch import Event, Happened, Means, Watch, Watched
from keyworks.enroll.window import Timetable, parse_windows
from keyworks.errors import NotAuthorized, Unavailable
from keyworks.store.clock import Clock
from keyworks.x509.certificate import time_text
from keyworks.x509.tbs import NO_EXPIRY
from tests.unit.enroll.small_pki import DAY, NOW, issuing, root
from tests.unit.enroll.virtual_time import BEGIN, VirtualTime, damage, fill

WISH = Wish("https://localhost:1", "ldevid", Anchors(()))
HOUR = timedelta(hours=1)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Server:
    """Renews, or fails as it is told to; in days from the beginning, it notes when it was asked.

    Args:
        failures: Raised in turn; afterwards it renews.
        days: How long a new certificate is valid.
        early: How many days before now it begins.
    """

    def __init__(self, *failures: Exception, days: int = 30, early: int = 0) -> None:
        self.failures = list(failures)
        self.days, self.early = days, early
        self.asked: list[float] = []

    async def keep(self, folder: IdentityFolder, wish: Wish, clock: Clock) -> Outcome:
        del wish
        self.asked.append((clock.now() - BEGIN) / 86400)
        if self.failures:
            raise self.failures.pop(0)
        first = folder.current() is None
        today = (clock.now() - BEGIN) // 86400 - self.early
        identity = await fill(folder, (today, today + self.days))
        return Outcome(Action.ENROLLED if first else Action.RENEWED, identity, None)


class Place:
    """Folders, and what is told of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = IdentityFolder(folder / "ldevid")
        self.other = IdentityFolder(folder / "other")
        self.log = folder / "log"
        self.told: list[Event] = []

    def hook(self, script: str = "true") -> Hook:
        return Hook(("sh", "-c", f"echo run >> {self.log}; {script}"))

    @property
    def runs(self) -> int:
        return self.log.read_text().count("run") if self.log.exists() else 0

    @property
    def happened(self) -> list[Happened]:
        return [one.happened for one in self.told]

    async def watch(
        self,
        server: Server,
        clock: VirtualTime,
        *,
        timetable: Timetable | None = None,
        hook: Hook | None = None,
        folders: Sequence[IdentityFolder] = (),
        wish: Wish = WISH,
    ) -> None:
        """Watch until the virtual time is over."""
        means = Means(clock, clock.pause, lambda: 0.5, server.keep)
        watch = Watch(timetable or Timetable(), hook, self.told.append, means)
        task = asyncio.create_task(watch.keep([Watched(one, wish) for one in folders or [self.folder]]))
        over = asyncio.create_task(clock.over.wait())
        await asyncio.wait([task, over], return_when=asyncio.FIRST_COMPLETED)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def test_a_certificate_is_renewed_when_two_thirds_of_its_life_are_over_again_and_again(
    place: Place,
) -> None:
    await fill(place.folder, (0, 3))
    server = Server(days=3)
    await place.watch(server, VirtualTime(timedelta(days=6.5)))
    first, second, third = server.asked
    assert 2 <= first < 2.2
    assert 1 <= second - first < 2.2
    assert 1 <= third - second < 2.2
    assert place.happened[:4] == [Happened.PLANNED, Happened.RENEWED, Happened.PLANNED, Happened.RENEWED]
    assert place.told[0].details["renewal"] == time_text(BEGIN + round(first * 86400))


async def test_a_first_certificate_is_got_at_once(place: Place) -> None:
    server = Server()
    saturdays = parse_windows(["Sat 02:00-02:01"], UTC)
    await place.watch(server, VirtualTime(HOUR), timetable=saturdays, hook=place.hook())
    assert server.asked == [0]
    assert place.happened == [Happened.ENROLLED, Happened.ANNOUNCED, Happened.PLANNED]


async def test_a_failed_renewal_ends_nothing_and_waits_grow(place: Place) -> None:
    await fill(place.folder, (-25, 5))
    failures = [NotAuthorized("No."), *(Unavailable("The server is away.") for _ in range(4)), ValueError("?")]
    server = Server(*failures)
    await place.watch(server, VirtualTime(DAY))
    minutes = [round(one * 1440, 2) for one in server.asked]
    waits = [round(later - earlier, 2) for earlier, later in pairwise(minutes)]
    assert waits == [0.75, 1.5, 3.0, 6.0, 12.0, 24.0]
    assert place.happened == [Happened.FAILED] * 6 + [Happened.RENEWED, Happened.PLANNED]
    assert place.told[0].sentence == f"No. Next try: {time_text(BEGIN + 45)}."
    assert place.told[5].sentence.startswith("Something unforeseen went wrong in Keyworks (ValueError).")


async def test_a_server_that_says_when_to_come_back_is_not_asked_before(place: Place) -> None:
    """RFC 7030 §4.2.3: 202 with Retry-After, as with an approval that takes its time."""
    await fill(place.folder, (-25, 5))
    server = Server(Unavailable("The request waits for approval.", retry_after=timedelta(hours=7)))
    await place.watch(server, VirtualTime(DAY))
    assert [one * 24 for one in server.asked] == [0, 7]


async def test_renewals_and_new_tries_stay_in_their_windows(place: Place) -> None:
    """Failures until the window is over; then the next one is waited for."""
    place.folder.note_announced(await fill(place.folder, (-290, 75)))
    timetable = parse_windows(["Sat 02:00-02:20"], UTC)
    server = Server(*(Unavailable("The server is away.") for _ in range(6)))
    await place.watch(server, VirtualTime(30 * DAY), timetable=timetable, hook=place.hook())
    assert len(server.asked) == 7
    assert all(timetable.is_open(BEGIN + round(one * 86400)) for one in server.asked)
    assert server.asked[-1] - server.asked[0] > 6
    assert place.runs == 1


async def test_where_no_window_comes_in_time_it_is_renewed_at_once_and_said_so(place: Place) -> None:
    place.folder.note_announced(await fill(place.folder, (-1, 2)))
    yesterday = DAYS[(NOW - DAY).weekday()]
    never = f"{yesterday} 00:00-00:01"
    server = Server(days=400)
    await place.watch(server, VirtualTime(2 * DAY), timetable=parse_windows([never], UTC), hook=place.hook())
    assert place.happened[:4] == [Happened.PLANNED, Happened.URGENT, Happened.RENEWED, Happened.ANNOUNCED]
    assert place.told[1].sentence == (
        "No maintenance window comes before the certificate ends; renewing at once."
    )
    assert len(server.asked) == 1
    assert 1 <= server.asked[0] < 1.3


async def test_a_renewal_by_hand_is_noticed_and_announced(place: Place) -> None:
    await fill(place.folder, (0, 30))
    clock, server = VirtualTime(3 * DAY), Server()
    clock.meanwhile(2 * DAY, lambda: _elsewhere(place.folder))
    await place.watch(server, clock, hook=place.hook())
    assert server.asked == []
    assert place.happened == [Happened.ANNOUNCED, Happened.PLANNED, Happened.ANNOUNCED, Happened.PLANNED]


def _elsewhere(folder: IdentityFolder) -> None:
    """Renew, as another process does."""
    thread = threading.Thread(target=lambda: asyncio.run(fill(folder, (2, 32))))
    thread.start()
    thread.join()


async def test_a_command_is_run_until_it_has_succeeded_once_and_not_again_after_a_restart(place: Place) -> None:
    await fill(place.folder, (-1, 300))
    third_time = place.hook(f"[ $(wc -l < {place.log}) = 3 ]")
    await place.watch(Server(), VirtualTime(DAY), hook=third_time)
    assert place.happened == [
        Happened.NOT_ANNOUNCED,
        Happened.PLANNED,
        Happened.NOT_ANNOUNCED,
        Happened.ANNOUNCED,
    ]
    assert "ended with status 1. Next try: " in place.told[0].sentence
    await place.watch(Server(), VirtualTime(DAY), hook=third_time)
    assert place.runs == 3


async def test_a_certificate_that_ends_again_at_once_does_not_set_off_a_storm(place: Place) -> None:
    """As where this machine's clock is months ahead of the server's."""
    await fill(place.folder, (-25, 5))
    server = Server(days=30, early=25)
    await place.watch(server, VirtualTime(3 * HOUR))
    assert 5 < len(server.asked) < 12
    assert "compare this machine's clock with the server's" in place.told[1].sentence


async def test_a_damaged_folder_is_told_and_taken_up_again_when_it_is_whole(place: Place) -> None:
    await fill(place.folder, (0, 300))
    whole = (place.folder.folder / "chain.pem").read_bytes()
    damage(place.folder.folder)
    clock = VirtualTime(DAY)
    clock.meanwhile(12 * HOUR, lambda: (place.folder.folder / "chain.pem").write_bytes(whole))
    await place.watch(Server(), clock)
    assert set(place.happened[:-1]) == {Happened.FAILED}
    assert 10 < len(place.told) < 30
    assert "is damaged" in place.told[0].sentence
    assert place.happened[-1] is Happened.PLANNED


async def test_what_becomes_of_the_trust_file_is_told_once_each(place: Place, tmp_path: Path) -> None:
    await fill(place.folder, (0, 300))
    file = tmp_path / "root.pem"
    file.write_bytes(root().pem)
    clock = VirtualTime(DAY)
    clock.meanwhile(2 * HOUR, lambda: file.write_bytes(issuing().pem))
    clock.meanwhile(4 * HOUR, file.unlink)
    clock.meanwhile(6 * HOUR, lambda: file.write_text("half a file"))
    clock.meanwhile(8 * HOUR, lambda: file.write_bytes(issuing().pem))
    await place.watch(Server(), clock, wish=replace(WISH, trust=parse_trust(str(file))))
    assert [(one.happened, one.sentence) for one in place.told[1:]] == [
        (Happened.TRUSTED, "The CA file has changed; what it holds now vouches for the server."),
        (
            Happened.NOT_TRUSTED,
            (
                f"The CA file {file} cannot be read (No such file or directory); name a PEM file, or a pin as "
                "sha256:HEX. Until then the server is trusted as before."
            ),
        ),
        (
            Happened.NOT_TRUSTED,
            (
                f"The CA file {file} holds no certificate: There is no certificate in the PEM file. "
                "Until then the server is trusted as before."
            ),
        ),
        (Happened.TRUSTED, "The CA file can be read again, and holds what it held before."),
    ]


async def test_one_folder_s_trouble_is_not_the_other_s(place: Place) -> None:
    await fill(place.folder, (-1, 300))
    await fill(place.other, (-19, 11), "other")
    damage(place.folder.folder)
    server = Server()
    await place.watch(server, VirtualTime(5 * DAY, tasks=2), folders=[place.folder, place.other])
    assert len(server.asked) == 1
    renewed = [one for one in place.told if one.happened is Happened.RENEWED]
    assert [one.folder for one in renewed] == [place.other.folder]


async def test_what_never_ends_is_told_once_and_never_renewed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IEEE 802.1AR-2018."""
    identity = await fill(place.folder, (-2, 1))
    eternal = replace(identity.certificate, not_after=NO_EXPIRY)
    monkeypatch.setattr("keyworks.enroll.credential.Certificate.parse", lambda _: eternal)
    await place.watch(Server(), VirtualTime(3 * DAY))
    assert [one.sentence for one in place.told] == ["'CN=device' never expires and is never renewed."]
