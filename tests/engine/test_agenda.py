"""The compiled engine's agenda and workers, each alone, against Python's own heap."""

from __future__ import annotations

from heapq import heapify, heappop, heappush, heapreplace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")

from poolsim.engine.compiled.layout import FRONT_ENTRIES, KIND_SHIFT
from poolsim.engine.compiled.tables import Tables
from poolsim.engine.draws import Draws
from poolsim.engine.sampling import sample_values
from poolsim.fidelity.generator import generate
from poolsim.machine_code.library import Library
from poolsim.model.build import build
from poolsim.model.records import World

EMPTY = -1


@pytest.fixture(scope="module")
def library() -> Library:
    """Machine code of the agenda's and the workers' functions alone."""
    from numba import types

    from poolsim.engine.compiled import agenda, primitives
    from poolsim.engine.compiled.world_type import WorldType, world_at
    from poolsim.machine_code.linking import object_code

    assert primitives
    world = world_at(WorldType(("java3",)))
    put, refill, close_gap = agenda.put, agenda.refill, agenda.close_gap

    def schedule(address: Any, time: Any, kind: Any, order: Any, target: Any) -> Any:
        put(world(address), time, (kind << KIND_SHIFT) | order, target)
        return 0

    def begin(address: Any) -> Any:
        """The first entry is being handled: its target."""
        w = world(address)
        engine = w.engine
        if engine.last == 0:
            if engine.later == 0:
                return EMPTY
            refill(w)
        engine.taken = 1
        return w.front[1].target

    def end(address: Any) -> Any:
        w = world(address)
        if w.engine.taken == 1:
            close_gap(w)
        return 0

    def occupy(address: Any, node: Any, finish: Any) -> Any:
        return world(address).occupy(node, finish)

    functions = {"schedule": (schedule, 5), "begin": (begin, 1), "end": (end, 1)}
    functions["occupy"] = (occupy, 3)
    code = object_code({name: (one, (types.int64,) * n) for name, (one, n) in functions.items()})
    return Library(code, {name: n for name, (_, n) in functions.items()})


def tables_of(world: World) -> Tables:
    world.samples = [0] * sample_values(world)
    return Tables(world, 1, fewest_rows=1)


class Both:
    """The agenda that is tested and one of Python's, side by side."""

    def __init__(self, library: Library) -> None:
        scenario = generate(0)
        self._tables = tables_of(build(scenario, Draws(scenario.seed, 0)))
        door = self._make_door()
        self._door = door
        self._library = library
        self._expected: list[tuple[int, int, int]] = []
        self._keys: dict[tuple[int, int], int] = {}
        self.lowered = 0

    def _make_door(self) -> Any:
        import ctypes

        from poolsim.engine.compiled.layout import TABLE_NAMES

        def answer(_what: int, table: int, rows: int, _: int) -> int:
            self._tables.grow(TABLE_NAMES[table], rows)
            return 0

        door = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 4)(answer)
        address = ctypes.cast(door, ctypes.c_void_p).value
        self._tables.single("engine", "door")[...] = address
        return door

    def schedule(self, time: int, kind: int, order: int) -> None:
        key = time, (kind << KIND_SHIFT) | order
        # Entries that agree in time and rank have the same target.
        target = self._keys.setdefault(key, len(self._keys))
        heappush(self._expected, (*key, target))
        before = int(self._tables.single("engine", "reference_rank"))
        self._library.call("schedule", self._tables.address, time, kind, order, target)
        self.lowered += int(self._tables.single("engine", "reference_rank")) < before

    def begin(self) -> tuple[int, int]:
        """Take the first entry: its time and kind."""
        time, rank, target = heappop(self._expected)
        assert self._library.call("begin", self._tables.address) == target
        return time, rank >> KIND_SHIFT

    def end(self) -> None:
        self._library.call("end", self._tables.address)
        self._tables.forget()

    def __len__(self) -> int:
        if not self._expected:
            assert self._library.call("begin", self._tables.address) == EMPTY
        return len(self._expected)


DELAYS = st.one_of(
    st.just(0),
    st.integers(1, 3),
    st.integers(0, 5_000),
    st.integers(0, 1 << 24),
    st.integers(0, 1 << 36),
    st.just((1 << 61) - 1),
)
ENTRIES = st.tuples(DELAYS, st.integers(0, 24), st.integers(0, 200))
STEPS = st.lists(st.lists(ENTRIES, max_size=4), max_size=60)


@settings(max_examples=150, deadline=None)
@given(first=st.lists(ENTRIES, max_size=40), steps=STEPS)
def test_entries_come_in_order(
    library: Library, first: list[tuple[int, int, int]], steps: list[list[tuple[int, int, int]]]
) -> None:
    both = Both(library)
    for entry in first:
        both.schedule(*entry)
    for step in steps:
        if not len(both):
            break
        now, _ = both.begin()
        for delay, kind, order in step:
            both.schedule(now + delay, kind, order)
        both.end()
    while len(both):
        both.begin()
        both.end()


@pytest.mark.parametrize(
    "spread", [1, 300, 1 << 20, 1 << 40], ids=["one instant", "300 ns", "1 ms", "20 min"]
)
@pytest.mark.parametrize("under_way", [10, FRONT_ENTRIES, 5_000])
def test_many_entries(library: Library, spread: int, under_way: int) -> None:
    """So many under way, each of which makes another one when it is handled."""
    random = np.random.default_rng(spread + under_way)
    both = Both(library)
    for _ in range(under_way):
        both.schedule(int(random.integers(0, spread)), 6, int(random.integers(0, 1 << 40)))
    for _ in range(3 * under_way):
        now, _ = both.begin()
        delay = int(random.exponential(spread))
        both.schedule(now + delay, int(random.integers(0, 25)), int(random.integers(0, 1 << 40)))
        both.end()
    while len(both):
        both.begin()
        both.end()


def test_what_goes_first_in_the_instant_under_way(library: Library) -> None:
    """Thousands due in one instant, so that it is dealt out by rank; some of them make many others
    of the same instant that go before those still left."""
    both = Both(library)
    for order in range(3_000):
        both.schedule(1_000, 17, order)
    for handled in range(20_000):
        if not len(both):
            break
        now, kind = both.begin()
        if kind == 17 and handled % 500 == 100:
            for order in range(2 * FRONT_ENTRIES):
                both.schedule(now, 10, order * 7 % 600)
        both.end()
    assert not len(both)
    assert both.lowered > 0


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1, 700), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50)), max_size=300),
)
def test_the_earliest_worker_is_taken(
    library: Library, workers: list[int], steps: list[tuple[int, int]]
) -> None:
    """Nodes of any number of workers, each of which is busy until an instant at or after the one
    from which the earliest is free."""
    scenario = generate(0)
    world = build(scenario, Draws(scenario.seed, 0))
    world.heaps = [[(7 * k) % 13 for k in range(count)] for count in workers]
    world.nodes = world.nodes[:1] * len(workers)
    expected = [list(heap) for heap in world.heaps]
    for heap in expected:
        heapify(heap)
    tables = tables_of(world)
    for node, count in enumerate(workers):
        tables.table("nodes")["workers"][node] = count
    for place, busy in steps:
        node = place % len(workers)
        finish = expected[node][0] + busy
        heapreplace(expected[node], finish)
        assert library.call("occupy", tables.address, node, finish) == expected[node][0]
