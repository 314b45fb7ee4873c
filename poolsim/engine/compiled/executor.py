"""Runs one replication on machine code."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from poolsim.engine.compiled.fast_uniforms import FastUniforms
from poolsim.engine.compiled.layout import (
    ASK_DRAWS,
    DRAW_SLOT_FIELDS,
    FAILED,
    FINISHED,
    SLOTS_A_LANE,
    TABLE_NAMES,
)
from poolsim.engine.compiled.tables import Tables
from poolsim.engine.draws import BLOCK, Draws
from poolsim.engine.rows import ENDED, INTENDED, NOTE_WIDTH, REQUEST_WIDTH
from poolsim.engine.sampling import sample_table
from poolsim.invariants.checks import INVARIANTS, demand
from poolsim.machine_code.library import Library
from poolsim.model.records import World

Integers = NDArray[np.int64]

MOST_EVENTS = 1 << 18
"""Events of a slice, after which Python looks after Ctrl-C: some hundredths of a second."""

ENOUGH_ROWS = 8192
"""Rows of ended requests after which a slice ends: few enough to stay in the processor's cache."""

_DOOR = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 4)


class CompiledRun:
    """A world that machine code works on; the counterpart of a `SimpyRun`."""

    engine = "compiled"

    def __init__(
        self, world: World, draws: Draws, library: Library, *, fewest_rows: int | None = None
    ) -> None:
        """Take over what `model.build.build` made and do what happens before time zero.

        Args:
            world: not changed.
            draws: of the same replication.
            library: compiled for all drivers of the world, at least.
            fewest_rows: room of growing tables at first.
        """
        lanes = draws.lanes
        more = {} if fewest_rows is None else {"fewest_rows": fewest_rows}
        self.tables = Tables(world, lanes, **more)
        self._address = self.tables.address
        self._draws = draws
        self._library = library
        self._error: BaseException | None = None
        self._clients = len(world.clients)
        # Until a slot is filled it points at something that can be read.
        nothing = np.zeros(BLOCK, dtype=np.int64)
        self._blocks = [nothing] * (lanes * SLOTS_A_LANE)
        slots = self.tables.table("draw_slots")
        slots["address"] = nothing.ctypes.data
        self._slot_fields = [slots[field] for field in DRAW_SLOT_FIELDS]
        draws.fill_with(FastUniforms(library))
        self._door = _DOOR(self._answer)
        address = ctypes.cast(self._door, ctypes.c_void_p).value
        self.tables.single("engine", "door")[...] = address
        self._call("begin")
        self._raise_error()

    def _call(self, entry: str, *arguments: int) -> int:
        return self._library.call(f"poolsim_{entry}", self._address, *arguments)

    def _answer(self, what: int, one: int, two: int, three: int) -> int:
        """What the machine code's door to Python leads to. An exception cannot pass through it."""
        try:
            if what == ASK_DRAWS:
                self._fetch(one, two, three)
            else:
                self.tables.grow(TABLE_NAMES[one], two)
        except BaseException as error:
            self._error = self._error or error
            self.tables.single("engine", "failure")[...] = 1
        return 0

    def _fetch(self, lane: int, number: int, attempt: int) -> None:
        """Put the block of a draw where the machine code looks for it."""
        block = number // BLOCK
        values = self._draws.block(lane, block, attempt)
        slot = lane * SLOTS_A_LANE + (((attempt & 3) << 1) | (block & 1))
        self._blocks[slot] = values
        numbers, attempts, addresses = self._slot_fields
        numbers[slot] = block
        attempts[slot] = attempt
        addresses[slot] = values.ctypes.data

    def _raise_error(self) -> None:
        self.tables.forget()
        if self._error is not None:
            raise self._error

    def advance(self, until_ns: int, between: Callable[[], None]) -> None:
        """Handle every event before `until_ns`; `between` is called now and then, at the latest
        when many requests have ended."""
        while True:
            state = self._call("advance", until_ns, MOST_EVENTS, ENOUGH_ROWS * REQUEST_WIDTH)
            self._raise_error()
            assert state != FAILED
            if state == FINISHED:
                return
            between()

    def sample(self) -> Integers:
        """The state of all pools, shape (clients * nodes, SAMPLE_WIDTH)."""
        self._call("sample")
        return sample_table(self.tables.table("samples"))

    def check(self, now_ns: int, label: str) -> None:
        """Check every invariant (see `invariants.checks.check`)."""
        for number, invariant in enumerate(INVARIANTS):
            self._call("check", number, now_ns)
            finding = self.tables.table("findings").tolist()
            demand(invariant, tuple(finding), now_ns, label)

    def take_requests(self) -> Integers:
        """The requests that ended since the last time, in order; valid until the run goes on."""
        rows: Integers = self.tables.table("end_values").reshape(-1, REQUEST_WIDTH)
        self.tables.clear("end_values")
        ended = self.tables.single("run", "requests_ended")
        ended += len(rows)
        total = self.tables.single("run", "system_sum")
        total += (rows[:, ENDED] - rows[:, INTENDED]).sum()
        return rows

    def take_notes(self) -> Integers:
        """The events noted since the last time."""
        rows: Integers = self.tables.table("note_values").reshape(-1, NOTE_WIDTH).copy()
        self.tables.clear("note_values")
        return rows

    @property
    def requests_waiting(self) -> int:
        """How many rows `take_requests` would give."""
        return self.tables.length("end_values") // REQUEST_WIDTH

    @property
    def requests_ended(self) -> int:
        """Requests taken so far."""
        return int(self.tables.single("run", "requests_ended"))

    @property
    def events(self) -> int:
        """Entries that were put on the agenda so far."""
        return int(self.tables.single("engine", "scheduled"))

    def unfinished(self) -> tuple[int, ...]:
        """Requests under way per client."""
        self._call("unfinished")
        return tuple(self.tables.table("samples")[: self._clients].tolist())
