"""Principals, credentials, trust anchors and one-time secrets."""
