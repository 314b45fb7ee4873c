"""poolsim: simulates what Cassandra drivers' connection pools do, before production does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poolsim.api import load as load

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`poolsim.load`, imported when it is asked for: a command's start must not pay for it."""
    if name == "load":
        from poolsim.api import load

        return load
    raise AttributeError(f"module 'poolsim' has no attribute {name!r}")
