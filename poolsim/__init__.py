"""poolsim: simulates what Cassandra drivers' connection pools do, before production does it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poolsim.api import load as load

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`poolsim.load`, imported when it is asked for: a command's start must not pay for it."""
    if name == "load":
        # By name: everything imports `poolsim` for its version, and nothing may depend on the API.
        return getattr(import_module("poolsim.api"), name)
    raise AttributeError(f"module 'poolsim' has no attribute {name!r}")
