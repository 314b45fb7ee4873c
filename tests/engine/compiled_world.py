"""Enough of a compiled engine to prove that numba compiles the rules.

The rules are the functions of `poolsim.model` themselves, not one of them changed or copied; of the
ports it is the switch that the registry writes for the drivers in use. What rules ask of an engine
is defined here on numba's world, `begin` and `advance` do what `model.build.start` and SimPy's loop
do. Capacities are fixed and draws are made beforehand: this is a proof, not an engine. A table that
is too small shows in `failed`.
"""

# numba publishes types, but not complete ones.
# mypy: disable-error-code="arg-type, call-arg, unreachable"

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import overload, overload_method, register_jitable
from numpy.typing import NDArray

from poolsim.engine.draws import BLOCK, Draws
from poolsim.model.build import build
from poolsim.model.client.loops import start_load
from poolsim.model.client.request import settle
from poolsim.model.client.session import start_sessions
from poolsim.model.dispatch import handlers
from poolsim.model.drivers import ports
from poolsim.model.drivers.registry import PORTS, port_source
from poolsim.model.kinds import CHANGE, FAULT
from poolsim.model.records import FIELDS, TABLES, World
from poolsim.model.rule import RULES
from poolsim.recording.columns import NOTE_COLUMNS, REQUEST_COLUMNS
from poolsim.scenario.scenario import Scenario
from tests.engine.link_once import PartCompiler
from tests.engine.world_type import (
    BOOKKEEPING_FIELDS,
    OCCASION_FIELDS,
    PLAIN,
    RECORD_TYPES,
    WORD,
    WORLD,
    WorldType,
    lengthen,
    world_at,
)

REQUEST_WIDTH = len(REQUEST_COLUMNS)
NOTE_WIDTH = len(NOTE_COLUMNS)

CAPACITY = {
    "requests": 1 << 13,
    "attempts": 1 << 14,
    "connections": 1 << 11,
    "tasks": 1 << 11,
    "streams": 1 << 16,
    "agenda": 1 << 16,
    "note_values": NOTE_WIDTH << 16,
    "end_values": REQUEST_WIDTH << 16,
}
"""Rows of the tables that grow."""

WHOLE: dict[str, Any] = {"error_model": "numpy", "no_cfunc_wrapper": True, "_nrt": False}
"""How functions are compiled that Python calls: no check of divisors, no memory management."""

PART: dict[str, Any] = WHOLE | {"pipeline_class": PartCompiler}
"""How functions are compiled that only compiled functions call."""

# What rules ask of an engine ----------------------------------------------------------------------


@register_jitable(**PART)
def _copy(entry: Any, to: Any) -> None:
    to.time = entry.time
    to.rank = entry.rank
    to.number = entry.number
    to.target = entry.target


@register_jitable(**PART)
def _is_before(one: Any, other: Any) -> Any:
    if one.time != other.time:
        return one.time < other.time
    if one.rank != other.rank:
        return one.rank < other.rank
    return one.number < other.number


@overload_method(WorldType, "schedule", jit_options=PART)
def _schedule(w: Any, time: Any, kind: Any, order: Any, target: Any) -> Any:
    room = CAPACITY["agenda"] - 1

    def schedule(w: Any, time: Any, kind: Any, order: Any, target: Any) -> None:
        keeping = w.bookkeeping
        agenda = w.agenda
        if keeping.waiting == room:
            keeping.failure = 1
            return
        new = agenda[room]  # the last row is never part of the heap
        new.time = time
        new.rank = (kind << 56) | order
        new.number = keeping.scheduled
        new.target = target
        keeping.scheduled += 1
        hole = keeping.waiting
        keeping.waiting += 1
        while hole > 0:
            above = (hole - 1) >> 1
            if _is_before(agenda[above], new):
                break
            _copy(agenda[above], agenda[hole])
            hole = above
        _copy(new, agenda[hole])

    return schedule


