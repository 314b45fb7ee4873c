"""What the Node.js driver accepts and what does not do what it seems to."""

from __future__ import annotations

from collections.abc import Iterator

from poolsim.scenario.nodejs_options import LATEST_PROTOCOL
from poolsim.scenario.scenario import Client, Options
from poolsim.scenario.units import format_duration

MILLISECOND_NS = 1_000_000
STREAMS = {1: 128, 2: 128}
STREAMS_V3 = 32_768


def nodejs_warnings(client: Client, options: Options) -> Iterator[str]:
    """Sentences about options of a client of this driver."""
    yield from _sizes(options)
    yield from _requests(client, options)
    yield from _timeouts(options)
    yield from _balancing(options)
    if client.protocol > LATEST_PROTOCOL:
        yield (
            f"protocol v{client.protocol}: with Apache Cassandra the driver speaks "
            f"v{LATEST_PROTOCOL} at most and would negotiate that; its pools are the same"
        )


def _sizes(options: Options) -> Iterator[str]:
    if options.local.core == 0:
        yield (
            "pooling.local.core 0: no pool opens a connection, and the one that the control "
            "connection is takes the requests of its host; every other host fails all of them"
        )
    if not options.warmup:
        yield (
            "pooling.warmup false: at the start of the run pools are still empty but for one "
            "connection, and requests meet hosts without any"
        )


def _requests(client: Client, options: Options) -> Iterator[str]:
    most = options.local.max_requests
    streams = STREAMS.get(client.protocol, STREAMS_V3)
    if most == 0:
        yield "pooling.max_requests 0: every connection counts as busy, every request is refused"
    if most > streams:
        yield (
            f"pooling.max_requests {most} is above {streams}, the stream ids of a connection on "
            f"v{client.protocol}: no host ever refuses, what finds no id waits at its connection "
            "without any limit, up to the read timeout"
        )
    threshold = options.defunct_read_timeout_threshold
    if 0 < most <= threshold and options.read_timeout_ns:
        yield (
            f"pooling.max_requests {most} is not above defunct_read_timeout_threshold {threshold}: "
            "a connection full of requests that timed out refuses all others, and is not closed "
            "for it"
        )


def _timeouts(options: Options) -> Iterator[str]:
    if not options.read_timeout_ns:
        yield (
            "read_timeout 0s: no request times out and no heartbeat fails, so that a node that "
            "answers nothing keeps its requests for ever"
        )
    for name, value in (
        ("pooling.heartbeat_interval", options.heartbeat_interval_ns),
        ("connect_timeout", options.connect_timeout_ns),
        ("read_timeout", options.read_timeout_ns),
        ("reconnection: its delay", options.reconnection.base_ns),
    ):
        if value % MILLISECOND_NS:
            yield f"{name} {format_duration(value)}: the driver takes whole milliseconds"
    reconnection = options.reconnection
    if reconnection.kind == "exponential" and reconnection.max_ns < reconnection.base_ns:
        yield "reconnection.exponential: max is below base: every delay is max"


def _balancing(options: Options) -> Iterator[str]:
    balancing = options.balancing
    if not balancing.used_hosts_per_remote_dc:
        return
    if balancing.policy == "dc_aware_round_robin":
        yield (
            "used_hosts_per_remote_dc: no policy of the driver uses hosts of other datacenters; "
            "this is one of your own"
        )
    else:
        yield f"used_hosts_per_remote_dc does nothing with policy {balancing.policy}"
