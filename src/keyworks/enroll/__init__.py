"""Our client for devices and stations."""
