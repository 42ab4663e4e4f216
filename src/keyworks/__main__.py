"""``python -m keyworks``."""

from keyworks.cli import main

main()
