"""How a run's time is cut: intervals for what people look at, segments for what is estimated.

Intervals are equal and of a round length: the rows of the timeline. Segments are coarser and lie
between the instants at which something is scheduled (a phase of a load, a fault, the end of the
warm-up), so that every window a metric can be asked for is a union of whole segments, and a
distribution need be kept per segment only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from poolsim.scenario.scenario import Load, Scenario

Integers = npt.NDArray[np.int64]
Window = tuple[int, int]
"""From, to in nanoseconds; the end is outside."""

MOST_INTERVALS = 600
_SHORTEST_NS = 1_000_000
_ROUND = (1, 2, 5)
_WARM_UP_STEPS = 20
"""Where the warm-up is found from the data, it ends at a multiple of this part of the run."""


def choose_interval(scenario: Scenario) -> int:
    """The shortest round interval (1, 2, 5, 10, 20, 50, ... ms), in nanoseconds, of which at most
    600 cover the run."""
    unit_ns = _SHORTEST_NS
    while True:
        for factor in _ROUND:
            if scenario.duration_ns <= MOST_INTERVALS * factor * unit_ns:
                return factor * unit_ns
        unit_ns *= 10


def phase_windows(scenario: Scenario) -> dict[str, tuple[Window, ...]]:
    """By name of a phase: when any load is in a phase of that name, in rising order."""
    windows: dict[str, list[Window]] = {}
    for client in scenario.clients:
        for name, window in _phases(client.load, scenario.duration_ns):
            windows.setdefault(name, []).append(window)
    return {name: tuple(sorted(found)) for name, found in windows.items()}


def _phases(load: Load, duration_ns: int) -> list[tuple[str, Window]]:
    """A phase without a length lasts until the next one of its list, or to the end of the run."""
    phases = sorted(load.phases, key=lambda phase: phase.at_ns)
    found = []
    for place, phase in enumerate(phases):
        following = phases[place + 1].at_ns if place + 1 < len(phases) else duration_ns
        end_ns = min(phase.at_ns + phase.for_ns, duration_ns) if phase.for_ns else following
        if phase.at_ns < end_ns:
            found.append((phase.name, (phase.at_ns, end_ns)))
    return found


def scheduled_ns(scenario: Scenario) -> list[int]:
    """Every instant inside the run at which a phase, a fault or a change begins or ends, rising."""
    instants = {edge for windows in phase_windows(scenario).values() for w in windows for edge in w}
    for fault in scenario.faults:
        instants.add(fault.at_ns)
        instants.add(fault.end_ns(scenario.duration_ns))
    instants.update(change.at_ns for change in scenario.changes)
    return sorted(instant for instant in instants if 0 < instant < scenario.duration_ns)


@dataclass(frozen=True, slots=True)
class Grid:
    """The intervals and segments of one scenario. Times in nanoseconds from the start of the run.

    `segment_edges_ns`: shape (segments + 1,), rising, from 0 to the run's duration.
    """

    interval_ns: int
    duration_ns: int
    segment_edges_ns: Integers

    @property
    def intervals(self) -> int:
        """How many intervals cover the run; the last may be shorter."""
        return -(-self.duration_ns // self.interval_ns)

    @property
    def segments(self) -> int:
        """How many segments there are."""
        return len(self.segment_edges_ns) - 1

    @property
    def interval_edges_ns(self) -> Integers:
        """Shape (intervals + 1,), rising, from 0 to the run's duration."""
        edges = np.arange(self.intervals + 1, dtype=np.int64) * self.interval_ns
        edges[-1] = self.duration_ns
        return edges

    @property
    def sample_times_ns(self) -> Integers:
        """When an engine should take samples so that every window is exact: all edges but 0."""
        # Not `np.union1d`, which imports a package of numpy's that nothing else here needs.
        edges = {*self.interval_edges_ns.tolist(), *self.segment_edges_ns.tolist()}
        return np.array(sorted(edges), dtype=np.int64)[1:]

    def interval_of(self, times_ns: Integers) -> Integers:
        """The interval of each time; what lies behind the run counts to the last one."""
        return np.minimum(times_ns // self.interval_ns, self.intervals - 1)

    def segment_of(self, times_ns: Integers) -> Integers:
        """The segment of each time; what lies behind the run counts to the last one."""
        return np.searchsorted(self.segment_edges_ns[1:-1], times_ns, side="right")

    def next_edge_ns(self, time_ns: int) -> int:
        """The first edge of a segment at or after a time within the run."""
        edge = int(np.searchsorted(self.segment_edges_ns, time_ns, side="left"))
        return int(self.segment_edges_ns[min(edge, self.segments)])

    def inside(self, windows: tuple[Window, ...], from_ns: int = 0) -> npt.NDArray[np.bool_]:
        """Which segments lie in any of the windows, from a time on. Shape (segments,)."""
        starts, ends = self.segment_edges_ns[:-1], self.segment_edges_ns[1:]
        inside = np.zeros(self.segments, dtype=np.bool_)
        for start_ns, end_ns in windows:
            inside |= (starts >= max(start_ns, from_ns)) & (ends <= end_ns)
        return inside


def grid_of(scenario: Scenario, interval_ns: int) -> Grid:
    """The grid of a scenario for a length of its intervals."""
    if interval_ns <= 0:
        raise ValueError(f"an interval of {interval_ns} ns: it must be positive")
    duration_ns = scenario.duration_ns
    edges = {0, duration_ns, *scheduled_ns(scenario)}
    if scenario.warm_up_ns is None:
        step_ns = max(duration_ns // _WARM_UP_STEPS, 1)
        step_ns = -(-step_ns // interval_ns) * interval_ns
        edges.update(range(step_ns, duration_ns // 2 + step_ns, step_ns))
    else:
        edges.add(scenario.warm_up_ns)
    kept = sorted(edge for edge in edges if 0 <= edge <= duration_ns)
    return Grid(interval_ns, duration_ns, np.array(kept, dtype=np.int64))
