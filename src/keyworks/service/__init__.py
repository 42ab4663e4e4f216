"""Operators' use cases: permission, transaction, ledger entry."""
