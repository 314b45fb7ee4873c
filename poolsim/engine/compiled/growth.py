"""Makes a table longer where compiled code needs another row."""

# numba publishes types, but not complete ones.
# mypy: disable-error-code="no-untyped-call, untyped-decorator"

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from poolsim.engine.compiled.layout import ASK_ROOM, TABLE_NAMES
from poolsim.engine.compiled.world_type import ask_door, room_of, set_length
from poolsim.machine_code.linking import PART


def make_longer(table: str) -> Any:
    """A function (world, rows) that makes a table so many rows longer and says which is the first;
    free rows have their initial values already. Where there is no room to be had, the run has
    failed, and row 0 is as good as any until it stops."""
    source = f"""
def longer(w, count):
    rows = w.{table}
    first = len(rows)
    if first + count > room_of(rows):
        ask_door(w, {ASK_ROOM}, {TABLE_NAMES.index(table)}, first + count, 0)
        if first + count > room_of(rows):
            return 0
    set_length(rows, first + count)
    return first
"""
    scope: dict[str, Any] = {"ask_door": ask_door, "room_of": room_of, "set_length": set_length}
    exec(source, scope)
    return register_jitable(**PART)(scope["longer"])
