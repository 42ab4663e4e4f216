"""The keyworks command: presentation of what ``service`` does, and nothing else."""

from keyworks.cli.root import main

__all__ = ["main"]
