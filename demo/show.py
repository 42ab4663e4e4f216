"""What the demo shows a person."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from demo.evidence import ExportedLedger


def progress_bar(console: Console) -> Progress:
    """Return the line's progress bar; where nobody watches, only its last state is printed."""
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


def closing_table(devices: int, certificates: int, seconds: float, ledgers: dict[str, ExportedLedger]) -> Table:
    """Return the figures of a run."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 2))
    table.add_row("devices", f"{devices:,}")
    table.add_row("certificates", f"{certificates:,}, every chain accepted by openssl verify")
    table.add_row("production", f"{seconds:.2f} s, {devices / seconds:,.0f} certificates/s")
    for name, ledger in ledgers.items():
        checkpoint = ledger.verified.checkpoint
        table.add_row(f"{name}'s ledger", f"{checkpoint.size:,} entries, root {checkpoint.root.hex()[:16]}…")
    return table


def next_commands(folder: Path, ledger: ExportedLedger) -> tuple[tuple[str, str], ...]:
    """Return the three commands worth typing next, each with what it is for."""
    keyworks = f".venv/bin/keyworks --home {folder}"
    return (
        ("Look at a device", f"{keyworks}/supplier device show SC7-000001"),
        (
            "Verify the ledger",
            f"{keyworks}/supplier ledger verify {ledger.folder} --key {ledger.key_file}",
        ),
        ("Serve both installations", "make run"),
    )
