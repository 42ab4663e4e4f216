"""Certificates and requests: names, extensions, templates, TBS, path validation. Pure."""
