"""What earlier runs have found: octets that once were too much, and those that reach the corners."""

import base64
from pathlib import Path
from typing import Final

VECTORS: Final = Path(__file__).parents[1] / "vectors" / "fuzz"


def kept(name: str) -> list[bytes]:
    """Return the inputs that are kept for a target, in ``tests/vectors/fuzz``: a line of base64 each."""
    file = VECTORS / f"{name}.base64"
    return [base64.b64decode(line) for line in file.read_text().split()] if file.exists() else []
