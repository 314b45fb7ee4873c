"""A scenario's options as fields of the records."""

from __future__ import annotations

from typing import Any

from poolsim.model.drivers.generic.fields import (
    BY_SHARD,
    MILLIONTHS,
    RANDOM,
    RESPONSE_NAMES,
    SELECTION_NAMES,
    WARMING_NAMES,
)
from poolsim.model.laws.choices import Transform, codes, integers_between, listed
from poolsim.model.records import slotted
from poolsim.scenario.scenario import Client, Datacenter, Load, Scenario

KEY_SPREAD = 0x9E3779B97F4A7C15
"""Odd, so that neighbouring keys fall on different shards (Knuth's multiplicative hashing)."""


def furnish_client(record: Any, scenario: Scenario, client: Client, draws: Any) -> None:
    """Fill the fields of a client's record that the build of a world does not know."""
    options = client.options
    own = options.generic
    assert own is not None, "a client of the generic driver has its options"
    record.stream_limit = min(record.stream_limit, own.streams or record.stream_limit)
    record.busy_ends = int(own.busy == "throw")
    record.most_retries = own.max_retries
    record.other_connection = 1
    record.selection = SELECTION_NAMES.index(own.selection)
    record.sequential = int(own.stream_allocation == "sequential")
    record.high_watermark = round(own.high_watermark * MILLIONTHS)
    record.low_watermark = round(own.low_watermark * MILLIONTHS)
    record.rejects = int(own.policy == "reject")
    record.responses = RESPONSE_NAMES.index(own.responses)
    record.pings = int(own.heartbeat_mechanism == "ping")
    record.pipelining = int(own.pipelining)
    record.warming = WARMING_NAMES.index(own.warming)
    record.idle_check = own.idle_check_ns
    record.idle_jitter = round(own.idle_jitter * MILLIONTHS)
    if record.idle_jitter > 0:
        record.idle_lane = draws.add(f"idle/{client.name}", integers_between(0, MILLIONTHS))
    record.batch_requests = own.batch_requests
    record.batch_delay = own.batch_delay_ns
    record.read_buffer = own.read_buffer
    record.write_buffer = own.write_buffer
    record.request_size = own.request_size
    record.response_size = own.response_size
    record.bandwidth = own.bandwidth
    record.gc_every = own.gc_every_ns
    record.gc_after = own.gc_after if own.gc_pause_ns else 0
    record.gc_pause = own.gc_pause_ns if own.gc_every_ns or own.gc_after else 0
    record.request_allocation = own.request_allocation
    record.response_allocation = own.response_allocation
    _furnish_costs(record, client)
    _furnish_threads(record, scenario, client)
    if record.selection == RANDOM:
        record.selection_lane = draws.add(f"selection/{client.name}", codes())
    if record.selection == BY_SHARD:
        record.shards = own.shards or max(options.local.max, 1)
        lane = _shard_of_key(client.load, record.shards)
        record.shard_lane = draws.add(f"shard/{client.name}", lane)


def _furnish_costs(record: Any, client: Client) -> None:
    """What the I/O thread does for a request, and for its response."""
    own = client.options.generic
    assert own is not None
    encoding = own.prepared_encoding_ns if own.prepared_statements else own.encoding_ns
    copy = 0 if own.zero_copy else own.copy_ns
    write = client.per_request_ns // 2
    record.prepare_cost = own.stream_allocation_ns + encoding + copy + write
    record.syscall_cost = own.syscall_ns + own.context_switch_ns
    record.decode_cost = copy + client.per_request_ns - write
    record.callback_cost = own.callback_ns


def _furnish_threads(record: Any, scenario: Scenario, client: Client) -> None:
    own = client.options.generic
    assert own is not None
    if own.threading == "event_loop":
        record.one_core = 1
        record.io_threads = 1
        return
    record.callback_threads = own.callback_threads
    if own.threading == "hybrid":
        record.connections_a_thread = own.connections_per_io_thread
        most = sum(
            nodes * sizes.max for nodes, sizes in _pools_of(record, scenario.datacenters, client)
        )
        record.io_threads = max(1, -(-most // own.connections_per_io_thread))


def _pools_of(
    record: Any, datacenters: tuple[Datacenter, ...], client: Client
) -> list[tuple[int, Any]]:
    """How many hosts of each datacenter an instance connects to, and the sizes of their pools."""
    options = client.options
    if options.balancing.policy == "round_robin":
        return [(datacenter.nodes, options.local) for datacenter in datacenters]
    return [
        (datacenter.nodes, options.local)
        if place == record.datacenter
        else (min(datacenter.nodes, record.remote_hosts), options.remote)
        for place, datacenter in enumerate(datacenters)
    ]


def _shard_of_key(load: Load, shards: int) -> Transform:
    """The shard of each request's key: drawn, or from the keys of a trace."""
    if not load.keys:
        return integers_between(0, shards - 1)
    return listed([(key * KEY_SPREAD >> 20) % 2**32 % shards for key in load.keys], 0)


def furnish_sessions(w: Any, record: Any, client: Client, draws: Any) -> None:
    """Fill the fields of a client's sessions: their callback threads, their collectors' clocks."""
    phases = None
    if record.gc_every > 0:
        phases = draws.add(f"gc/{client.name}", integers_between(1, record.gc_every))
    for i in range(client.instances):
        session = w.sessions[record.first_session + i]
        session.first_callback_thread = len(w.threads)
        w.threads.extend(slotted("Thread")() for _ in range(record.callback_threads))
        if phases is not None:
            session.gc_phase = draws.at(phases, i, 0)
