"""What is proven in the end, by others' means where there are some."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keyworks.ledger.export import Trust, Verified, verify_export
from keyworks.service.installation import open_installation
from keyworks.service.ledger import export_ledger, ledger_identity

_AT_A_TIME: Final = 500


class NotProven(Exception):
    """Something does not verify."""


def verify_with_openssl(files: Sequence[Path], root: Path, issuing: Path) -> int:
    """Return how many certificates ``openssl verify`` accepts: all of them.

    Raises:
        NotProven: It does not accept one; with what it says.
    """
    for start in range(0, len(files), _AT_A_TIME):
        some = files[start : start + _AT_A_TIME]
        command = ["openssl", "verify", "-x509_strict", "-CAfile", str(root), "-untrusted", str(issuing)]
        done = subprocess.run([*command, *map(str, some)], capture_output=True, text=True, check=False)
        accepted = done.stdout.splitlines().count
        if done.returncode or not all(accepted(f"{file}: OK") == 1 for file in some):
            raise NotProven(f"openssl verify: {(done.stderr or done.stdout).strip()[:500]}")
    return len(files)


@dataclass(frozen=True, slots=True)
class ExportedLedger:
    """A ledger that was exported, and verified from its files alone.

    Args:
        folder: The export.
        key_file: The verifier key, written apart from it.
        verified: What it states.
    """

    folder: Path
    key_file: Path
    verified: Verified


async def export_and_verify(home: Path) -> ExportedLedger:
    """Export the ledger of the installation in ``home``, and verify the files with the ledger's key."""
    folder, key_file = home.with_name(f"{home.name}-ledger"), home.with_name(f"{home.name}-ledger.key")
    async with open_installation(home) as installation:
        await export_ledger(installation, folder)
        key = (await ledger_identity(installation)).key
    key_file.write_text(f"{key.text}\n")
    verified = verify_export(folder, Trust(key))
    if not verified.signed:
        raise NotProven(f"The checkpoint in {folder} is not signed by the ledger's key.")
    return ExportedLedger(folder, key_file, verified)