@register_jitable(**PART)
def _drop_first(w: Any) -> None:
    """Take the first entry off the agenda."""
    agenda = w.agenda
    w.bookkeeping.waiting -= 1
    size = w.bookkeeping.waiting
    last = agenda[size]
    hole = 0
    child = 1
    while child < size:
        if child + 1 < size and _is_before(agenda[child + 1], agenda[child]):
            child += 1
        if _is_before(last, agenda[child]):
            break
        _copy(agenda[child], agenda[hole])
        hole = child
        child = 2 * hole + 1
    _copy(last, agenda[hole])


@overload_method(WorldType, "draw", jit_options=PART)
def _draw(w: Any, lane: Any, number: Any, attempt: Any) -> Any:
    def draw(w: Any, lane: Any, number: Any, attempt: Any) -> Any:
        keeping = w.bookkeeping
        if number >= keeping.draw_numbers or attempt >= keeping.draw_attempts:
            keeping.failure = 1
            return 0
        return w.draws[(lane * keeping.draw_attempts + attempt) * keeping.draw_numbers + number]

    return draw


@overload_method(WorldType, "note", jit_options=PART)
def _note(
    w: Any, time: Any, kind: Any, session: Any, node: Any, connection: Any, value: Any
) -> Any:
    room = CAPACITY["note_values"] // NOTE_WIDTH

    def note(
        w: Any, time: Any, kind: Any, session: Any, node: Any, connection: Any, value: Any
    ) -> None:
        keeping = w.bookkeeping
        if keeping.notes == room:
            keeping.failure = 1
            return
        values = w.note_values
        first = keeping.notes * NOTE_WIDTH
        keeping.notes += 1
        values[first] = time
        values[first + 1] = kind
        values[first + 2] = session
        values[first + 3] = node
        values[first + 4] = connection
        values[first + 5] = value

    return note


@overload_method(WorldType, "record_request", jit_options=PART)
def _record_request(w: Any, row: Any) -> Any:
    room = CAPACITY["end_values"] // REQUEST_WIDTH

    def record_request(w: Any, row: Any) -> None:
        keeping = w.bookkeeping
        if keeping.ends == room:
            keeping.failure = 1
            return
        values = w.end_values
        first = keeping.ends * REQUEST_WIDTH
        keeping.ends += 1
        for i in range(REQUEST_WIDTH):
            values[first + i] = row[i]

    return record_request


def _adds(method: str, table: str, arguments: str, count: str) -> None:
    """Define a method that makes a table longer; free rows have their initial values already."""
    source = f"""
def add({arguments}):
    rows = w.{table}
    if len(rows) + {count} > {CAPACITY[table]}:
        w.bookkeeping.failure = 1
        return 0
    return lengthen(rows, {count})
"""
    scope: dict[str, Any] = {"lengthen": lengthen}
    exec(f"{source}\ndef typed({arguments}):\n    return add\n", scope)
    overload_method(WorldType, method, jit_options=PART)(scope["typed"])


@overload_method(WorldType, "occupy", jit_options=PART)
def _occupy(w: Any, n: Any, finish: Any) -> Any:
    def occupy(w: Any, n: Any, finish: Any) -> Any:
        workers = w.workers
        node = w.nodes[n]
        root = node.first_worker
        end = root + node.workers
        hole = root
        child = root + 1
        while child < end:
            earlier = workers[child]
            if child + 1 < end and workers[child + 1] < earlier:
                child += 1
                earlier = workers[child]
            if earlier >= finish:
                break
            workers[hole] = earlier
            hole = child
            child = 2 * child - root + 1
        workers[hole] = finish
        return workers[root]

    return occupy


@overload_method(WorldType, "free_workers", jit_options=PART)
def _free_workers(w: Any, n: Any, now: Any) -> Any:
    def free_workers(w: Any, n: Any, now: Any) -> None:
        node = w.nodes[n]
        for k in range(node.first_worker, node.first_worker + node.workers):
            w.workers[k] = now

    return free_workers


