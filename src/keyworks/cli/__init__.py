"""The keyworks command."""
