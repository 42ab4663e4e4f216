"""Key and certificate on disk: always a pair."""

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from keyworks.enroll.answer import Granted
from keyworks.enroll.credential import private_key_pem
from keyworks.enroll.identity import LINKS, Begun, Identity, IdentityFolder
from keyworks.enroll.issued import Issued, check_issued
from keyworks.errors import OperatorError, Unavailable
from keyworks.keys.software import SoftwareSigner
from keyworks.testing import software_signer
from keyworks.x509.name import EMPTY_NAME
from keyworks.x509.request import encode_certification_request
from tests.unit.enroll.small_pki import NOW, certify, issuing, root

Material = tuple[SoftwareSigner, bytes, Issued]


async def _material(name: str) -> Material:
    signer = software_signer()
    leaf = certify(name, issuing(), spki=signer.public_key.spki).der
    issued = check_issued(
        Granted(leaf), signer.public_key, [issuing().der, root().der], at=int(NOW.timestamp())
    )
    return signer, await encode_certification_request(EMPTY_NAME, signer), issued


def _store(folder: IdentityFolder, material: Material) -> Identity:
    """Do what a run does: go on with what was begun, or begin; then complete."""
    signer, request, issued = material
    with folder.locked():
        present = folder.current()
        if present is not None and present.certificate == issued.certificate:
            return present
        begun = folder.begun() or folder.begin("idevid", signer, request)
        return folder.complete(begun, issued)


@pytest.fixture
def folder(tmp_path: Path) -> IdentityFolder:
    return IdentityFolder(tmp_path / "device")


async def test_an_identity_is_read_as_it_was_written(folder: IdentityFolder) -> None:
    signer, _, issued = material = await _material("device")
    _store(folder, material)
    with folder.locked():
        present = folder.current()
    assert present is not None
    assert present.label == "idevid"
    assert present.credential.chain == issued.chain
    assert present.credential.signer.public_key == signer.public_key


async def test_programs_find_the_pair_under_names_that_stay(folder: IdentityFolder) -> None:
    for name in ("first", "second"):
        material = await _material(name)
        _store(folder, material)
        present = IdentityFolder(folder.folder).current()
        assert present is not None
        assert {one: (folder.folder / one).resolve() for one in LINKS} == {
            one: present.folder / one for one in LINKS
        }
        assert present.certificate.subject.text == f"CN={name}"


async def test_only_its_owner_reads_the_key(folder: IdentityFolder) -> None:
    before = os.umask(0)
    try:
        _store(folder, await _material("device"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder.folder / "key.pem").stat().st_mode) == 0o600


async def test_the_present_pair_and_the_former_one_are_kept(folder: IdentityFolder) -> None:
    for name in ("first", "second", "third"):
        _store(folder, await _material(name))
    assert sorted(one.name for one in (folder.folder / "generations").iterdir()) == ["2", "3"]


async def test_the_key_and_the_request_are_on_disk_before_anything_is_sent(folder: IdentityFolder) -> None:
    signer, request, _ = await _material("device")
    with folder.locked():
        folder.begin("idevid", signer, request)
    with IdentityFolder(folder.folder).locked():
        begun = folder.begun()
        assert folder.current() is None
    assert begun is not None
    assert (begun.label, begun.template.der) == ("idevid", request)
    assert begun.signer.public_key == signer.public_key


async def test_everything_is_on_disk_before_its_name_says_so(folder: IdentityFolder) -> None:
    """What ``fsync`` has not seen may be gone after a power cut, whatever its name."""
    signer, request, issued = await _material("device")
    seen: list[str] = []
    with pytest.MonkeyPatch.context() as patch, folder.locked():
        _record(patch, seen, folder.folder.parent)
        begun = folder.begin("idevid", signer, request)
        before_sending = list(seen)
        folder.complete(begun, issued)
    new, generation = "device/generations/new", "device/generations/1"
    assert before_sending == [
        *(f"fsync {new}/{name}" for name in ("key.pem", "request.der", "channel")),
        f"fsync {new}",
        f"rename {generation}",
        *("fsync device/generations", "fsync device", "fsync ."),
    ]
    assert seen[len(before_sending) :] == [
        *(
            event
            for name in ("cacerts.pem", "chain.pem", "certificate.pem")
            for event in (
                f"fsync {generation}/{name}.new",
                f"replace {generation}/{name}",
                f"fsync {generation}",
            )
        ),
        "replace device/current",
        "fsync device",
    ]


