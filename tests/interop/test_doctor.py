"""Examining a node whose server runs."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from keyworks.service.doctor.examination import examine
from keyworks.service.doctor.finding import Finding
from keyworks.testing import ledger_entries
from tests.docs.console import free_ports
from tests.interop.est_plant import Site, create, serving

LISTENERS = ("enrollment", "console", "publication")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An operator's server, at ports that its settings name and with what it issues published there."""
    home = create(tmp_path_factory.mktemp("examined"), "operator")
    file = home / "keyworks.toml"
    text = file.read_text()
    for name, port in free_ports(LISTENERS).items():
        text = text.replace(f'{name} = "127.0.0.1:0"', f'{name} = "127.0.0.1:{port}"')
    file.write_text(text)
    with serving(home) as one:
        yield one


def _found(home: Path) -> Mapping[str, Finding]:
    return {one.check: one for one in asyncio.run(examine(home))}


def test_a_running_server_is_recognized_by_what_it_presents(site: Site) -> None:
    found = _found(site.home)
    assert [found[f"listen.{name}"].sentence.split(" ", 4)[4] for name in LISTENERS] == [
        "presents a valid chain as localhost, 127.0.0.1.",
        "presents a valid chain as localhost, 127.0.0.1.",
        "answers.",
    ]
    assert {one.check for one in found.values() if one.level == "error"} == set()


def test_looking_is_not_entered_and_disturbs_nobody(site: Site) -> None:
    before = site.act(lambda installation: ledger_entries(installation.store))
    assert before
    _found(site.home)
    assert site.act(lambda installation: ledger_entries(installation.store)) == before
    assert site.curl("/readyz", url=site.server.console).status == 200


def test_a_name_that_the_server_has_no_certificate_for_yet_is_told(site: Site) -> None:
    file = site.home / "keyworks.toml"
    before = file.read_text()
    file.write_text(before.replace('"localhost"', '"pki.plant.example"'))
    try:
        finding = _found(site.home)["listen.console"]
    finally:
        file.write_text(before)
    assert finding.level == "error"
    assert "As 'pki.plant.example'" in finding.sentence
    assert "Restart the server" in finding.remedy


def test_another_installation_s_server_is_not_ours(site: Site, supplier_site: Site) -> None:
    file = supplier_site.home / "keyworks.toml"
    before = file.read_text()
    here = (site.home / "keyworks.toml").read_text()
    listen = here[here.index("[listen]") : here.index("[database]")]
    file.write_text(before[: before.index("[listen]")] + listen + before[before.index("[database]") :])
    try:
        found = _found(supplier_site.home)
    finally:
        file.write_text(before)
    assert {found[f"listen.{name}"].level for name in LISTENERS} == {"error"}
