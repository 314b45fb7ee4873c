"""One event, whole: its handler, then whatever that left on the ready list.

Importing this module collects every rule.
"""

from __future__ import annotations

from collections.abc import Callable

from poolsim.model.client import issuing, loops, request, session
from poolsim.model.cluster import faults, nodes
from poolsim.model.connection import nagle
from poolsim.model.primitives import World
from poolsim.model.rule import HANDLERS

COLLECTED = (issuing, loops, request, session, faults, nodes, nagle)
"""The modules that hold the handlers."""


def handlers() -> list[Callable[[World, int, int], None]]:
    """The handler of each event kind."""
    complete = [handler for handler in HANDLERS if handler is not None]
    assert len(complete) == len(HANDLERS), "an event kind has no handler"
    return complete
