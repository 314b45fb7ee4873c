"""Settings of the generic driver that cannot do what they seem to."""

from __future__ import annotations

from collections.abc import Iterator

from poolsim.scenario.generic import BUFFER, GenericOptions
from poolsim.scenario.scenario import Client, Options, Scenario
from poolsim.scenario.units import format_bandwidth, format_rate

STREAMS = {1: 128, 2: 128}
STREAMS_V3 = 32_768
_IO_THREADS = 2


def generic_warnings(client: Client, options: Options, scenario: Scenario) -> Iterator[str]:
    """Sentences about a client's options, with what follows from each."""
    own = options.generic
    assert own is not None, "a client of the generic driver has its options"
    yield from _pool_warnings(client, options, own)
    yield from _work_warnings(client, own)
    yield from _limit_warnings(client, options, scenario)


def _pool_warnings(client: Client, options: Options, own: GenericOptions) -> Iterator[str]:
    most = options.local.max_requests
    if own.policy == "reject" and own.high_watermark < 1:
        reached = -(-most * round(own.high_watermark * 1e6) // 1_000_000)
        yield (
            f"backpressure.policy reject: a connection never has more than {reached} in flight, "
            f"max_requests {most} is not reached; a pool grows when all its connections reject"
        )
    streams = own.streams or STREAMS.get(client.protocol, STREAMS_V3)
    if streams < most:
        yield (
            f"streams.max {streams} is below max_requests {most}: a connection sends {streams} at "
            "most, the others wait for it"
        )
    if not own.pipelining:
        yield (
            "pipelining false: a connection sends one request at a time, the others wait for it, "
            f"up to {most - 1}"
        )
    shards = own.shards or options.local.max
    if own.selection == "by_shard" and options.local.core < shards:
        yield (
            f"pooling.selection by_shard: core {options.local.core} for {shards} shards leaves "
            f"{shards - options.local.core} without a connection of its own, whose requests go to "
            "the least loaded one"
        )


def _work_warnings(client: Client, own: GenericOptions) -> Iterator[str]:
    if own.batch_requests and not own.batch_delay_ns:
        yield (
            f"coalescing.requests {own.batch_requests} does nothing without coalescing.delay: each "
            "request is flushed by itself"
        )
    waits = own.threading != "event_loop" and own.callback_threads and own.callback_ns
    if own.responses != "buffer" and not waits:
        yield (
            f"backpressure.responses {own.responses} does nothing: no response waits for a "
            "callback thread (threading.model event_loop, threading.callback 0s or no callback "
            "threads)"
        )
    if own.threading != "thread_pool" and client.io_threads != _IO_THREADS:
        yield f"cpu.io_threads does nothing: threading.model {own.threading} has its own number"
    if own.write_buffer != BUFFER and not own.batch_delay_ns:
        yield (
            "buffers.write does nothing without coalescing.delay: each request is flushed by "
            "itself, and its buffer counts as memory only"
        )
    allocates = own.request_allocation + own.response_allocation
    if own.gc_pause_ns and not (own.gc_every_ns or own.gc_after):
        yield "gc.pause does nothing without gc.every or gc.after"
    if own.gc_after and not allocates:
        yield (
            "gc.after does nothing: requests allocate nothing, as all that object_pooling names "
            "is used again"
        )
    if allocates and not (own.gc_after and own.gc_pause_ns):
        yield "object_pooling does nothing without gc.after and gc.pause"
    if own.bandwidth and client.load.kind in ("poisson", "uniform"):
        rate = client.load.rate / client.instances
        bits = 8 * rate * max(own.request_size, own.response_size)
        if bits > own.bandwidth:
            yield (
                f"network.bandwidth {format_bandwidth(own.bandwidth)} carries less than an "
                f"instance's {format_rate(round(rate, 3))} of frames.request and frames.response: "
                "what waits for it grows without end"
            )


def _limit_warnings(client: Client, options: Options, scenario: Scenario) -> Iterator[str]:
    if not client.max_concurrent:
        return
    home = next(dc for dc in scenario.datacenters if dc.name == client.datacenter)
    places = home.nodes * options.local.max * options.local.max_requests
    if client.max_concurrent > places:
        yield (
            f"limit.max_concurrent {client.max_concurrent} is above the {places} requests that the "
            f"pools of the {home.nodes} local nodes hold: it cannot prevent rejections"
        )
