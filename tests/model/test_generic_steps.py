"""From the application to the node and back in the generic driver, to the nanosecond: latency
components, coalescing, buffers, Nagle's algorithm, bandwidth, threads, collector's pauses,
response-side backpressure."""

from __future__ import annotations

import itertools

import pytest

from poolsim.estimation.run import run_scenario
from poolsim.scenario.load import load_text
from tests.model.generic_runs import MS, US, Run, S, options, run, scenario

ROUND_TRIP = 3 * MS
"""Two delays of 1 ms and a service of 1 ms."""


# Latency components (002:479-487, 506-513) --------------------------------------------------------


def test_a_request_costs_its_components() -> None:
    """Allocation 0.5 us, encoding 1 us (prepared), copy 2 us, flush 5 us; read 5 us, copy 2 us."""
    assert run(scenario({}, ["1s"])).latencies == [ROUND_TRIP + 15_500]


def test_the_service_is_from_the_write_to_the_delivered_response() -> None:
    assert run(scenario({}, ["1s"])).column("service_ns") == [ROUND_TRIP + 7 * US]


@pytest.mark.inventory(
    "generic.latency.stream-allocation",
    "generic.latency.encoding",
    "generic.latency.buffer-copy",
    "generic.latency.syscall",
    "generic.zero-copy",
    "generic.prepared-statements",
)
@pytest.mark.parametrize(
    ("components", "cost"),
    [
        ({"stream_allocation": "900ns"}, 15_900),
        ({"prepared_encoding": "3us"}, 17_500),
        ({"prepared_statements": False}, 24_500),
        ({"prepared_statements": False, "encoding": "4us"}, 18_500),
        ({"copy": "5us"}, 21_500),
        ({"zero_copy": True}, 11_500),
        ({"syscall": "10us"}, 25_500),
    ],
)
def test_each_component_has_its_share(components: dict[str, object], cost: int) -> None:
    own = scenario({"components": components}, ["1s"])
    assert run(own).latencies == [ROUND_TRIP + cost]


def test_the_scenarios_cost_per_request_comes_on_top() -> None:
    own = scenario(options(), ["1s"], cpu={"issue": "0s", "per_request": "30us"})
    assert run(own).latencies == [ROUND_TRIP + 30 * US]


def test_requests_of_one_connection_are_written_one_after_the_other() -> None:
    own = scenario({"pooling": {"local": {"max": 1}}}, ["1s", "1s"], services=["1ms", "2ms"])
    first, second = run(own).latencies
    assert first == ROUND_TRIP + 15_500
    assert second == 4 * MS + 8_500 + 15_500


# Request coalescing (002:408-409, 511) ------------------------------------------------------------


def batches(**blocks: object) -> dict[str, object]:
    return {"components": {"stream_allocation": 0, "prepared_encoding": 0, "copy": 0}, **blocks}


def test_without_coalescing_each_request_is_a_system_call() -> None:
    done = run(scenario(batches(), ["1s", "1050ms", "1100ms"]))
    assert done.last("syscalls") == 3 + 3


@pytest.mark.inventory("generic.coalescing", "generic.write-buffer.coalescing")
def test_a_batch_is_flushed_when_its_delay_is_over() -> None:
    """Requests 0, 50 and 100 us after the first leave together after 200 us, and a fourth waits
    200 us for itself."""
    own = batches(coalescing={"delay": "200us"})
    done = run(scenario(own, ["1s", "1000.05ms", "1000.1ms", "1000.25ms"]))
    assert done.latencies[0] == 200 * US + 5 * US + ROUND_TRIP + 5 * US
    assert done.latencies[1] == done.latencies[0] - 50 * US
    assert done.latencies[2] == done.latencies[0] - 100 * US
    assert done.latencies[3] == done.latencies[0]
    assert done.last("syscalls") == 2 + 2


@pytest.mark.inventory("generic.coalescing", "generic.write-buffer.flush")
def test_a_batch_is_flushed_when_it_is_complete() -> None:
    own = batches(coalescing={"delay": "200us", "requests": 2})
    done = run(scenario(own, ["1s", "1000.05ms", "1000.1ms"]))
    assert done.latencies[0] == 50 * US + 5 * US + ROUND_TRIP + 5 * US
    assert done.latencies[2] == 200 * US + 5 * US + ROUND_TRIP + 5 * US