_adds("add_request", "requests", "w", "1")
_adds("add_attempt", "attempts", "w", "1")
_adds("add_connection", "connections", "w", "1")
_adds("add_task", "tasks", "w", "1")
_adds("add_streams", "streams", "w, count", "count")

# The engine ---------------------------------------------------------------------------------------


def _make_dispatch() -> Any:
    """One event by its kind: a chain of comparisons over the handlers."""
    scope: dict[str, Any] = {}
    lines = ["def dispatch(w, kind, target, now):"]
    for kind, handler in enumerate(handlers()):
        scope[f"handler_{kind}"] = handler
        lines.append(f"    if kind == {kind}:")
        lines.append(f"        return handler_{kind}(w, target, now)")
    exec("\n".join(lines), scope)
    return register_jitable(**PART)(scope["dispatch"])


dispatch = _make_dispatch()


def begin(address: Any) -> None:
    """What `model.build.start` does."""
    w: Any = world_at(address)
    for i in range(len(w.faults)):
        w.schedule(w.faults[i].at, FAULT, i, i)
    for i in range(len(w.changes)):
        w.schedule(w.changes[i].at, CHANGE, i, i)
    start_sessions(w)
    for k in range(len(w.clients)):
        start_load(w, k)


def advance(address: Any, end: Any) -> None:
    """Handle every event before `end`, as SimPy's `run(until=end)` does."""
    w: Any = world_at(address)
    first = w.agenda[0]
    while w.bookkeeping.waiting > 0 and first.time < end:
        time = first.time
        kind = first.rank >> 56
        target = first.target
        _drop_first(w)
        dispatch(w, kind, target, time)
        if w.run.ready_first >= 0:
            settle(w, time)


class CompiledRules:
    """The rules, compiled for some drivers, and what runs them. Once a process: numba keeps what
    it has been told of a function."""

    def __init__(self, drivers: dict[str, ModuleType]) -> None:
        self.compiled: set[str] = set()
        for name, rule in RULES.items():
            self._register(name, rule, rule)
        for name in PORTS:
            source, scope = port_source(name, drivers)
            exec(compile(source, f"<port {name}>", "exec"), scope)
            self._register(f"ports.{name}", getattr(ports, name), scope[name])
        self._begin = numba.njit("void(int64)", **WHOLE)(begin)
        self._advance = numba.njit("void(int64, int64)", **WHOLE)(advance)

    def _register(self, name: str, function: Callable[..., Any], body: Callable[..., Any]) -> None:
        """What compiled code calls by `function` is `body`, compiled."""

        def implementation(*arguments: Any) -> Callable[..., Any]:
            self.compiled.add(name)
            return body

        overload(function, jit_options=PART, strict=False)(implementation)

    def compile_alone(self, name: str) -> None:
        """Compile a rule that no event leads to, by the names of its arguments."""
        rule = RULES[name]
        arguments = rule.__code__.co_varnames[: rule.__code__.co_argcount]
        argument_types = tuple(
            WORLD if argument == "w" else RECORD_TYPES.get(f"{argument}s", types.int64)
            for argument in arguments
        )
        numba.njit(argument_types, **WHOLE)(rule)
        self.compiled.add(name)

    def run(self, world: CompiledWorld, end: int) -> None:
        """Run a world that has not started."""
        self._begin(world.address)
        self._advance(world.address, end)
        world.count_ends()


# Its tables ---------------------------------------------------------------------------------------


