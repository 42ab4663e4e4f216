"""Two judges of one chain: Keyworks and the system's OpenSSL."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from keyworks.x509.certificate import Certificate
from keyworks.x509.path import validate
from tests.unit.x509.chains import NOON, Made, made

ROOT: Final = made("root")


def judged(chain: Sequence[Made], anchors: Sequence[Made], at: int = NOON) -> tuple[Certificate, ...]:
    """Return the path that Keyworks finds."""
    return validate([one.der for one in chain], [one.parsed for one in anchors], at=at).certificates


def openssl_accepts(folder: Path, chain: Sequence[Made], anchors: Sequence[Made]) -> bool:
    """Return the verdict of the system's ``openssl verify`` with the same rules."""
    leaf_file, others, trusted = folder / "leaf.pem", folder / "others.pem", folder / "trusted.pem"
    leaf_file.write_bytes(chain[0].pem)
    others.write_bytes(b"".join(one.pem for one in chain))
    trusted.write_bytes(b"".join(one.pem for one in anchors))
    rules = ("-x509_strict", "-partial_chain", "-policy_check", "-attime", str(NOON))
    nothing_else = ("-no-CApath", "-no-CAstore", "-no-CAfile")
    files = ("-trusted", str(trusted), "-untrusted", str(others), str(leaf_file))
    command = ("openssl", "verify", *rules, *nothing_else, *files)
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
