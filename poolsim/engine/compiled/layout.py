"""Where a compiled run's state lies in memory.

A world is a block of 64-bit words: of each table its address, how many rows it has and for how many
it has room; of each single record its address. Rows are the int64 fields of `records.FIELDS`, or
one plain integer.
"""

from __future__ import annotations

from poolsim.model import dispatch
from poolsim.model.records import FIELDS, TABLES

COMPLETE = dispatch
"""Imported before the fields are read: drivers add their own."""

PLAIN = ("workers", "streams", "rotation_nodes", "replicas", "samples")
"""The model's tables of integers."""

OCCASION_FIELDS = ("time", "rank", "target")
"""An entry of the agenda. `rank` is the canonical order of an instant: the event's kind above its
`order`. Entries that agree in both have the same target too, so nothing else has to decide."""

DRAW_SLOT_FIELDS = ("block", "attempt", "address")
"""A block of draws at hand: its number, its attempt and where its values are."""

ENGINE_FIELDS = (
    "taken",  # 1: the agenda's first entry is being handled, its place is free
    "scheduled",  # entries so far
    "failure",  # 1: the door to Python could not do what it was asked
    "door",  # address of the function that is asked for room and for draws
)

FINDING_WIDTH = 7
"""What an invariant says: which of its sentences is true (0: none), and the sentence's numbers."""

ENGINE_TABLES = ("agenda", "draw_slots", "note_values", "end_values", "findings")

FIRST_FIELDS: dict[str, tuple[str, ...]] = {
    "sessions": (
        "client",
        "first_thread",
        "issue_scheduled",
        "admitted",
        "turn",
        "workers",
        "window",
        "issue_first",
    ),
    "hosts": ("up", "distance", "backoff_until"),
    "pools": (
        "phase",
        "options",
        "first",
        "in_flight",
        "peak",
        "open",
        "scheduled",
        "driver",
        "node",
        "session",
        "delay",
        "sent",
        "generation",
        "least_free",
        "queue_first",
        "active",
        "trashed",
        "connecting",
        "pending",
        "orphans",
        "rejected",
    ),
    "connections": (
        "in_flight",
        "next",
        "stream_limit",
        "orphans",
        "defunct",
        "stream_free",
        "stream_first",
        "lost_at",
        "stream_high",
        "stream_room",
        "state",
        "generation",
        "pool",
        "last_read",
        "thread",
    ),
    "requests": (
        "number",
        "serial",
        "session",
        "client",
        "intended",
        "issued",
        "wait",
        "attempts",
        "node",
        "in_timer",
        "error_count",
        "error_kinds",
        "error_hosts",
        "next",
        "attempt",
        "sends",
        "idempotent",
        "plan_stage",
        "plan_step",
        "plan_key",
    ),
    "attempts": (
        "request",
        "state",
        "holds",
        "due",
        "at_node",
        "connection",
        "stream",
        "granted_at",
        "pool",
        "sent_at",
        "session",
        "order",
        "next",
        "error",
        "step",
        "caller",
        "node",
        "arrives",
        "remaining",
        "starts",
        "finishes",
        "sequence",
        "deadline",
    ),
}
"""What every request reads or writes: it lies together, so that few lines of the processor's cache
are touched. A matter of speed only: a field that is not named here comes behind."""


def _ordered(table: str, record: str) -> tuple[str, ...]:
    first = tuple(field for field in FIRST_FIELDS.get(table, ()) if field in FIELDS[record])
    return first + tuple(field for field in FIELDS[record] if field not in first)


TABLE_FIELDS: dict[str, tuple[str, ...]] = {
    **{table: _ordered(table, record) for table, record in TABLES.items()},
    **dict.fromkeys(PLAIN, ()),
    "agenda": OCCASION_FIELDS,
    "draw_slots": DRAW_SLOT_FIELDS,
    **dict.fromkeys(("note_values", "end_values", "findings"), ()),
}
"""Fields of each table's rows; none where a row is an integer."""

LINE_WORDS = 8
"""Words of a line of the processor's cache."""

ALIGNED = tuple(FIRST_FIELDS)
"""Tables whose rows begin at the beginning of a line."""

WIDTH = {
    table: -(-len(fields) // LINE_WORDS) * LINE_WORDS if table in ALIGNED else max(1, len(fields))
    for table, fields in TABLE_FIELDS.items()
}
"""Words from one row of a table to the next."""

SINGLE_FIELDS: dict[str, tuple[str, ...]] = {"run": tuple(FIELDS["Run"]), "engine": ENGINE_FIELDS}
"""Fields of the records that there is one of."""

TABLE_NAMES = tuple(TABLE_FIELDS)

WORDS_A_TABLE = 3
ADDRESS, ROWS, ROOM = range(WORDS_A_TABLE)

WORD = {name: WORDS_A_TABLE * i for i, name in enumerate((*TABLE_FIELDS, *SINGLE_FIELDS))}
"""First word of a table or record in the block."""

BLOCK_WORDS = WORDS_A_TABLE * len(WORD)

GROWING = (
    "requests",
    "attempts",
    "connections",
    "tasks",
    "streams",
    "agenda",
    "note_values",
    "end_values",
)
"""Tables that get longer during a run."""

ASK_ROOM = 0
ASK_DRAWS = 1
"""What the door is asked for: (ASK_ROOM, table's number, rows, 0) or (ASK_DRAWS, lane, number,
attempt)."""

SLOTS_A_LANE = 8
"""Blocks of draws at hand per lane: two in a row (requests overtake each other at the seam), of
four attempts."""

FINISHED = 0
PAUSED = 1
FAILED = 2
"""How a slice of a run ends."""
