"""What ``keyworks enroll`` says of what it has done."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

from keyworks.store.clock import SystemClock
from keyworks.testing import FixedClock
from keyworks.x509.certificate import Certificate, ders_of
from tests.unit.cli.shop import Shop, made_elsewhere, typed


def test_people_read_what_was_done_and_when_it_is_due_again(shop: Shop, tmp_path: Path) -> None:
    station, out = shop.station(), str(tmp_path / "station")
    words = (shop.url, "--label", "stations", "--trust", shop.pin, "--out", out, "--user", station.name)
    said = typed(*words, KEYWORKS_SECRET=station.secret).stdout.splitlines()
    assert said[0].startswith(f"Enrolled 'CN={station.name},O=Example Supplier' (issuer 'CN=")
    assert said[1].startswith("Valid until 2")
    assert said[2] == f"In {out}: key.pem, certificate.pem, chain.pem, cacerts.pem."
    due = FixedClock(SystemClock().now())
    due.advance(timedelta(days=250))
    assert typed(*words, clock=due).stdout.startswith("Renewed, with a new key, 'CN=")
    assert typed(*words).stdout.startswith("Nothing to do for 'CN=")


def test_a_station_is_told_whose_identity_it_has_ended(
    line: tuple[str, ...], shop: Shop, tmp_path: Path
) -> None:
    """A mistyped serial number is another device's, and that one is certified anew."""
    asyncio.run(shop.device("SN-3"))
    asked = (*line, "--subject", "serialNumber=SN-3")
    first = json.loads(typed(*asked, "--out", str(tmp_path / "SN-3"), "--json").stdout)
    mistaken = typed(*asked, "--out", str(tmp_path / "SN-4"))
    assert mistaken.stdout.splitlines()[1] == (
        f"It replaces certificate {first['serial_number']}, which is revoked now."
    )
    csr = tmp_path / "SN-3.csr"
    made_elsewhere(csr, "SN-3")
    passed_on = json.loads(typed(*line, "--csr", str(csr), "--json").stdout)
    leaf = Certificate.parse(ders_of((tmp_path / "SN-4" / "certificate.pem").read_bytes())[0])
    assert (first["superseded"], passed_on["superseded"]) == ([], [f"{leaf.serial_number:x}"])
