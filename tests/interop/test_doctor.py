"""Examining a node whose server runs."""

import asyncio

from keyworks.service.doctor.examination import examine
from keyworks.settings.node import read_node_settings
from tests.interop.est_plant import Site


def test_a_running_server_is_recognized_by_what_it_presents(supplier_site: Site) -> None:
    file = supplier_site.home / "keyworks.toml"
    before = file.read_text()
    listen = read_node_settings(file).listen
    text = before
    for name in ("enrollment", "console", "publication"):
        address = getattr(supplier_site.server, name).rpartition("/")[2]
        text = text.replace(f'{name} = "{getattr(listen, name)}"', f'{name} = "{address}"')
    file.write_text(text)
    try:
        found = {one.check: one for one in asyncio.run(examine(supplier_site.home))}
    finally:
        file.write_text(before)
    for name in ("enrollment", "console", "publication"):
        assert found[f"listen.{name}"].level == "ok", found[f"listen.{name}"].sentence
    assert {one.check for one in found.values() if one.level == "error"} == set()
