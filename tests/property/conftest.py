"""The same cases on every run and every machine, however slow it is."""

from hypothesis import settings

settings.register_profile("keyworks", derandomize=True, deadline=None, database=None)
settings.load_profile("keyworks")
