"""Composition root: builds objects, opens sockets, starts workers."""
