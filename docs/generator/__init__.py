"""Makers of pages that are too long for `generate.py`."""
