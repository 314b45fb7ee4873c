"""Which engine runs a scenario (stub)."""

from __future__ import annotations


class NotReady(Exception):
    """The environment lacks what the run needs (exit 6)."""


def chosen_engine(scenario, engine, *, attachments=False):
    return "simpy" if engine == "auto" or attachments else engine


_L = {}

def library_for(scenario):
    from poolsim.engine.compiled.library import Library
    dr = "java3-python"
    if dr not in _L:
        _L[dr] = Library(open("/tmp/code-%s.o" % dr, "rb").read())
    return _L[dr]
