"""``python -m tests.fuzz.one TARGET [OPTION...] [FOLDER]``: one target, guided by what it reaches."""

import sys

import atheris

with atheris.instrument_imports(include=["keyworks"]):
    from tests.fuzz.targets import TARGETS

atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
atheris.Fuzz()
