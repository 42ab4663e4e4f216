"""The keyworks command: presentation of what ``service`` does, and nothing else."""

from keyworks.cli.interrupt import end_quietly

__all__ = ["main"]


def main() -> None:
    """Run the command line of this process."""
    end_quietly()  # importing takes longer than anything else that happens before the command runs
    from keyworks.cli.root import run

    run()
