"""Configuration as a page of the documents shows it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.docs.console import ROOT

PAGE: Final = ROOT / "docs" / "howto" / "connect-services.md"
KEPT: Final = "/var/lib/keyworks"
"""Where the page keeps keys and certificates."""


def configuration(name: str, replaced: Mapping[str, object] | None = None) -> str:
    """Return the block of a file on the page.

    Args:
        name: The file's, as it stands before the block.
        replaced: Words of the block and what takes their place in this run; each has to be there.
    """
    shape = rf"^`{re.escape(name)}`[^\n]*:\n\n```[a-z]*\n(?P<text>.*?)^```$"
    block = re.search(shape, PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert block is not None, name
    text = block["text"]
    for word, instead in (replaced or {}).items():
        assert word in text, word
        text = text.replace(word, str(instead))
    return text


def identity(folder: str, chain: Path, key: Path, root: Path) -> dict[str, object]:
    """Return what takes the place of a folder with an identity, where a block names all of its files."""
    kept = f"{KEPT}/{folder}"
    return {f"{kept}/chain.pem": chain, f"{kept}/key.pem": key, f"{kept}/cacerts.pem": root}
