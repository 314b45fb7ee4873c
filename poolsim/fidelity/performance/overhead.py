"""The one constant that is fitted: what a request costs besides waiting and being served.

Sockets, the driver's own work and the proxy's take some tenths of a millisecond that no law of the
plan holds. One recording that has no queue in its pools is simulated with its own arrivals and
service times and without a network; the median of what the real latencies are longer, request by
request, is the constant. Half of it becomes the one-way network delay of every other plan. It is
fitted once and frozen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolsim.fidelity.observed import SUCCEEDED
from poolsim.fidelity.performance.figures import way_to_node_ns
from poolsim.fidelity.performance.kept import kept
from poolsim.fidelity.recordings import Recording, RecordingError
from poolsim.fidelity.simulated import TRACE_DRIVEN, simulated
from poolsim.fidelity.stalls import find_stalls

FEWEST_REQUESTS = 1000
MOST_WAITING = 0.01
"""Of a run in which more requests wait for a stream, the constant would hold their wait."""


@dataclass(frozen=True, slots=True)
class Overhead:
    """The constant and what it was fitted on.

    fixed_ns: added to every latency. base_ns: from a start to the arrival at the node of a request
    that did not wait. middle_ns: from the first to the third quartile of the single differences.
    requests: how many were compared. share_kept: of the recording, by the stall rule.
    """

    recording: str
    fixed_ns: int
    base_ns: int
    middle_ns: tuple[int, int]
    requests: int
    share_kept: float

    @property
    def delay_ns(self) -> int:
        """The one-way network delay that stands for it."""
        return self.fixed_ns // 2


def fit(recording: Recording) -> Overhead:
    """Fit the constant on a paced recording of an open loop.

    Raises:
        RecordingError: the recording is of another kind, too short, or has queues.
    """
    if recording.node is None or not recording.plan.is_open:
        raise RecordingError(
            f"{recording.path}: the fixed overhead is fitted on a paced, open-loop recording"
        )
    simulation = simulated(recording, TRACE_DRIVEN, delay_ns=0)
    counted = kept(recording, simulation, find_stalls(recording))
    real, other = recording.observed.requests, simulation.observed.requests
    # The simulated requests by their place among the real ones.
    place = other.number
    both = counted.simulated & (other.outcome == SUCCEEDED) & (real.outcome[place] == SUCCEEDED)
    if int(both.sum()) < FEWEST_REQUESTS:
        raise RecordingError(
            f"{recording.path}: {int(both.sum())} requests to fit the overhead on; "
            f"{FEWEST_REQUESTS} are needed"
        )
    waiting = float((simulation.wait_ns[both] > 0).mean())
    if waiting > MOST_WAITING:
        raise RecordingError(
            f"{recording.path}: {waiting:.0%} of the requests wait for a stream; fit the overhead "
            "on a run whose pools never fill"
        )
    latency = (real.ended_ns - real.started_ns)[place]
    differences = (latency - (other.ended_ns - other.started_ns))[both]
    way, arrived = way_to_node_ns(real, recording.node)
    unqueued = both & arrived[place] & (simulation.wait_ns == 0)
    low, middle, high = np.quantile(differences, (0.25, 0.5, 0.75)).tolist()
    return Overhead(
        recording=recording.name,
        fixed_ns=max(0, round(middle)),
        base_ns=round(float(np.median(way[place][unqueued]))),
        middle_ns=(round(low), round(high)),
        requests=len(differences),
        share_kept=counted.share,
    )
