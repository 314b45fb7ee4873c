"""Where a compiled run's state lies in memory.

A world is a block of 64-bit words: of each table its address, how many rows it has and for how many
it has room; of each single record its address. Rows are the fields of `records.FIELDS`, or one
plain integer. What a request touches decides the speed of a large fleet, so a field takes no more
bytes than its values need, and those that every request uses share a line of the processor's cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature

from poolsim.model import dispatch
from poolsim.model.records import FIELDS, TABLES, World

COMPLETE = dispatch
"""Imported before the fields are read: drivers add their own."""

PLAIN_BYTES: dict[str, int] = {
    "workers": 8,
    **{table: 8 for table, kind in World.__annotations__.items() if kind == "list[int]"},
    **dict.fromkeys(("streams", "rotation_nodes", "replicas"), 4),
}
"""The model's tables of integers, and the bytes of one."""

ENTRY_FIELDS = ("time", "rank", "target")
"""An entry of the agenda. `rank` is the canonical order of an instant: the event's kind above its
`order`."""

KIND_SHIFT = 56
"""Bits of a rank below the event's kind."""

FRONT_ENTRIES = 255
"""Most entries of the agenda's front (see `agenda.py`)."""

DIGIT_BITS = 6
TIME_DIGITS = RANK_DIGITS = 11
"""The digits by which later entries are told apart; those of the rank are the lower levels."""

ENTRY_WORDS = len(ENTRY_FIELDS)
CHUNK_ENTRIES = 8
CHUNK_WORDS = 1 + CHUNK_ENTRIES * ENTRY_WORDS
"""Later entries lie in chunks: the next chunk's first word or -1, then so many entries."""

SLOT_FIELDS = ("chunk", "entries")
"""Where the later entries with some value of some digit are: their last chunk, and how many."""

LATEST = (1 << 63) - 1
"""A horizon behind every entry."""

WORKERS_A_GROUP = 8
"""A node's workers are a heap of eights by the instant at which they get free: a worker, then the
groups below, each in a line of its own, filled up with workers that never get free."""

DRAW_SLOT_FIELDS = ("block", "attempt", "address")
"""A block of draws at hand: its number, its attempt and where its values are."""

ENGINE_FIELDS = (
    "last",  # entries of the agenda's front
    "taken",  # 1: its first entry is being handled, its place is free
    "horizon_time",  # entries at or behind it are later
    "horizon_rank",
    "later",  # how many they are
    "reference_time",  # no entry goes before it
    "reference_rank",
    "levels",  # bit mask: levels that have entries
    "free_chunk",
    "scheduled",  # entries so far
    "failure",  # 1: the door to Python could not do what it was asked
    "door",  # address of the function that is asked for room and for draws
)

ENGINE_START = {"free_chunk": -1}
"""How those fields begin that do not begin with 0."""

FINDING_WIDTH = 7
"""What an invariant says: which of its sentences is true (0: none), and the sentence's numbers."""

LINE = 64
"""Bytes of a line of the processor's cache."""

WORD_BYTES = 8
"""Bytes of a field that nothing is said of: any int64 fits."""

# How wide a field is ------------------------------------------------------------------------------
#
# Narrow is only what cannot be large: codes of the model (1 byte); numbers of nodes, clients and
# hosts tried, which the model itself packs into 10 and 12 bits (2 bytes); indices of rows, counts
# of rows and options, which the scenario file limits to 2**31 - 1 (4 bytes). Times, draws and what
# adds up over a run stay wide. What `build` fills in is checked against the width when it is taken
# over; what rules write is watched on SimPy's records by tests/engine/test_layout.py.

