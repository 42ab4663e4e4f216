"""Configuration files as frozen values."""