class CompiledWorld:
    """The tables that `build` made for a scenario, as arrays, and the block that points at them.

    Draws are made beforehand: of every lane the numbers of `draw_blocks` blocks for so many
    attempts.
    """

    def __init__(self, scenario: Scenario, *, draw_blocks: int, draw_attempts: int) -> None:
        draws = Draws(scenario.seed, 0)
        world = build(scenario, draws)
        self._arrays: dict[str, NDArray[np.int64]] = {}
        self._block = np.zeros(2 * len(WORD), dtype=np.int64)
        for table, record in TABLES.items():
            initial = list(FIELDS[record].values())
            self._add(table, rows_of(getattr(world, table), FIELDS[record]), initial)
        for table in PLAIN:
            self._add(table, np.array(getattr(world, table), dtype=np.int64), -1)
        blocks = [
            draws.block(lane, block, attempt)
            for lane in range(len(draws.currents))
            for attempt in range(draw_attempts)
            for block in range(draw_blocks)
        ]
        self._add("draws", np.concatenate(blocks), 0)
        self._add("agenda", np.zeros((0, len(OCCASION_FIELDS)), dtype=np.int64), 0)
        self._add("note_values", np.zeros(0, dtype=np.int64), 0)
        self._add("end_values", np.zeros(0, dtype=np.int64), 0)
        self._add("run", rows_of([world.run], FIELDS["Run"]), 0)
        self._add("bookkeeping", np.zeros((1, len(BOOKKEEPING_FIELDS)), dtype=np.int64), 0)
        self._bookkeeping("draw_attempts")[...] = draw_attempts
        self._bookkeeping("draw_numbers")[...] = draw_blocks * BLOCK

    def _add(self, name: str, rows: NDArray[np.int64], initial: Any) -> None:
        room = max(CAPACITY.get(name, 0), len(rows))
        values = np.empty((room, *rows.shape[1:]), dtype=np.int64)
        values[...] = initial
        values[: len(rows)] = rows
        self._arrays[name] = values
        self._block[WORD[name]] = values.ctypes.data
        self._block[WORD[name] + 1] = len(rows)

    def _bookkeeping(self, field: str) -> NDArray[np.int64]:
        return self._arrays["bookkeeping"][0, BOOKKEEPING_FIELDS.index(field), ...]

    @property
    def address(self) -> int:
        """Where the block is."""
        return self._block.ctypes.data

    @property
    def failed(self) -> bool:
        """Whether a table was too small for the run."""
        return bool(self._bookkeeping("failure"))

    def table(self, name: str) -> NDArray[np.int64]:
        """A table as it is now, shape (rows, fields), or (rows,) of plain integers."""
        return self._arrays[name][: self._block[WORD[name] + 1]]

    def notes(self) -> NDArray[np.int64]:
        """The event table (`NOTE_COLUMNS`)."""
        rows = self._arrays["note_values"].reshape(-1, NOTE_WIDTH)
        return rows[: self._bookkeeping("notes")]

    def ends(self) -> NDArray[np.int64]:
        """The requests that ended (`REQUEST_COLUMNS`)."""
        rows = self._arrays["end_values"].reshape(-1, REQUEST_WIDTH)
        return rows[: self._bookkeeping("ends")]

    def count_ends(self) -> None:
        """Fill in what an engine derives from the requests that ended."""
        rows = self.ends()
        latencies = (
            rows[:, REQUEST_COLUMNS.index("ended_ns")]
            - (rows[:, REQUEST_COLUMNS.index("intended_ns")])
        )
        fields = list(FIELDS["Run"])
        self._arrays["run"][0, fields.index("requests_ended")] = len(rows)
        self._arrays["run"][0, fields.index("system_sum")] = latencies.sum()


def rows_of(records: list[Any], fields: Any) -> NDArray[np.int64]:
    """Slotted records as an array, shape (records, fields)."""
    rows = [[getattr(record, field) for field in fields] for record in records]
    return np.array(rows, dtype=np.int64).reshape(len(records), len(fields))


def tables_of(world: World) -> dict[str, NDArray[np.int64]]:
    """The tables of a world of slotted records, as `CompiledWorld.table` gives them."""
    tables = {
        table: rows_of(getattr(world, table), FIELDS[record]) for table, record in TABLES.items()
    }
    tables |= {table: np.array(getattr(world, table), dtype=np.int64) for table in PLAIN}
    return tables | {"run": rows_of([world.run], FIELDS["Run"])}
