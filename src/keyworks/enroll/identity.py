"""An identity on disk: a key and its certificate, always a pair.

::

    FOLDER/
    ├── current -> generations/2      the one switch: a link, replaced in one step
    ├── key.pem -> current/key.pem    and so certificate.pem, chain.pem, cacerts.pem
    ├── .announced                    fingerprint of the certificate that others were told of, see ``hook``
    └── generations/
        ├── 1/                        the former pair, kept until the next renewal
        └── 2/
            ├── key.pem               private, mode 0600
            ├── request.der           the PKCS#10 request, sent again unchanged after an interruption
            ├── channel               the label it was sent to
            ├── server-key            there if the server has made the key
            ├── certificate.pem       written last: with it the generation is complete
            ├── chain.pem             the certificate and its issuers, to present
            └── cacerts.pem           the channel's CA certificates

A generation with key and request exists, durably, before anything is sent, and never changes once it is
complete. So an interruption at any point leaves the former pair in use, and the next run goes on where this
one stopped: with the same key, which matters where a one-time secret is bound to it. Whoever wants key and
certificate in two reads opens both below one resolved ``current``.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from keyworks.enroll.credential import (
    MAX_FILE_OCTETS,
    ClientCertificate,
    private_key_pem,
    read_file,
    read_private_key,
)
from keyworks.enroll.issued import Issued
from keyworks.errors import KeyworksError, MalformedRequest, OperatorError, Unavailable
from keyworks.keys.software import SoftwareSigner
from keyworks.store.durable import sync_folder, write_new_file
from keyworks.x509.certificate import Certificate, ders_of, pem_of
from keyworks.x509.template import KeyedTemplate, parse_certification_request

LINKS: Final = ("key.pem", "certificate.pem", "chain.pem", "cacerts.pem")
_SERVER_KEY: Final = "server-key"
_ANNOUNCED: Final = ".announced"
_OF_FILE_SYSTEMS: Final = "lost+found"

_KEPT: Final = 2
"""Generations on disk: the present one and the former, which programs may still have open."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A usable pair.

    Args:
        folder: Its generation's.
        label: Of the channel it came from.
        credential: Certificate, chain and key.
    """

    folder: Path
    label: str
    credential: ClientCertificate = field(repr=False)

    @property
    def certificate(self) -> Certificate:
        """Return the certificate."""
        return self.credential.certificate

    @property
    def is_first(self) -> bool:
        """Return whether this is the first pair in its folder, made by no renewal."""
        return self.folder.name == "1"

    @property
    def is_server_key(self) -> bool:
        """Return whether the server has made the key (RFC 7030 §4.4)."""
        return _is_server_key(self.folder)


@dataclass(frozen=True, slots=True)
class Begun:
    """A generation whose certificate is still to come.

    Args:
        folder: Its generation's.
        label: Of the channel that is asked.
        signer: Holds its key.
        template: The request.
    """

    folder: Path
    label: str
    signer: SoftwareSigner = field(repr=False)
    template: KeyedTemplate

    @property
    def is_server_key(self) -> bool:
        """Return whether the server has made the key, and has issued the certificate for it already."""
        return _is_server_key(self.folder)


class IdentityFolder:
    """One identity through all its renewals.

    Args:
        folder: Where it is; need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._generations = folder / "generations"
        self._current = folder / "current"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out; what a former run left behind is put in order first.

        Raises:
            OperatorError: The folder cannot be used, or holds files that are not ours.
            Unavailable: Another run is at work there.
        """
        with _explained(self.folder):
            self._check_is_ours()
            self._generations.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with _explained(self.folder):
                self._lock(descriptor)
                self._recover()
            yield
        finally:
            os.close(descriptor)

    def _check_is_ours(self) -> None:
        """Refuse a folder that was made for something else."""
        if self._generations.is_dir() or not self.folder.is_dir():
            return
        found = next((one.name for one in self.folder.iterdir() if one.name != _OF_FILE_SYSTEMS), None)
        if found is not None:
            raise OperatorError(
                f"{self.folder} is no identity's folder: it holds {found}, which is not ours; "
                "choose another folder (--out)."
            )

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Unavailable(f"Another enrollment is at work in {self.folder}.") from error
        for name in ("current", *LINKS):
            place = self.folder / name
            if place.exists() and not place.is_symlink():
                self._check_has_its_links()
                raise OperatorError(f"{place} is not ours and would be in the way; choose another folder.")

    def _check_has_its_links(self) -> None:
        """Say how to mend a folder that was copied by a tool that writes files where there were links."""
        whole = any((self._generations / str(one) / "certificate.pem").exists() for one in self._numbers())
        if whole and self._current.is_dir() and not self._current.is_symlink():
            raise OperatorError(
                f"{self.folder} was copied without its links. Remove {self._current} and the .pem files beside "
                f"it (the folders in {self._generations} keep them all), then run the same again; it makes the "
                "links anew. `cp -a` copies them."
            )

    def _recover(self) -> None:
        """Switch to a generation that was completed but not switched to."""
        newest = max(self._numbers(), default=0)
        if newest > self._number() and (self._generations / str(newest) / "certificate.pem").exists():
            self._switch(newest)

    def current(self) -> Identity | None:
        """Return the pair in use, or ``None`` before the first.

        Raises:
            OperatorError: It is damaged.
        """
        if not self._current.is_symlink():
            return None
        folder = self._generations / str(self._number())
        try:
            credential = ClientCertificate.read(folder / "chain.pem", folder / "key.pem")
        except OperatorError as error:
            raise OperatorError(
                f"The identity in {self.folder} is damaged: {error.detail} Restore the folder from a copy, or "
                "enroll anew into another one (--out)."
            ) from error
        return Identity(folder, read_file(folder / "channel").decode("ascii", "replace").strip(), credential)

    def former(self) -> Certificate | None:
        """Return the certificate before the one in use, if there was one and it can be read."""
        found = _certificates(self._generations / str(self._number() - 1) / "certificate.pem")
        try:
            return Certificate.parse(found[0]) if found else None
        except MalformedRequest:
            return None

    def is_announced(self, present: Identity) -> bool:
        """Return whether others were told of a certificate."""
        try:
            return (self.folder / _ANNOUNCED).read_text("ascii").strip() == _fingerprint(present)
        except (OSError, ValueError):
            return False

    def note_announced(self, present: Identity) -> None:
        """Write down, durably, that others were told of a certificate."""
        with _explained(self.folder):
            unnamed = self.folder / f"{_ANNOUNCED}.new"
            _write(unnamed, f"{_fingerprint(present)}\n".encode())
            unnamed.replace(self.folder / _ANNOUNCED)
            sync_folder(self.folder)

    def repair(self, present: Identity) -> bool:
        """Write certificate.pem again if it is not what chain.pem begins with; return whether it was not.

        Raises:
            OperatorError: cacerts.pem is damaged, which can be made from nothing else here.
        """
        if not _certificates(present.folder / "cacerts.pem"):
            raise OperatorError(
                f"{self.folder / 'cacerts.pem'} is empty or damaged; restore it from a copy, renew the "
                "certificate now (--force), or enroll into another folder (--out) with --key "
                f"{self.folder / 'key.pem'}."
            )
        own = present.credential.chain[:1]
        if _certificates(present.folder / "certificate.pem") == own:
            return False
        with _explained(self.folder):
            _put(present.folder / "certificate.pem", own)
        return True

    def begun(self) -> Begun | None:
        """Return what a former run has begun and not finished; what cannot be used of it is removed."""
        newest = max(self._numbers(), default=0)
        if newest <= self._number():
            return None
        folder = self._generations / str(newest)
        try:
            signer = read_private_key(_read_own(folder / "key.pem"))
            template = parse_certification_request(read_file(folder / "request.der"))
            label = read_file(folder / "channel").decode("ascii", "replace").strip()
        except KeyworksError:
            shutil.rmtree(folder, ignore_errors=True)
            return None
        return Begun(folder, label, signer, template)

    def begin(self, label: str, signer: SoftwareSigner, request: bytes, *, server_key: bool = False) -> Begun:
        """Write a new generation's key and request, durably, and return it.

        Args:
            label: Of the channel that is to be asked.
            signer: Holds the key.
            request: DER PKCS#10, for that key.
            server_key: Whether the server has made the key.
        """
        template = parse_certification_request(request)
        with _explained(self.folder):
            for number in self._numbers():
                if number > self._number():
                    shutil.rmtree(self._generations / str(number))
            folder = self._generations / str(self._number() + 1)
            work = self._generations / "new"
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            _write(work / "key.pem", private_key_pem(signer.private), 0o600)
            _write(work / "request.der", request)
            _write(work / "channel", f"{label}\n".encode())
            if server_key:
                _write(work / _SERVER_KEY, b"")
            sync_folder(work)
            work.rename(folder)
            for one in (self._generations, self.folder, self.folder.absolute().parent):
                sync_folder(one)
        return Begun(folder, label, signer, template)

    def complete(self, begun: Begun, issued: Issued) -> Identity:
        """Write the certificates of a generation and switch to it; from here on it is the pair in use."""
        files: Mapping[str, tuple[bytes, ...]] = {
            "cacerts.pem": issued.authorities,
            "chain.pem": issued.chain,
            "certificate.pem": issued.chain[:1],
        }
        with _explained(self.folder):
            for name, certificates in files.items():
                # certificate.pem is the last and says: complete.
                _put(begun.folder / name, certificates)
            self._switch(int(begun.folder.name))
        return Identity(begun.folder, begun.label, ClientCertificate(issued.chain, begun.signer))

    def _switch(self, number: int) -> None:
        for name in LINKS:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(Path("current", name))
        new = self.folder / "current.new"
        new.unlink(missing_ok=True)
        new.symlink_to(Path("generations", str(number)))
        new.replace(self._current)
        sync_folder(self.folder)
        for old in self._numbers():
            if old <= number - _KEPT:
                shutil.rmtree(self._generations / str(old), ignore_errors=True)

    def _number(self) -> int:
        """Return the number of the generation in use, 0 before the first."""
        if not self._current.is_symlink():
            return 0
        name = self._current.readlink().name
        if not name.isdecimal():
            raise OperatorError(f"{self._current} does not point to a generation; this folder is not ours.")
        return int(name)

    def _numbers(self) -> list[int]:
        return [int(one.name) for one in self._generations.iterdir() if one.name.isdecimal()]


def _put(file: Path, certificates: tuple[bytes, ...]) -> None:
    """Write certificates; the file takes its name in one step, when it is complete."""
    unnamed = file.with_name(f"{file.name}.new")
    _write(unnamed, "".join(pem_of(der) for der in certificates).encode())
    unnamed.replace(file)
    sync_folder(file.parent)


def _is_server_key(generation: Path) -> bool:
    return (generation / _SERVER_KEY).exists()


def _fingerprint(identity: Identity) -> str:
    return identity.certificate.fingerprint.hex()


def _certificates(file: Path) -> tuple[bytes, ...]:
    """Return the certificates in a file, none if it is damaged."""
    try:
        return ders_of(read_file(file))
    except (OperatorError, MalformedRequest):
        return ()


def _read_own(file: Path) -> bytes:
    """Return what this account has written: a key that somebody else put there is somebody else's, too.

    Raises:
        OperatorError: It cannot be read, or somebody else has written it.
    """
    try:
        with file.open("rb") as stream:
            if os.fstat(stream.fileno()).st_uid != os.geteuid():
                raise OperatorError(f"{file} belongs to somebody else.")
            return stream.read(MAX_FILE_OCTETS)
    except OSError as error:
        raise OperatorError(f"{file} cannot be read: {error.strerror}.") from error


def _write(file: Path, octets: bytes, mode: int = 0o644) -> None:
    """Write a file anew, its octets on disk before this returns."""
    file.unlink(missing_ok=True)
    write_new_file(file, octets, mode)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OperatorError(f"{error.filename or folder} cannot be used: {error.strerror or error}.") from error
