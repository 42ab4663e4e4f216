"""Enrollment protocols: bytes in, Reply out; no I/O."""