@pytest.mark.inventory("generic.write-buffer.flush")
def test_a_full_write_buffer_is_flushed() -> None:
    """Two requests of 400 B leave no room for a third in 1,000 B."""
    own = batches(
        coalescing={"delay": "200us"}, buffers={"write": "1kB"}, frames={"request": "400B"}
    )
    done = run(scenario(own, ["1s", "1000.05ms", "1000.1ms"]))
    assert done.latencies[0] == 50 * US + 5 * US + ROUND_TRIP + 5 * US
    assert done.latencies[2] == 200 * US + 5 * US + ROUND_TRIP + 5 * US


@pytest.mark.inventory("generic.write-buffer")
def test_a_write_buffer_has_64_kb() -> None:
    """250 requests of 256 B are 64,000 B."""
    own = batches(coalescing={"delay": "100ms"})
    at_once = scenario(own, ["1s"] * 251, cpu={"issue": "0s"})
    sent = sorted(run(at_once).latencies)
    assert sent[249] < 10 * MS < 100 * MS < sent[250]


# TCP_NODELAY (002:100) ----------------------------------------------------------------------------

NAGLE = {"network": {"tcp_nodelay": False}}


@pytest.mark.inventory("generic.tcp-no-delay")
def test_with_tcp_nodelay_nothing_is_held_back() -> None:
    done = run(scenario(options(), ["1s", "1000.5ms"]))
    assert done.latencies == [ROUND_TRIP] * 2


@pytest.mark.inventory("generic.tcp-no-delay")
def test_nagles_algorithm_holds_a_small_write_back_until_a_response_acknowledges_the_last() -> None:
    """The response comes 3 ms after the first request; the second was ready 2.5 ms before that."""
    done = run(scenario(options(**NAGLE), ["1s", "1000.5ms"]))
    assert done.latencies == [ROUND_TRIP, 2_500 * US + ROUND_TRIP]


def test_without_a_response_the_acknowledgement_is_delayed_by_40_ms() -> None:
    own = scenario(options(**NAGLE), ["1s", "1000.5ms"], services=["500ms", "1ms"])
    assert run(own).latencies[1] == 2 * MS + 40 * MS - 500 * US + ROUND_TRIP


# Network (002:487, 501) ---------------------------------------------------------------------------


@pytest.mark.inventory("generic.limit.network")
def test_frames_take_their_size_over_the_bandwidth() -> None:
    """1,000 B at 8 Mbit/s take 1 ms, each way."""
    own = options(network={"bandwidth": "8Mbit/s"}, frames={"request": "1kB", "response": "2kB"})
    assert run(scenario(own, ["1s"])).latencies == [1 * MS + ROUND_TRIP + 2 * MS]


def test_frames_go_through_the_network_interface_one_after_the_other() -> None:
    own = options(network={"bandwidth": "8Mbit/s"}, frames={"request": "1kB", "response": "2kB"})
    done = run(scenario(own, ["1s"] * 3, nodes=3))
    assert done.latencies == [6 * MS, 8 * MS, 10 * MS]


@pytest.mark.inventory("generic.latency.network")
@pytest.mark.parametrize(("delay", "latency"), [("50us", 1_100 * US), ("5ms", 11 * MS)])
def test_the_network_latency_is_the_clusters(delay: str, latency: int) -> None:
    """100 us within a datacenter, 10 ms across: 002:487."""
    assert run(scenario(options(), ["1s"], delay=delay)).latencies == [latency]


