"""Whether a repetition is worth anything: too much of it inside stalls, or on nodes that could not
keep their pace, and it is made again."""

from __future__ import annotations

from pathlib import Path

from poolsim.fidelity.mechanism.compared import compared
from poolsim.fidelity.performance.kept import kept
from poolsim.fidelity.recordings import read_recording
from poolsim.fidelity.simulated import TRACE_DRIVEN, simulated
from poolsim.fidelity.stalls import SMALLEST_SHARE, find_stalls

MOST_LATE_BACKENDS = 0.01
"""A paced node whose Cassandra takes longer than the drawn service time is slower than modelled. A
99th percentile says nothing where that happens to more than one request in a hundred."""


def why_again(directory: Path) -> str:
    """Why a recording has to be made again; empty where it has not.

    On bare nodes none has: they have no bar, and the spread of identical runs that stands beside
    their figures is of runs as they come.

    Raises:
        RecordingError: it cannot be read.
    """
    recording = read_recording(directory)
    plan = recording.plan
    if recording.node is None:
        return ""
    simulation = simulated(recording, TRACE_DRIVEN)
    if plan.compares_performance:
        share = kept(recording, simulation, find_stalls(recording)).share
        if share < SMALLEST_SHARE:
            return f"only {share:.0%} of its requests lie outside of stalls"
        late = recording.meta.get("late_backends", 0) / max(1, len(recording.observed.requests))
        if late > MOST_LATE_BACKENDS:
            return f"in {late:.1%} of its requests the node was slower than its pace"
    if plan.compares_mechanism:
        alignment = compared(recording, simulation, growth_has_no_bar=False).alignment
        if not alignment.is_usable:
            return f"{alignment.left_out} of {alignment.real} transitions lie in stalls"
    return ""
