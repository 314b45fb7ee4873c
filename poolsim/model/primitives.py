"""What rules ask of an engine, and nothing more: methods of the world.

`w.schedule(time, kind, order, target)` puts an event on the agenda: at `time` ns the handler of
`kind` gets `target`. Events of one instant are handled in the order of (kind, order); `order`
(0 <= order < 2**56) comes from the model (request and attempt, connection serial, host), never
from who came first.

`w.draw(lane, number, attempt)` is the value of a named stream at an address.

`w.note(time, kind, session, node, connection, value)` adds a row to the event table
(`recording.columns.NOTE_COLUMNS`); `w.record_request(row)` adds one for a request that ended
(`REQUEST_COLUMNS`).

`w.occupy(n, finish)` makes the earliest free worker of a node busy until `finish` and returns when
the next one is free; `w.free_workers(n, now)` frees them all.

`w.add_request()`, `w.add_attempt()`, `w.add_connection()`, `w.add_task()` make a slot at the end of
a table, `w.add_streams(count)` and `w.add_rotation_nodes(count)` so many entries at the end of the
table of streams or of lists of hosts; each returns the (first) new index.

The SimPy engine gives them to `records.World`; a compiled engine defines them on its own world.
"""

from __future__ import annotations

from typing import Any

World = Any
"""The tables; typed loosely because rules also run on structured arrays."""

Record = Any
"""A record of a table."""

NEVER = 1 << 62
"""A time that does not come, in nanoseconds."""