def _record(patch: pytest.MonkeyPatch, seen: list[str], below: Path) -> None:
    """Note what is made durable and what gets its name, by paths relative to a folder."""
    fsync = os.fsync

    def noted_fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").resolve()
        seen.append(f"fsync {path.relative_to(below)}")
        fsync(descriptor)

    def noted(name: str, call: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
        def wrapped(source: Any, target: Any) -> None:
            seen.append(f"{name} {Path(target).relative_to(below)}")
            call(source, target)

        return wrapped

    patch.setattr(os, "fsync", noted_fsync)
    for name in ("rename", "replace"):
        patch.setattr(os, name, noted(name, getattr(os, name)))


@pytest.mark.parametrize("damaged", ["key.pem", "request.der", "channel"])
async def test_a_damaged_beginning_is_begun_anew(folder: IdentityFolder, damaged: str) -> None:
    signer, request, _ = await _material("device")
    with folder.locked():
        (folder.begin("idevid", signer, request).folder / damaged).unlink()
        assert folder.begun() is None
        assert folder.begin("idevid", signer, request).folder.name == "1"


async def test_a_key_that_somebody_else_put_there_is_not_gone_on_with(
    folder: IdentityFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever made the folder beforehand would know the key of the certificate to come."""
    signer, request, _ = await _material("device")
    with folder.locked():
        begun = folder.begin("idevid", signer, request)
        somebody_else = os.geteuid() + 1
        monkeypatch.setattr(os, "geteuid", lambda: somebody_else)
        assert folder.begun() is None
        assert not begun.folder.exists()


async def test_a_damaged_pair_is_named_and_not_used(folder: IdentityFolder) -> None:
    _store(folder, await _material("device"))
    signer, _, _ = await _material("other")
    (folder.folder / "key.pem").write_bytes(private_key_pem(signer.private))
    with pytest.raises(OperatorError, match="does not belong"):
        folder.current()


@pytest.mark.parametrize("damage", [b"", b"-----BEGIN CERTIFICATE-----\n", None])
async def test_a_damaged_certificate_is_written_again_from_its_chain(
    folder: IdentityFolder, damage: bytes | None
) -> None:
    present = _store(folder, await _material("device"))
    file = present.folder / "certificate.pem"
    whole = file.read_bytes()
    file.unlink()
    if damage is not None:
        file.write_bytes(damage)
    with folder.locked():
        assert (folder.repair(present), folder.repair(present)) == (True, False)
    assert (folder.folder / "certificate.pem").read_bytes() == whole


@pytest.mark.parametrize(("name", "says"), [("cacerts.pem", "--force"), ("chain.pem", "Restore the folder")])
async def test_what_cannot_be_written_again_is_told_with_the_remedy(
    folder: IdentityFolder, name: str, says: str
) -> None:
    present = _store(folder, await _material("device"))
    (present.folder / name).write_bytes(b"")
    with folder.locked(), pytest.raises(OperatorError, match=f"damaged.*{says}.*--out"):
        folder.repair(folder.current() or present)


async def test_a_folder_copied_without_its_links_says_how_to_mend_it(
    folder: IdentityFolder, tmp_path: Path
) -> None:
    for name in ("former", "device"):
        material = await _material(name)
        _store(folder, material)
    copy = IdentityFolder(tmp_path / "copy")
    shutil.copytree(folder.folder, copy.folder, symlinks=False)
    with (
        pytest.raises(OperatorError, match=r"copied without its links\. Remove .*/copy/current"),
        copy.locked(),
    ):
        pass
    shutil.rmtree(copy.folder / "current")
    for link in LINKS:
        (copy.folder / link).unlink()
    with copy.locked():
        present = copy.current()
    assert present is not None
    assert present.certificate == material[2].certificate
    assert all((copy.folder / link).is_symlink() for link in LINKS)


def test_a_folder_of_other_files_is_not_filled(folder: IdentityFolder) -> None:
    folder.folder.mkdir()
    (folder.folder / "serials.csv").write_text("SN-1\n")
    with pytest.raises(OperatorError, match=r"holds serials\.csv, which is not ours"), folder.locked():
        pass
    assert [one.name for one in folder.folder.iterdir()] == ["serials.csv"]


@pytest.mark.parametrize("made", [(), ("lost+found",)], ids=["empty", "a file system's"])
def test_a_folder_that_was_made_beforehand_is_used(folder: IdentityFolder, made: tuple[str, ...]) -> None:
    folder.folder.mkdir()
    for name in made:
        (folder.folder / name).mkdir()
    with folder.locked():
        assert folder.current() is None


@pytest.mark.parametrize("name", ["current", *LINKS])
def test_files_that_are_not_ours_are_left_alone(folder: IdentityFolder, name: str) -> None:
    folder.folder.mkdir()
    (folder.folder / name).write_text("mine")
    with pytest.raises(OperatorError, match="not ours"), folder.locked():
        pass
    assert (folder.folder / name).read_text() == "mine"


def test_two_runs_do_not_work_in_one_folder(folder: IdentityFolder) -> None:
    other = IdentityFolder(folder.folder)
    with folder.locked(), pytest.raises(Unavailable, match="Another enrollment"), other.locked():
        pass
    with IdentityFolder(folder.folder).locked():
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OperatorError, match="file"), IdentityFolder(tmp_path / "file" / "device").locked():
        pass


class PowerCut(BaseException):
    """Nothing runs after it but what closes files."""


_CALLS = ("mkdir", "open", "fsync", "rename", "replace", "symlink", "unlink", "rmdir")
"""Everything that changes the disk, but ``write``: a file half written has not got its name yet."""


@contextmanager
def _failing_at(step: int, failure: Callable[[], BaseException]) -> Iterator[list[str]]:
    """Let the ``step``-th call that changes the disk fail, and all after it."""
    done: list[str] = []

    def failing(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            if len(done) >= step:
                raise failure()
            done.append(name)
            return call(*arguments, **options)

        return wrapped

    with pytest.MonkeyPatch.context() as patch:
        for name in _CALLS:
            patch.setattr(os, name, failing(name, getattr(os, name)))
        yield done


def _done_at_once(descriptor: int) -> None:
    """Take the place of ``fsync`` where hundreds of them would only take time."""
    os.fstat(descriptor)


def _is_usable(folder: Path, among: set[bytes]) -> bool:
    """Return whether programs find a key and a certificate that fit (``current`` checks that), of ``among``."""
    present = IdentityFolder(folder).current()
    return present is not None and present.certificate.der in among and (folder / "key.pem").exists()


@pytest.mark.parametrize("failure", [PowerCut, lambda: OSError(errno.ENOSPC, "No space left on device")])
async def test_an_interruption_at_any_step_leaves_a_usable_pair_and_the_next_run_finishes(
    tmp_path: Path, failure: Callable[[], BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The former pair until the switch, the new one from then on; never a key without its certificate."""
    monkeypatch.setattr(os, "fsync", _done_at_once)
    former, new = await _material("former"), await _material("new")
    among = {former[2].certificate.der, new[2].certificate.der}
    steps = 0
    while True:
        folder = IdentityFolder(tmp_path / str(steps))
        _store(folder, former)
        try:
            with _failing_at(steps, failure) as done:
                _store(folder, new)
        except (PowerCut, OperatorError):
            assert _is_usable(folder.folder, among), f"interrupted after {done}"
            _store(folder, new)
        finished = len(done) < steps
        assert _is_usable(folder.folder, {new[2].certificate.der}), f"finished after {done}"
        if finished:
            break
        steps += 1
    assert steps > 20


async def test_an_interrupted_first_run_goes_on_with_the_same_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A one-time secret is bound to the key it was used for: another key would be refused."""
    monkeypatch.setattr(os, "fsync", _done_at_once)
    material = await _material("device")
    for steps in range(6, 60):
        folder = IdentityFolder(tmp_path / str(steps))
        try:
            with _failing_at(steps, PowerCut), folder.locked():
                begun = folder.begin("idevid", *material[:2])
                _sent(begun)
                folder.complete(begun, material[2])
        except PowerCut:
            with folder.locked():
                left = folder.current() or folder.begun()
            sent = (folder.folder / "sent").exists()
            assert left is not None or not sent, f"the key is lost after {steps} steps"
        else:
            break
    assert steps > 20


def _sent(begun: Begun) -> None:
    (begun.folder.parent.parent / "sent").touch()


async def test_the_certificate_before_the_present_one_is_known_as_long_as_it_can_be_read(
    folder: IdentityFolder,
) -> None:
    first = _store(folder, await _material("first"))
    assert folder.former() is None
    _store(folder, await _material("second"))
    former = IdentityFolder(folder.folder).former()
    assert former == first.certificate
    (first.folder / "certificate.pem").write_text("damaged")
    assert folder.former() is None


async def test_what_others_were_told_of_is_known_after_a_restart_and_damage_means_nobody(
    folder: IdentityFolder,
) -> None:
    present = _store(folder, await _material("device"))
    assert not folder.is_announced(present)
    folder.note_announced(present)
    assert IdentityFolder(folder.folder).is_announced(present)
    (folder.folder / ".announced").write_bytes(b"\xff\x00")
    assert not folder.is_announced(present)
