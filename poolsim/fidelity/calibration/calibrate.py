"""Fits what a scenario says of its nodes to one recording, and writes it as YAML.

Paced nodes: the proxy's log holds every service time, so the law is fitted to those; the network
delay is half of what the latencies have besides queue and service (performance/overhead.py).

Bare nodes: nothing tells queue, service and the rest apart. Latencies of requests that found nobody
else under way are taken to have no queue; their first percentile stands for network and driver,
what exceeds it for the service. Workers are then the number whose queue explains all latencies
best. Two cores that share driver and node have no such workers: what comes out is the nearest
thing, and its misfit is written beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolsim.engine.draws import BLOCK, Draws
from poolsim.fidelity.calibration.laws import FittedLaw, fit_laws, law_text
from poolsim.fidelity.calibration.workers import fit_workers
from poolsim.fidelity.observed import SUCCEEDED, Flags, Integers, Requests
from poolsim.fidelity.performance.overhead import fit as fit_overhead
from poolsim.fidelity.recordings import NodeLog, Recording, RecordingError
from poolsim.fidelity.stalls import find_stalls
from poolsim.model.laws.durations import quantile_ns
from poolsim.scenario.scenario import Law
from poolsim.scenario.units import format_duration

FEWEST_REQUESTS = 500
FIXED_SHARE = 0.01
"""The quantile of unqueued latencies on bare nodes that stands for network and driver."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was fitted, and how well.

    candidates: laws, the best first. misfit: mean relative error of the latencies' quantiles with
    these workers. busiest: the largest share of the workers' time that any second took.
    """

    recording: Recording
    candidates: tuple[FittedLaw, ...]
    workers: int
    misfit: float
    delay_ns: int
    requests: int
    rate: float
    busiest: float

    @property
    def law(self) -> Law:
        """The law that fits best."""
        return self.candidates[0].law


def calibrate(recording: Recording) -> Calibration:
    """Fit law, workers and delay to a recording.

    Raises:
        RecordingError: too few requests, or a paced recording that is no open loop.
    """
    requests = recording.observed.requests
    kept = (requests.outcome == SUCCEEDED) & ~find_stalls(recording).left_out(requests.intended_ns)
    kept &= requests.intended_ns >= (recording.plan.scenario.warm_up_ns or 0)
    if recording.node is not None:
        services, fixed_ns = _paced(recording, recording.node)
    else:
        services, fixed_ns = _bare(recording, requests, kept)
    if len(services) < FEWEST_REQUESTS:
        raise RecordingError(
            f"{recording.path}: {len(services)} requests to fit a law to; "
            f"{FEWEST_REQUESTS} are needed (on bare nodes: that found nobody else under way)"
        )
    candidates = fit_laws(services)
    nodes = _nodes(recording, requests, kept, candidates[0].law)
    latencies = (requests.ended_ns - requests.started_ns)[kept]
    workers, misfit = fit_workers(nodes, latencies, fixed_ns)
    seconds = np.bincount((requests.started_ns[kept] // 1_000_000_000).clip(0))
    busy = float(services.mean()) / 1e9 / workers / len(recording.plan.scenario.node_names)
    return Calibration(
        recording=recording,
        candidates=tuple(candidates),
        workers=workers,
        misfit=misfit,
        delay_ns=fixed_ns // 2,
        requests=len(services),
        rate=float(kept.sum()) / (recording.observed.duration_ns / 1e9),
        busiest=float(seconds.max()) * busy,
    )


def _paced(recording: Recording, node: NodeLog) -> tuple[Integers, int]:
    """Service times that the proxy drew, and the fixed overhead."""
    return node.service_ns[node.service_ns > 0], fit_overhead(recording).fixed_ns


def _bare(recording: Recording, requests: Requests, kept: Flags) -> tuple[Integers, int]:
    """Service times of requests that found nobody under way at their node, and the overhead."""
    alone = np.zeros(len(requests), dtype=np.bool_)
    for host in range(len(recording.observed.hosts)):
        own = np.flatnonzero(requests.host == host)
        started, ended = requests.started_ns[own], requests.ended_ns[own]
        # Ended before: all that started before this one had ended.
        latest = np.concatenate(([0], np.maximum.accumulate(ended)[:-1]))
        alone[own] = latest <= started
    unqueued = (requests.ended_ns - requests.started_ns)[alone & kept]
    if not len(unqueued):
        return unqueued, 0
    fixed_ns = int(np.quantile(unqueued, FIXED_SHARE))
    return np.maximum(unqueued - fixed_ns, 1), fixed_ns


def _nodes(
    recording: Recording, requests: Requests, kept: Flags, law: Law
) -> list[tuple[Integers, Integers]]:
    """Arrivals of each node, and service times drawn from the fitted law."""
    draws = Draws(recording.plan.scenario.seed, 0)
    lane = draws.add("service/calibration", quantile_ns(law))
    blocks = len(requests) // BLOCK + 1
    services = np.concatenate([draws.block(lane, block, 0) for block in range(blocks)])
    nodes = []
    for host in range(len(recording.observed.hosts)):
        own = np.flatnonzero(kept & (requests.host == host))
        if len(own):
            nodes.append((requests.started_ns[own], services[own]))
    return nodes


def cluster_yaml(calibration: Calibration) -> str:
    """A `cluster:` block for a scenario, with where it came from and how far it reaches."""
    recording, meta = calibration.recording, calibration.recording.meta
    datacenter = recording.plan.scenario.datacenters[0]
    laws = ", ".join(
        f"{candidate.law.kind} {candidate.distance:.3f}" for candidate in calibration.candidates
    )
    kind = "paced nodes" if recording.node is not None else "bare nodes"
    delay = format_duration(round(calibration.delay_ns, -3))
    return f"""\
# Calibrated by `poolsim calibrate` from {recording.name} ({meta["date"]}): {kind},
# {meta["driver"]} {meta["driver_version"]} on Cassandra {meta["cassandra_version"]}, \
{calibration.requests} requests.
# Goodness of fit: Kolmogorov distance of the laws from values they were not fitted to: {laws}.
# With these workers the latencies' quantiles are off by {calibration.misfit:.1%} on average.
# Valid for about {calibration.rate:,.0f} requests a second and up to \
{min(calibration.busiest, 1.0):.0%} of the workers busy; beyond, it is a guess.
cluster:
  datacenters:
    {datacenter.name}: {{nodes: {datacenter.nodes}, \
replication_factor: {datacenter.replication_factor}, network: {{delay: {delay}}}}}
  node:
    workers: {calibration.workers}
    service: {law_text(calibration.law)}
"""
