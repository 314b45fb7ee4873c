"""Which requests and seconds of a run count, on the real and on the simulated side alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolsim.fidelity.observed import Flags, Integers, Observed
from poolsim.fidelity.recordings import Recording
from poolsim.fidelity.simulated import TRACE_DRIVEN, Simulated
from poolsim.fidelity.stalls import SECOND, Stalls

TAIL_NS = SECOND
"""What is intended in the last second may not have ended, and the slow ones least."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What counts of a recording and of its simulation.

    real, simulated: flags of their requests. seconds: numbers of the seconds that count. share: of
    the requests between warm-up and tail, how many are kept.
    """

    real: Flags
    simulated: Flags
    seconds: Integers
    share: float


def kept(recording: Recording, simulation: Simulated, stalls: Stalls) -> Kept:
    """Leave out the warm-up, the last second and what lies in stalls.

    Of a trace-driven simulation the same requests are kept as of the recording, by their place in
    the order of starts; otherwise those intended in the same seconds.
    """
    from_ns, to_ns = _span(recording)
    real, share = kept_of_recording(recording, stalls)
    own = simulation.observed.requests
    if simulation.mode == TRACE_DRIVEN:
        simulated = np.asarray(real[own.number], dtype=np.bool_)
    else:
        simulated = _inside(simulation.observed, from_ns, to_ns)
        simulated &= ~stalls.left_out(own.intended_ns)
    seconds = np.arange(-(-from_ns // SECOND), to_ns // SECOND, dtype=np.int64)
    seconds = seconds[~stalls.left_out(seconds * SECOND)]
    return Kept(real, simulated, seconds, share)


def kept_of_recording(recording: Recording, stalls: Stalls) -> tuple[Flags, float]:
    """Which requests of a recording count, and the share of those between warm-up and tail."""
    inside = _inside(recording.observed, *_span(recording))
    real = inside & ~stalls.left_out(recording.observed.requests.intended_ns)
    return real, float(real.sum() / max(1, inside.sum()))


def _span(recording: Recording) -> tuple[int, int]:
    """From the end of the warm-up to the last second."""
    from_ns = recording.plan.scenario.warm_up_ns or 0
    return from_ns, recording.observed.duration_ns - TAIL_NS


def _inside(observed: Observed, from_ns: int, to_ns: int) -> Flags:
    intended = observed.requests.intended_ns
    return (intended >= from_ns) & (intended < to_ns)