NARROW: dict[str, dict[int, tuple[str, ...]]] = {
    "hosts": {
        1: ("up", "distance", "reconnecting"),
        4: ("conviction_open", "backoff_attempt", "reconnect_attempt", "times_down"),
    },
    "pools": {
        1: ("phase", "driver", "queue_mixed"),
        2: ("node", "options"),
        4: (
            *("session", "generation", "first", "last", "active", "trash_first", "trash_last"),
            *("trashed", "connecting", "in_flight", "orphans", "queue_first", "queue_last"),
            *("pending", "init_pending", "open", "scheduled", "peak", "least_free", "queue_live"),
        ),
    },
    "connections": {
        1: ("role", "state", "defunct", "asking", "ask_waiting", "ask_refused", "wire"),
        4: (
            *("pool", "generation", "holds", "next", "previous", "thread", "in_flight", "orphans"),
            *("stream_limit", "stream_first", "stream_room", "stream_high", "stream_free"),
            *("ask_step", "probe", "held_first", "held_last"),
        ),
    },
    "requests": {
        1: ("idempotent", "in_timer", "plan_stage"),
        2: ("client", "node", "attempts", "error_count"),
        4: (
            *("session", "sends", "next", "attempt", "error_kinds"),
            *("timer_next", "timer_previous", "plan_step", "plan_first", "plan_count"),
        ),
    },
    "attempts": {
        1: ("state", "step", "error", "caller", "at_node", "running"),
        2: ("node",),
        4: (
            *("request", "session", "pool", "connection", "stream", "holds", "next"),
            *("sort_next", "node_next", "node_previous", "held_next"),
        ),
    },
}
"""By table: bytes of those fields that are not int64."""

TOGETHER = {"hosts": "pools"}
"""A table whose rows lie in those of another, which has as many."""

LINES: dict[str, tuple[tuple[str, ...], ...]] = {
    "pools": (
        (
            *("hosts.up", "hosts.distance", "phase", "driver", "node", "options", "session"),
            *("delay", "generation", "first", "in_flight", "peak", "open", "scheduled", "sent"),
            *("least_free", "queue_first", "active"),
        ),
        ("trashed", "connecting", "pending", "orphans", "rejected"),
        (
            *("hosts.backoff_until", "hosts.conviction_open", "hosts.reconnecting", "last"),
            *("queue_last", "queue_live", "queue_mixed", "queue_timer", "trash_first"),
            *("trash_last", "init_pending"),
        ),
    ),
    "connections": (
        (
            *("in_flight", "next", "stream_limit", "orphans", "defunct", "stream_free"),
            *("stream_first", "wire", "stream_high", "unacknowledged", "state", "pool"),
            *("last_read", "thread", "asking", "role"),
        ),
        (
            *("holds", "heartbeat_at", "heartbeat_interval", "serial", "previous", "probe"),
            *("held_first", "stream_room", "generation", "lost_at"),
        ),
    ),
    "requests": (
        (
            *("number", "session", "client", "intended", "issued", "wait", "attempts", "node"),
            *("in_timer", "error_count", "error_kinds", "error_hosts", "next", "plan_stage"),
            *("idempotent",),
        ),
        (
            *("serial", "attempt", "sends", "plan_step", "plan_key", "plan_code", "plan_used"),
            *("plan_first", "plan_count", "plan_start"),
        ),
    ),
    "attempts": (
        (
            *("request", "state", "holds", "due", "at_node", "connection", "stream"),
            *("granted_at", "pool", "sent_at", "session", "order", "next", "error", "caller"),
        ),
        ("step", "node", "arrives", "remaining", "starts", "finishes", "sequence", "deadline"),
    ),
    "sessions": (
        (
            *("client", "first_thread", "issue_scheduled", "admitted", "turn", "workers"),
            *("window", "issue_first"),
        ),
    ),
    "nodes": (
        (
            *("workers", "first_worker", "earliest", "recursive", "state", "factor", "sent"),
            *("version",),
        ),
    ),
}
"""Of the largest tables, the fields of the first lines of a row; what every request reads or writes
is in the first, what every sample reads in the first two. The rows of a line lie together, apart
from the other lines, so that what is often used is dense. A matter of speed only: fields that are
not named here fill the lines behind."""

TABLE_FIELDS: dict[str, tuple[str, ...]] = {
    **{table: tuple(FIELDS[record]) for table, record in TABLES.items()},
    **dict.fromkeys(PLAIN_BYTES, ()),
    "front": ENTRY_FIELDS,
    "slots": SLOT_FIELDS,
    "draw_slots": DRAW_SLOT_FIELDS,
    **dict.fromkeys(("values_used", "chunks", "note_values", "end_values", "findings"), ()),
}
"""Fields of each table's rows; none where a row is an integer."""

SINGLE_FIELDS: dict[str, tuple[str, ...]] = {"run": tuple(FIELDS["Run"]), "engine": ENGINE_FIELDS}
"""Fields of the records that there is one of: words, one after the other."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field lies: in which part of its table, and there how many bytes from the beginning
    of the row, in how many bytes."""

    part: int
    offset: int
    bytes: int


