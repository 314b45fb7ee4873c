"""What a run is to do, drawn as a simulation draws it: when requests are due, how long they take.

Open loads: every repetition has the draws of replication 0, so that identical runs differ by what
is measured only. Closed loops: repetition n has those of replication n - 1, since their course
depends on chance anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from poolsim.engine.draws import BLOCK, Draws
from poolsim.model.laws.arrivals import arrival_times
from poolsim.model.laws.choices import listed
from poolsim.model.laws.durations import quantile_ns
from poolsim.model.laws.levels import level_changes
from poolsim.scenario.scenario import Scenario

ATTEMPTS = 3
"""Service times are drawn for the first sending of each request and for two more."""
CLOSED_REQUESTS = 1 << 19
"""Requests of a closed loop that have service times of their own; then they begin again."""

Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Schedule:
    """One repetition's load.

    intended_ns: of an open load, when each request is due, rising; None of a closed loop.
    levels: of a closed loop, pairs (time in ns, window). services_ns: one array a sending, of the
    service times by request number.
    """

    intended_ns: Times | None
    levels: tuple[tuple[int, int], ...]
    services_ns: tuple[Times, ...]

    def write(self, directory: Path) -> tuple[Path | None, list[Path]]:
        """Write raw little-endian int64 files: the arrivals (None of a closed loop), the services
        of each sending.
        """
        arrivals = None
        if self.intended_ns is not None:
            arrivals = directory / "intended_ns.bin"
            self.intended_ns.astype("<i8").tofile(arrivals)
        services = []
        for sending, values in enumerate(self.services_ns):
            path = directory / f"service_ns.{sending}.bin"
            values.astype("<i8").tofile(path)
            services.append(path)
        return arrivals, services


def replication_of(scenario: Scenario, repetition: int) -> int:
    """The replication of a simulation whose draws a repetition has (from 1)."""
    return repetition - 1 if scenario.clients[0].load.kind == "closed" else 0


def draw_schedule(scenario: Scenario, repetition: int) -> Schedule:
    """Draw the load of one repetition, counted from 1, of a plan."""
    client = scenario.clients[0]
    load = client.load
    draws = Draws(scenario.seed, replication_of(scenario, repetition))
    intended: Times | None = None
    levels: tuple[tuple[int, int], ...] = ()
    if load.kind == "closed":
        levels = tuple(level_changes(load, scenario.duration_ns))
        count = CLOSED_REQUESTS
    else:
        intended = _arrivals(draws, scenario)
        count = len(intended)
    law = quantile_ns(scenario.node.service)
    recorded = listed(load.services_ns, load.services_ns[-1]) if load.services_ns else law
    lane = draws.add(f"service/{client.name}", recorded)
    blocks = max(1, -(-count // BLOCK))
    services = tuple(
        np.concatenate([draws.block(lane, block, sending) for block in range(blocks)])
        for sending in range(ATTEMPTS)
    )
    return Schedule(intended, levels, services)


def _arrivals(draws: Draws, scenario: Scenario) -> Times:
    """All arrivals before the end of the run."""
    client = scenario.clients[0]
    times = arrival_times(client.load, scenario.duration_ns)
    lane = draws.add_sequential(f"arrivals/{client.name}", times)
    parts: list[Times] = []
    while not parts or parts[-1][-1] < scenario.duration_ns:
        parts.append(draws.block(lane, len(parts), 0))
    arrivals = np.concatenate(parts)
    return arrivals[arrivals < scenario.duration_ns]