@pytest.mark.inventory("generic.latency.network")
def test_within_a_datacenter_and_between_two_it_is_100_us_to_10_ms() -> None:
    """One way as a scenario has it that says nothing, and to the other datacenter, where requests
    go when the first one's only node has stopped."""
    near_and_far = load_text("""
duration: 10s
warm_up: 0s
replications: 1
cluster:
  datacenters: {dc1: {nodes: 1}, dc2: {nodes: 1, network: {delay: 10ms}}}
  node: {service: {constant: 1ms}}
clients:
  - name: api
    driver: generic
    cpu: {issue: 0s}
    options:
      components: {stream_allocation: 0s, prepared_encoding: 0s, copy: 0s, syscall: 0s}
      load_balancing: {used_hosts_per_remote_dc: 1}
    load: {trace: {times: [1s, 8s]}}
faults: [{at: 5s, node: dc1/1, kind: stop}]
""")
    near, far = ((latency - MS) // 2 for latency in run(near_and_far).latencies)
    assert (near, far) == (250 * US, 10 * MS)
    assert 100 * US <= near < far <= 10 * MS


# Reading ------------------------------------------------------------------------------------------


def test_responses_that_wait_for_the_thread_are_read_with_one_system_call() -> None:
    """The second and third come 50 and 60 us after the first, which takes 105 us to read."""
    own = {"components": {"stream_allocation": 0, "prepared_encoding": 0, "copy": "100us"}}
    done = run(scenario(own, ["1s"] * 3, services=["1ms"] * 3, cpu={"issue": "300us"}))
    assert done.last("syscalls") == 3 + 3, "300 us apart each is read by itself"
    at_once = run(scenario(own, ["1s"] * 3, services=["30ms", "29.945ms", "29.85ms"]))
    assert at_once.last("syscalls") == 3 + 2


def test_a_stream_is_released_when_the_response_is_read_and_the_request_ends_then() -> None:
    own = options(pooling={"local": {"max": 1}}, streams={"max": 1})
    done = run(scenario(own, ["1s", "1s"]))
    assert done.latencies == [ROUND_TRIP, 2 * ROUND_TRIP]
    assert done.column("wait_ns") == [0, ROUND_TRIP]


# Threading models (002:441-473) -------------------------------------------------------------------


@pytest.mark.inventory("generic.threading.single")
def test_in_an_event_loop_a_callback_blocks_everything_else() -> None:
    """The second response comes at the same instant; the third request is issued during it."""
    own = options(threading={"model": "event_loop", "callback": "500us"})
    done = run(scenario(own, ["1s", "1s", "1003.2ms"], nodes=1))
    assert done.latencies == [
        ROUND_TRIP,
        ROUND_TRIP + 500 * US,
        800 * US + ROUND_TRIP,
    ]


@pytest.mark.inventory("generic.threading.pool")
def test_in_a_thread_pool_callbacks_block_no_input_and_output() -> None:
    own = options(threading={"model": "thread_pool", "callback": "500us", "callback_threads": 2})
    done = run(scenario(own, ["1s", "1s", "1s", "1003.2ms"]))
    assert done.latencies == [ROUND_TRIP, ROUND_TRIP, ROUND_TRIP + 500 * US, ROUND_TRIP]


def test_without_callback_threads_the_io_threads_run_callbacks() -> None:
    own = options(threading={"model": "thread_pool", "callback": "500us", "callback_threads": 0})
    assert run(scenario(own, ["1s", "1s"])).latencies == [ROUND_TRIP, ROUND_TRIP + 500 * US]


def test_io_threads_work_side_by_side() -> None:
    """Two connections, two I/O threads: neither request waits for the other's 100 us."""
    own = {"components": {"syscall": 0, "prepared_encoding": 0, "copy": "100us"}}
    own["pooling"] = {"local": {"core": 2}}
    two = scenario(own, ["1s", "1s"], cpu={"issue": "0s", "io_threads": 2})
    one = scenario(own, ["1s", "1s"], cpu={"issue": "0s", "io_threads": 1})
    assert run(two).latencies == [ROUND_TRIP + 200_500] * 2
    assert run(one).latencies[1] == ROUND_TRIP + 301_000


@pytest.mark.inventory("generic.threading.hybrid")
def test_in_the_hybrid_model_callbacks_have_threads_of_their_own() -> None:
    """As in a thread pool: the third waits for one of two, and input and output go on."""
    threads = {"model": "hybrid", "connections_per_io_thread": 1}
    own = options(threading={**threads, "callback": "500us", "callback_threads": 2})
    done = run(scenario(own, ["1s", "1s", "1s", "1003.2ms"]))
    assert done.latencies == [ROUND_TRIP, ROUND_TRIP, ROUND_TRIP + 500 * US, ROUND_TRIP]


@pytest.mark.inventory("generic.threading.hybrid")
def test_in_the_hybrid_model_n_connections_share_an_io_thread() -> None:
    from poolsim.engine.draws import Draws
    from poolsim.model.build import build
    from poolsim.model.client.session import start_sessions

    own = options(
        pooling={"local": {"core": 5, "max": 8}},
        threading={"model": "hybrid", "connections_per_io_thread": 2},
    )
    w = build(scenario(own, ["1s"]), Draws(1, 0))
    w.__class__ = type("Quiet", (type(w),), {"__slots__": (), "schedule": lambda *_: None})
    start_sessions(w)
    assert w.clients[0].io_threads == 4, "eight connections at most, two a thread"
    assert [connection.thread - 1 for connection in w.connections] == [0, 0, 1, 1, 2]


# Collector's pauses (002:503) ---------------------------------------------------------------------


@pytest.mark.inventory("generic.limit.gc")
def test_a_pause_delays_what_falls_into_it() -> None:
    own = options(gc={"every": "1s", "pause": "200ms"})
    steady = [f"{k}ms" for k in range(1_000, 9_000, 10)]
    latencies = run(scenario(own, steady)).latencies
    late = [latency for latency in latencies if latency > ROUND_TRIP]
    assert len(late) == 8 * 20
    assert max(late) == pytest.approx(ROUND_TRIP + 200 * MS, abs=10 * MS)


def test_the_instances_pauses_are_not_at_the_same_time() -> None:
    from poolsim.engine.draws import Draws
    from poolsim.model.build import build

    own = scenario(options(gc={"every": "1s", "pause": "200ms"}), ["1s"], instances=20)
    phases = {session.gc_phase for session in build(own, Draws(1, 0)).sessions}
    assert len(phases) == 20
    assert all(0 < phase <= 1_000 * MS for phase in phases)


@pytest.mark.inventory("generic.limit.gc")
def test_each_pause_is_an_event_and_a_metric() -> None:
    own = scenario(options(gc={"every": "1s", "pause": "200ms"}), ["1s"])
    begun = [at for at, _, _ in run(own).notes("gc_pause")]
    assert len(begun) == 10
    assert {later - before for before, later in itertools.pairwise(begun)} == {S}
    results = run_scenario(own, source="x.yaml", jobs=1)
    assert results.replications[0].metrics["gc_pauses"] == 10


# Object pooling (002:412-421) ---------------------------------------------------------------------

OBJECTS = ("frames", "byte_buffers", "futures", "row_objects")
ALLOCATED = {"frames": 64 + 64, "byte_buffers": 200 + 800, "futures": 64, "row_objects": 800}
"""Bytes a request and its response, with frames of 200 and 800 B."""


def collected(*allocated: str, after: str = "10kB", requests: int = 1_000) -> Run:
    """Requests 8 ms apart by a client that uses all objects again but for some."""
    own = options(
        frames={"request": "200B", "response": "800B"},
        object_pooling={name: name not in allocated for name in OBJECTS},
        gc={"after": after, "pause": "20ms"},
    )
    return run(scenario(own, [f"{1_000 + 8 * k}ms" for k in range(requests)], duration="10s"))


@pytest.mark.inventory("generic.object-pooling")
def test_where_all_objects_are_used_again_the_collector_has_nothing_to_do() -> None:
    done = collected()
    assert done.notes("gc_pause") == []
    assert set(done.latencies) == {ROUND_TRIP}


@pytest.mark.inventory("generic.object-pooling")
@pytest.mark.parametrize("name", OBJECTS)
def test_what_is_not_used_again_is_allocated_for_each_request_and_collected(name: str) -> None:
    """A pause of 20 ms after each 10 kB; it delays the two or three requests that fall into it."""
    done = collected(name)
    pauses = done.notes("gc_pause")
    assert {value for _, _, value in pauses} == {20 * MS}
    # What a request allocates beyond the 10 kB is collected with them.
    assert len(pauses) == pytest.approx(1_000 * ALLOCATED[name] / 10_000, rel=0.12)
    late = sum(latency > ROUND_TRIP for latency in done.latencies)
    assert 2 * (len(pauses) - 1) <= late <= 3 * len(pauses)


@pytest.mark.inventory("generic.object-pooling")
def test_the_more_is_used_again_the_rarer_are_the_pauses() -> None:
    counts = [len(collected(*OBJECTS[k:]).notes("gc_pause")) for k in range(5)]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == 5
    assert counts[-1] == 0


def test_a_pause_begins_when_enough_is_allocated_and_stops_all_that_is_given_to_threads() -> None:
    """A future of 64 B each: the third request's makes 192 B. Its own write was to come, its
    answer with it; the fourth, due within the pause, is issued after it; the fifth is not late."""
    own = options(object_pooling={"futures": False}, gc={"after": "192B", "pause": "20ms"})
    done = run(scenario(own, ["1s", "1010ms", "1020ms", "1030ms", "1045ms"]))
    assert done.notes("gc_pause") == [(1_020 * MS, "gc_pause", 20 * MS)]
    assert done.latencies == [
        *(ROUND_TRIP, ROUND_TRIP),
        ROUND_TRIP + 20 * MS,
        ROUND_TRIP + 10 * MS,
        ROUND_TRIP,
    ]


# Response-side backpressure (002:330-344) ---------------------------------------------------------

SLOW = {"model": "thread_pool", "callback_threads": 1, "callback": "10ms"}
"""A response every 1 ms, a callback of 10 ms each."""


def slow(responses: str, requests: int = 20) -> dict[str, object]:
    return options(
        threading=SLOW,
        backpressure={"responses": responses},
        buffers={"read": "4kB"},
        frames={"response": "1kB"},
        pooling={"local": {"max": 1}},
    )


TIMES = [f"{1_000 + k}ms" for k in range(20)]


@pytest.mark.inventory("generic.signal.read-buffer-full")
def test_a_full_read_buffer_is_signalled_when_it_is_exceeded() -> None:
    """The first response is taken at once; the next four fill 4 kB, the sixth exceeds it."""
    done = run(scenario(slow("buffer"), TIMES))
    (at, _, size), *_ = done.notes("read_buffer_full")
    assert (at, size) == (1_003 * MS + 5 * MS, 5_000)


@pytest.mark.inventory("generic.responses.buffer")
def test_buffered_responses_accumulate_and_are_all_delivered() -> None:
    done = run(scenario(slow("buffer"), TIMES), interval_ns=MS)
    assert done.latencies == [ROUND_TRIP + k * 9 * MS for k in range(20)]
    assert max(int(table[:, 11].sum()) for table in done.samples) == 18
    assert [kind for _, kind, _ in done.notes("read_buffer_full", "read_buffer_drained")] == [
        "read_buffer_full",
        "read_buffer_drained",
    ]


@pytest.mark.inventory("generic.responses.pause-reading")
def test_a_pause_in_reading_leaves_responses_in_the_socket_and_their_streams_taken() -> None:
    done = run(scenario(slow("pause"), TIMES), interval_ns=MS)
    assert done.latencies == [ROUND_TRIP + k * 9 * MS for k in range(20)]
    assert max(int(table[:, 11].sum()) for table in done.samples) <= 6
    assert max(int(table[:, 3].sum()) for table in done.samples) > 10


def test_reading_goes_on_when_the_buffer_is_half_empty() -> None:
    done = run(scenario(slow("pause"), TIMES))
    sizes = [size for _, kind, size in done.notes("read_buffer_drained")]
    assert set(sizes) == {2_000}
    assert len(sizes) > 1


@pytest.mark.inventory("generic.responses.drop-connection")
def test_as_a_last_resort_the_connection_is_dropped() -> None:
    done = run(scenario(slow("drop"), TIMES, idempotent=False, nodes=1))
    assert done.notes("connection_broke")[0][0] == 1_008 * MS
    assert "connection_error" in done.outcomes
    assert done.outcomes[:6] == ["ok"] * 6, "what was read is delivered"
    assert done.notes("opened")[1][0] > 1_008 * MS, "and the pool reconnects"
