"""Signed data. Pure."""
