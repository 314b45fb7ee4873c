"""The two workloads that every program simulates, and what a program says of its run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Workload:
    """Poisson arrivals per second, exponential service; all times in seconds."""

    rate: float = 5000.0
    connections: int = 4
    streams: int = 128
    max_queue: int = 256
    pool_timeout_s: float = 0.1
    workers: int = 8
    mean_service_s: float = 0.0014
    network_s: float = 0.00025


W = Workload()
"""Streams and queue are ample: the node is an M/M/8 queue."""

S = Workload(streams=2, max_queue=80, pool_timeout_s=0.02)
"""Eight streams for eleven erlangs: most requests wait, some are rejected, some time out."""


@dataclass(frozen=True, slots=True)
class Summary:
    """How many requests were served, rejected and timed out, and the mean latency of those served,
    in seconds."""

    served: int
    rejected: int
    timed_out: int
    mean_s: float
