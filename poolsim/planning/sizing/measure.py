"""An expectation's figure in a recording of a real driver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from poolsim.fidelity.observed import Flags
from poolsim.fidelity.performance import figures
from poolsim.fidelity.performance.compare import P50_BAR, REJECTIONS_BAR, WAIT_BAR
from poolsim.fidelity.performance.kept import kept_of_recording
from poolsim.fidelity.performance.overhead import Overhead
from poolsim.fidelity.recordings import Recording, RecordingError
from poolsim.fidelity.stalls import find_stalls

Value = Callable[[Recording, Flags, Overhead], float]
"""(recording, which of its requests count, the fitted overhead) in SI units."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How a metric is measured, and the bar that its predictions are held to (T3)."""

    value: Value
    bar: float


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one repetition by metric, and the share of its requests that is kept."""

    recording: str
    values: dict[str, float]
    share_kept: float


def _rejected(recording: Recording, counted: Flags, _overhead: Overhead) -> float:
    return figures.rejected_share(recording.observed.requests, counted)


def _median_latency(recording: Recording, counted: Flags, _overhead: Overhead) -> float:
    """From when a request should have been issued, as in every run of poolsim."""
    requests = recording.observed.requests
    latencies = figures.latencies_ns(requests, counted, from_start=False)
    return figures.quantile_ms(latencies, 0.5) * 1e-3


def _mean_wait(recording: Recording, counted: Flags, overhead: Overhead) -> float:
    """What the way to the node took longer than that of a request that did not wait."""
    if recording.node is None:
        raise RecordingError(f"{recording.path}: the wait for a stream shows on paced nodes only")
    requests = recording.observed.requests
    way, arrived = figures.way_to_node_ns(requests, recording.node)
    waits = way - overhead.base_ns
    return figures.mean_wait_ms(waits, requests, counted & arrived) * 1e-3


MEASURES = {
    "rejection_rate": Measure(_rejected, REJECTIONS_BAR),
    "wait.mean": Measure(_mean_wait, WAIT_BAR),
    "latency.p50": Measure(_median_latency, P50_BAR),
}
"""By metric, as an expectation names it."""


def measure(recording: Recording, metrics: list[str], overhead: Overhead) -> Measured:
    """The figures of a recording, its stalls left out."""
    counted, share = kept_of_recording(recording, find_stalls(recording))
    values = {name: MEASURES[name].value(recording, counted, overhead) for name in metrics}
    return Measured(recording.name, values, share)