Fields = list[tuple[str, str]]
"""Fields with their tables."""


def _bytes_of(table: str, field: str) -> int:
    narrow = NARROW.get(table, {})
    return next((size for size, fields in narrow.items() if field in fields), WORD_BYTES)


def _lines_of(table: str) -> list[Fields]:
    """The fields of each line of a large table: those of LINES, then the others as they fit."""
    everything = [(table, field) for field in TABLE_FIELDS[table]]
    for other, host in TOGETHER.items():
        if host == table:
            everything += [(other, field) for field in TABLE_FIELDS[other]]
    lines: list[Fields] = []
    for names in LINES[table]:
        split = [name.rpartition(".") for name in names]
        line = [(owner or table, field) for owner, _, field in split]
        lines.append([field for field in line if field in everything])
    named = {field for line in lines for field in line}
    left = LINE
    lines.append([])
    for field in everything:
        if field not in named:
            if _bytes_of(*field) > left:
                lines.append([])
                left = LINE
            lines[-1].append(field)
            left -= _bytes_of(*field)
    return [line for line in lines if line]


def _place(fields: Fields, part: int) -> int:
    """Place the fields of a part, the widest first, so that each is aligned to its own size; bytes
    that they take."""
    end = 0
    for table, field in sorted(fields, key=lambda one: -_bytes_of(*one)):
        PLACES[table][field] = Place(part, end, _bytes_of(table, field))
        end += _bytes_of(table, field)
    return end


PLACES: dict[str, dict[str, Place]] = {name: {} for name in (*TABLE_FIELDS, *SINGLE_FIELDS)}
"""Where the fields of each table and record lie."""

PART_BYTES: dict[str, tuple[int, ...]] = {}
"""Bytes of a row in each part of a table, for every table that has rows of its own."""

for _table, _fields in TABLE_FIELDS.items():
    if _table in LINES:
        _taken = [_place(_line, _part) for _part, _line in enumerate(_lines_of(_table))]
        assert max(_taken) <= LINE, f"a line of {_table} is too long"
        # No row of a power of two lies across the border of two lines.
        PART_BYTES[_table] = tuple(max(WORD_BYTES, 1 << (end - 1).bit_length()) for end in _taken)
    elif _fields and _table not in TOGETHER:
        PART_BYTES[_table] = (_place([(_table, _field) for _field in _fields], 0),)
    elif not _fields:
        PART_BYTES[_table] = (PLAIN_BYTES.get(_table, WORD_BYTES),)
for _other, _host in TOGETHER.items():
    PART_BYTES[_other] = PART_BYTES[_host]
_HEAD = 2
ROWS, ROOM = range(_HEAD)
"""Words of a table in the block; then comes the address of each of its parts."""

ADDRESS = _HEAD

WORD: dict[str, int] = {}
"""First word of a table or record in the block; a record's fields are words of the block."""

BLOCK_WORDS = 0
for _name in TABLE_FIELDS:
    WORD[_name] = BLOCK_WORDS
    BLOCK_WORDS += _HEAD + len(PART_BYTES[_name])
for _name, _fields in SINGLE_FIELDS.items():
    _place([(_name, _field) for _field in _fields], 0)
    WORD[_name] = BLOCK_WORDS
    BLOCK_WORDS += len(_fields)

TABLE_NAMES = tuple(TABLE_FIELDS)


@dataclass(frozen=True, slots=True)
class Addition:
    """A method of the world that makes a table longer: which table, and whether by so many rows as
    it is told or by one."""

    table: str
    by_count: bool


def _addition(method: str) -> Addition:
    """What `World.add_streams(count)` or `World.add_request()` adds to."""
    by_count = "count" in signature(getattr(World, method)).parameters
    name = method.removeprefix("add_")
    return Addition(name if by_count else f"{name}s", by_count)


ADDITIONS: dict[str, Addition] = {
    method: _addition(method) for method in vars(World) if method.startswith("add_")
}
"""The methods by which rules make tables longer."""

GROWING = (
    *(addition.table for addition in ADDITIONS.values()),
    *("chunks", "note_values", "end_values"),
)
"""Tables that get longer during a run."""

assert set(GROWING) <= set(TABLE_FIELDS), "a method adds to a table that is not there"

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
