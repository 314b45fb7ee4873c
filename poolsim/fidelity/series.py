"""Timelines and quantile curves of a real and a simulated run, thinned out for a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from poolsim.fidelity.observed import REJECTED, Flags, Integers, Observed, Requests
from poolsim.fidelity.performance.figures import latencies_ns
from poolsim.fidelity.performance.kept import kept
from poolsim.fidelity.recordings import Recording
from poolsim.fidelity.simulated import Simulated
from poolsim.fidelity.stalls import find_stalls

BINS = 400
"""Points of a timeline: more than a page has pixels to show apart."""

SHARES = (
    *(round(0.02 * i, 2) for i in range(1, 49)),
    *(0.97, 0.98, 0.985, 0.99, 0.993, 0.995, 0.997, 0.998, 0.999),
)
"""Of the quantile curves."""

LAST = ("connections", "trashed")
HIGHEST = ("in_flight", "pending")


def timelines(recording: Recording, simulation: Simulated) -> dict[str, Any]:
    """Counts summed over the hosts, over time; with the faults and what the driver made of them.

    Of a bin's samples the last count of connections is kept and the highest of requests.
    """
    duration = recording.observed.duration_ns
    edges = np.linspace(0, duration, BINS + 1)
    return {
        "seconds": [round(float(edge) / 1e9, 4) for edge in edges[1:]],
        "real": _timeline(recording.observed, edges),
        "simulated": _timeline(simulation.observed, edges),
        "faults": [
            [fault.host, round(fault.from_ns / 1e9, 3), round(fault.to_ns / 1e9, 3)]
            for fault in recording.faults
        ],
        "recording": recording.name,
    }


def _timeline(observed: Observed, edges: np.ndarray[Any, Any]) -> dict[str, list[int]]:
    bins = len(edges) - 1
    at_ns = np.unique(np.concatenate([host.at_ns for host in observed.hosts]))
    place = np.clip(np.searchsorted(edges, at_ns, side="left") - 1, 0, bins - 1)
    found: dict[str, Integers] = {}
    for name in (*LAST, *HIGHEST):
        total = _total(observed, name, at_ns)
        own = np.full(bins, -1, dtype=np.int64)
        if name in HIGHEST:
            np.maximum.at(own, place, total)
        else:
            own[place] = total
        found[name] = _carried(own)
    requests = observed.requests
    rejected = requests.started_ns[requests.outcome == REJECTED]
    found["rejected"] = np.searchsorted(np.sort(rejected), edges[1:], side="right")
    return {name: values.tolist() for name, values in found.items()}


def _total(observed: Observed, name: str, at_ns: Integers) -> Integers:
    """A count summed over the hosts at the same times: requests that move from one host to another
    within a bin are not counted at both, as the sum of the hosts' own peaks would."""
    total = np.zeros(len(at_ns), dtype=np.int64)
    for host in observed.hosts:
        latest = np.searchsorted(host.at_ns, at_ns, side="right") - 1
        total += np.where(latest >= 0, getattr(host, name)[latest], 0)
    return total


def _carried(values: Integers) -> Integers:
    """Where a bin has no sample (-1), the one before it holds."""
    places = np.where(values >= 0, np.arange(len(values)), 0)
    carried = values[np.maximum.accumulate(places)]
    return np.maximum(carried, 0)


def latency_curves(
    runs: Sequence[tuple[Recording, Simulated]], *, from_start: bool
) -> dict[str, Any]:
    """Latency in ms by share of the requests that the figures count: of each recording, and of
    the first one's simulation."""

    def curve(requests: Requests, counted: Flags) -> list[float]:
        latencies = latencies_ns(requests, counted, from_start=from_start)
        if not len(latencies):
            return []
        return [round(float(value), 4) for value in np.quantile(latencies, SHARES) / 1e6]

    counted = [
        kept(recording, simulation, find_stalls(recording)) for recording, simulation in runs
    ]
    return {
        "shares": list(SHARES),
        "real": [
            curve(recording.observed.requests, own.real)
            for (recording, _), own in zip(runs, counted, strict=True)
        ],
        "simulated": curve(runs[0][1].observed.requests, counted[0].simulated),
    }
