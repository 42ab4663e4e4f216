"""Upgrading: only what is ours, only forwards, and recorded."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from keyworks import oids
from keyworks.access.credential import BasicCredentials
from keyworks.authority.authorize import Operation
from keyworks.errors import OperatorError
from keyworks.ledger.checkpoint import NoteKey
from keyworks.ledger.export import Trust, verify_export
from keyworks.service.channels import enable_channel
from keyworks.service.installation import Installation, open_installation
from keyworks.service.ledger import export_ledger
from keyworks.service.policy.apply import propose
from keyworks.service.policy.history import export_policy, version_text, versions
from keyworks.service.upgrade import Upgrade, upgrade_installation
from keyworks.settings.factory import Draft, FactoryDocument
from keyworks.settings.toml import Source
from keyworks.store.migrate import HEAD
from keyworks.testing import EnrollmentDesk, FixedClock, ledger_entries, presented_chain
from keyworks.x509.certificate import Certificate, ders_of
from keyworks.x509.name import Name

pytestmark = pytest.mark.file

FORMER: Final = Path(__file__).parents[2] / "vectors" / "schema-0001"


@pytest.fixture
async def upgraded(tmp_path: Path) -> AsyncIterator[Installation]:
    """A supplier's installation that the first release made and used, and this one upgraded."""
    home = tmp_path / "former"
    home.mkdir()
    for name in ("keyworks.toml", "passphrase"):
        shutil.copy(FORMER / name, home)
    (home / "passphrase").chmod(0o600)
    with closing(sqlite3.connect(home / "keyworks.db")) as database:
        database.executescript((FORMER / "keyworks.sql").read_text())
    assert await upgrade_installation(home, FixedClock()) == Upgrade("0001", HEAD)
    async with open_installation(home, FixedClock()) as installation:
        yield installation


async def test_a_present_database_stays_as_it_is(supplier_home: Path) -> None:
    assert await upgrade_installation(supplier_home, FixedClock()) == Upgrade(HEAD, HEAD)
    async with open_installation(supplier_home, FixedClock()) as installation:
        assert await ledger_entries(installation.store, "installation.upgraded") == []


@pytest.mark.parametrize("octets", [None, b"", b"no database at all" * 100])
async def test_nothing_is_created_where_there_is_no_database_of_ours(
    supplier_home: Path, octets: bytes | None
) -> None:
    file = supplier_home / "keyworks.db"
    file.unlink()
    if octets is not None:
        file.write_bytes(octets)
    with pytest.raises(OperatorError):
        await upgrade_installation(supplier_home, FixedClock())
    assert (file.read_bytes() if file.exists() else None) == octets


async def test_a_newer_releases_database_is_not_touched(supplier_home: Path) -> None:
    with closing(sqlite3.connect(supplier_home / "keyworks.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    with pytest.raises(OperatorError, match="newer release"):
        await upgrade_installation(supplier_home, FixedClock())


async def test_what_the_first_release_made_works_on(upgraded: Installation) -> None:
    """A station renews, enrolls devices, and begins with a secret of that time."""
    desk = EnrollmentDesk(upgraded)
    chain = ders_of((FORMER / "line-1.pem").read_bytes())
    presented, subject = presented_chain(*chain[:-1]), Certificate.parse(chain[0]).subject
    line = await desk.enroll("stations", subject, by=presented, operation=Operation.REENROLL)
    for who, serial_number in ((presented, "SN-2"), (line, "SN-3")):
        device = await desk.enroll("idevid", Name.of((oids.SERIAL_NUMBER, serial_number)), by=who)
        assert device.certificate.subject.values(oids.SERIAL_NUMBER) == (serial_number,)
    secret = BasicCredentials("line-2", (FORMER / "line-2.secret").read_text().strip())
    second = await desk.enroll("stations", by=secret)
    assert second.certificate.subject.values(oids.COMMON_NAME) == ("line-2",)


async def test_an_upgraded_ledger_continues_the_former_one(upgraded: Installation, tmp_path: Path) -> None:
    await enable_channel(upgraded, "idevid", enabled=False)
    await export_ledger(upgraded, tmp_path / "export")
    key = NoteKey.parse((FORMER / "key").read_text())
    verified = verify_export(tmp_path / "export", Trust(key, (FORMER / "checkpoint").read_text()))
    assert (verified.signed, verified.continues) == (True, 30)


async def test_an_upgraded_policy_is_the_first_version_and_a_document_like_any_other(
    upgraded: Installation,
) -> None:
    text = await export_policy(upgraded)
    assert [(one.number, one.what) for one in await versions(upgraded)] == [(1, "upgrade")]
    assert await version_text(upgraded, 1) == text
    assert (await propose(upgraded, Draft(Source("exported", text).read(FactoryDocument)))).steps == ()
    await enable_channel(upgraded, "idevid", enabled=False)
    assert [one.number for one in await versions(upgraded)] == [1, 2]
