"""Principals, credentials, trust anchors, one-time secrets and shared keys."""
