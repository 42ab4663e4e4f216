"""Our client, as stations run it, on a channel that requires bound requests and makes keys."""

import json
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from keyworks.service.installation import Installation
from keyworks.service.policy.apply import amend
from keyworks.service.policy.document import with_section
from keyworks.service.stations import add_station
from keyworks.settings.factory import FactoryDocument
from tests.interop.est_plant import Site, openssl

LABEL = "stations"
Type = Callable[..., "subprocess.CompletedProcess[str]"]


def _amend(site: Site, **changes: object) -> None:
    def change(document: FactoryDocument) -> FactoryDocument:
        return with_section(document, "channel", LABEL, replace(document.channel[LABEL], **changes))

    async def work(installation: Installation) -> None:
        await amend(installation, "channel", change)

    site.act(work)


@pytest.fixture
def particular(supplier_site: Site) -> Iterator[Site]:
    """A site whose channel requires for now that requests are bound, and makes keys."""
    _amend(supplier_site, channel_binding="required", server_keys="P-384")
    yield supplier_site
    _amend(supplier_site, channel_binding="if-present", server_keys=None, csrattrs="both")


@pytest.fixture
def type_(particular: Site, tmp_path: Path) -> Type:
    """Type a command for a station that has a one-time secret."""
    name = tmp_path.name.replace("_", "-")
    new = particular.act(lambda installation: add_station(installation, name, ("idevid",)))

    def run(*options: str) -> "subprocess.CompletedProcess[str]":
        asked = ("--label", LABEL, "--trust", str(particular.trust), "--subject", f"CN={name}")
        words = (*asked, "--out", str(tmp_path / "station"), "--json", *options)
        url = particular.server.enrollment.replace("127.0.0.1", "localhost")
        return subprocess.run(
            [sys.executable, "-m", "keyworks", "enroll", url, *words],
            capture_output=True,
            check=False,
            env={"KEYWORKS_SECRET": new.secret},
            text=True,
            timeout=60,
        )

    return run


def _document(run: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_a_channel_that_requires_bound_requests_gets_them(particular: Site, type_: Type) -> None:
    """RFC 7030 §3.5: asked for by csrattrs (§4.5.2); where that is silent, the client's user says it."""
    first = _document(type_())
    renewed = _document(type_("--force"))
    assert (first["result"], renewed["result"]) == ("enrolled", "renewed")
    _amend(particular, csrattrs="off")
    refused = type_("--force")
    assert refused.returncode == 1
    assert "wants requests that are bound to their TLS connection" in refused.stderr
    assert _document(type_("--force", "--bind"))["result"] == "renewed"


def test_the_server_s_key_is_kept_fits_its_certificate_and_is_followed_by_another(
    particular: Site, type_: Type, tmp_path: Path
) -> None:
    """RFC 7030 §4.4, in a bound request; OpenSSL is the judge of the pair."""
    key, certificate = (tmp_path / "station" / name for name in ("key.pem", "certificate.pem"))
    documents, keys = [], []
    for options in (("--server-key",), ("--force",), ("--force",)):
        documents.append(_document(type_(*options)))
        keys.append(openssl("pkey", "-in", key, "-pubout"))
        assert keys[-1] == openssl("x509", "-in", certificate, "-noout", "-pubkey")
        assert "P-384" in openssl("pkey", "-in", key, "-noout", "-text").decode()
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(set(keys)) == 3
    assert [(one["result"], one["server_key"]) for one in documents] == [
        ("enrolled", True),
        ("renewed", True),
        ("renewed", True),
    ]
    # The one that asks is spared, so that a lost answer strands nobody.
    assert [one["superseded"] for one in documents] == [[], [], [documents[0]["serial_number"]]]
    _amend(particular, server_keys=None)
    refused = type_("--force")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"On channel {LABEL} the server makes no keys" in refused.stderr
    assert openssl("x509", "-in", certificate, "-noout", "-pubkey") == keys[-1]
    assert not _document(type_("--force", "--key-type", "P-256"))["server_key"]
