"""The document "Asynchronous Connections", statement by statement, as far as the files on
watermarks, pools, steps, health and the report do not assert it. Lines of the document in brackets.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from poolsim.cli import app
from poolsim.estimation.run import run_scenario
from poolsim.model.drivers.generic import borrowing, writing
from poolsim.model.kinds import OVERLOADED
from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.generic import GenericOptions
from poolsim.scenario.load import load_text
from tests.model.generic_pools import BenchedPool, Settings
from tests.model.generic_runs import MS, US, S, options, run, scenario

OWN = GenericOptions()


def metrics(text: str) -> dict[str, float]:
    results = run_scenario(load_text(text), source="x.yaml", jobs=1)
    return results.replications[0].metrics


def closed(
    window: int, own: str, *, workers: int = 10_000, service: str = "5ms", more: str = ""
) -> str:
    """A closed loop on one node next door, by a client that costs nothing unless `own` says so."""
    return f"""
name: closed
duration: 2s
warm_up: 1s
replications: 1
cluster:
  datacenters: {{dc1: {{nodes: 1, network: {{delay: 0s}}}}}}
  node: {{workers: {workers}, service: {{constant: {service}}}}}
clients:
  - name: api
    driver: generic
    cpu: {{issue: 0s}}
    options: {own}
    load: {{closed: {{window: {window}}}}}
    {more}
"""


FREE = "components: {stream_allocation: 0s, prepared_encoding: 0s, copy: 0s, syscall: 0s}"


# Asynchronous model (3-36) ------------------------------------------------------------------------


@pytest.mark.inventory("generic.thousands-on-few-connections")
def test_a_few_connections_carry_thousands_of_requests_at_once() -> None:
    found = metrics(closed(6_000, f"{{pooling: {{local: {{core: 8}}}}, {FREE}}}", service="500ms"))
    assert found["in_flight.max"] == 6_000
    assert found["open_connections.max"] == 8


@pytest.mark.inventory("generic.synchronous", "generic.synchronous.thread-pool")
def test_a_synchronous_client_has_no_more_in_flight_than_threads() -> None:
    """It waits for each response: at any time each of its 20 threads has one request, or none."""
    threads = "limit: {max_concurrent: 20}"
    found = metrics(closed(500, f"{{{FREE}}}", more=threads))
    assert found["in_flight.max"] == 20
    assert found["throughput"] == pytest.approx(20 / 0.005, rel=0.01)


@pytest.mark.inventory("generic.concurrency-bound")
def test_an_asynchronous_client_is_bounded_by_the_protocol() -> None:
    own = "{pooling: {local: {max: 1, max_requests: 40000}}, "
    own += f"backpressure: {{high_watermark: 100%}}, {FREE}}}"
    found = metrics(closed(34_000, own, workers=100_000, service="1500ms"))
    assert found["in_flight.max"] == 32_768
    assert found["request_queue_depth.max"] == 34_000 - 32_768


@pytest.mark.inventory("generic.responses-in-any-order", "generic.response.match")
def test_responses_come_in_any_order_and_find_their_requests() -> None:
    """[Q1][Q2][Q3] in order; the second is answered first (24-25)."""
    own = options(pooling={"local": {"max": 1}})
    done = run(scenario(own, ["1s"] * 3, services=["20ms", "5ms", "30ms"]))
    assert done.latencies == [22 * MS, 7 * MS, 32 * MS]


@pytest.mark.inventory("generic.non-blocking-sockets", "generic.submission.future")
def test_neither_a_write_nor_a_wait_for_a_response_holds_the_thread_up() -> None:
    """One I/O thread, a response that takes 5 s: a hundred others come and go meanwhile."""
    own = {"pooling": {"local": {"max": 1}}}
    times = ["1s", *(f"{1_000 + 10 * k}ms" for k in range(1, 101))]
    services = ["5s", *["1ms"] * 100]
    done = run(scenario(own, times, services=services, cpu={"issue": "0s", "io_threads": 1}))
    assert done.column("issued_ns") == done.column("intended_ns"), "the caller goes on at once"
    assert max(done.latencies[1:]) < 4 * MS


# A request's way (40-87, 232-279) -----------------------------------------------------------------


@pytest.mark.inventory(
    "generic.request-path",
    "generic.submission.node",
    "generic.submission.acquire",
    "generic.submission.stream",
    "generic.submission.send",
)
def test_the_steps_of_a_request_come_in_order(tmp_path: Path) -> None:
    file = tmp_path / "steps.yaml"
    file.write_text(
        """
duration: 2s
warm_up: 0s
replications: 1
cluster:
  datacenters: {dc1: {nodes: 3, network: {delay: 1ms}}}
  node: {service: {constant: 1ms}}
clients:
  - name: api
    driver: generic
    options:
      coalescing: {delay: 200us}
      network: {bandwidth: 10Mbit/s}
      threading: {callback: 5ms, callback_threads: 1}
    load: {uniform: {rate: 250/s}}
""",
        encoding="utf-8",
    )
    command = CliRunner().invoke
    assert (
        command(app, ["run", str(file), "--out", str(tmp_path / "out"), "--no-report"]).exit_code
        == 0
    )
    told = command(app, ["explain", str(tmp_path / "out"), "slowest"]).stdout
    steps = (
        "enters the driver",
        "is given connection",
        "is given stream",
        "is encoded into its write buffer",
        "is written to dc1/",
        "comes through the network interface",
        "is read and decoded",
        "the stream is free",
        "the answer is delivered",
    )
    places = [told.index(step) for step in steps]
    assert places == sorted(places)


@pytest.mark.inventory(
    "generic.request-path",
    "generic.submission.acquire",
    "generic.submission.stream",
    "generic.submission.send",
)
def test_a_pool_selects_admits_takes_a_stream_buffers_and_flushes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rules themselves, in the order in which they are called (238-254)."""
    called: list[str] = []

    def watch(module: Any, name: str) -> None:
        rule = getattr(module, name)

        def watched(*arguments: Any) -> Any:
            called.append(name)
            return rule(*arguments)

        monkeypatch.setattr(module, name, watched)

    for module, name in (
        (borrowing, "select"),
        (borrowing, "admit"),
        (writing, "allocate"),
        (writing, "_put_into_buffer"),
        (writing, "flush"),
        (writing, "receive"),
    ):
        watch(module, name)
    done = run(scenario(options(coalescing={"delay": "1ms", "requests": 1}), ["1s"]))
    assert done.outcomes == ["ok"]
    assert called == ["select", "admit", "allocate", "_put_into_buffer", "flush", "receive"]


@pytest.mark.inventory("generic.event-loop")
def test_one_loop_writes_reads_and_calls_back_in_turn() -> None:
    """Two requests of 100 us each to write and read, callbacks of 300 us: nothing overlaps."""
    own = {
        "components": {
            "stream_allocation": 0,
            "prepared_encoding": 0,
            "copy": "100us",
            "syscall": 0,
        },
        "threading": {"model": "event_loop", "callback": "300us"},
        "pooling": {"local": {"core": 2}},
    }
    first, second = run(scenario(own, ["1s"] * 2)).latencies
    assert first == 100 * US + 3 * MS + 100 * US
    assert second == first + 300 * US + 100 * US, "its response waits for the first one's callback"


@pytest.mark.inventory("generic.stream-life", "generic.response.release")
def test_a_stream_is_taken_before_the_request_is_sent_and_free_before_it_completes() -> None:
    """With a single id, the next request is sent at the instant at which the one before ends."""
    own = options(pooling={"local": {"max": 1}}, streams={"max": 1})
    done = run(scenario(own, ["1s"] * 3))
    assert done.column("ended_ns") == [S + 3 * MS, S + 6 * MS, S + 9 * MS]
    pool = BenchedPool(Settings(max=1))
    pool.borrow(0)
    attempt = pool.world.attempts[pool.attempts[0]]
    assert (attempt.stream, pool.connections()[0].in_flight) == (0, 1)
    pool.respond(0)
    assert pool.connections()[0].stream_free == 0


@pytest.mark.inventory("generic.response.decode", "generic.response.complete")
def test_a_response_is_decoded_and_completes_its_request() -> None:
    own = {"components": {**dict.fromkeys(("stream_allocation", "prepared_encoding", "syscall"), 0),
                          "copy": "50us"}}  # fmt: skip
    done = run(scenario(own, ["1s"]))
    assert done.outcomes == ["ok"]
    assert done.latencies == [50 * US + 3 * MS + 50 * US]


@pytest.mark.inventory("generic.response.error")
def test_a_response_that_is_an_error_ends_its_request_with_it() -> None:
    """One request of ten on a connection gets an error frame: it fails, its stream id is free for
    the next one at once, and the connection carries the others on."""
    overloaded = {"at": "1002ms", "for": "2ms", "node": "dc1/1", "kind": "overloaded"}
    own = options(pooling={"local": {"max": 1}}, streams={"max": 10}, max_retries=1)
    services = ["1ms", *["5ms"] * 9, "1ms"]
    done = run(scenario(own, ["1s"] * 10 + ["1001ms"], services=services, faults=[overloaded]))
    assert done.outcomes == ["server_error", *["ok"] * 10]
    assert done.errors == [[OVERLOADED], *[[]] * 10]
    assert done.column("attempts") == [1] * 11
    assert done.column("ended_ns") == [S + 3 * MS, *[S + 7 * MS] * 9, S + 6 * MS]
    assert done.notes("connection_broke", "closed", "host_down") == []
    assert done.ends.unfinished == (0,)


@pytest.mark.inventory("generic.response.error")
def test_the_callback_gets_the_error_in_its_turn() -> None:
    """One callback thread, 4 ms each: the error of the second waits like a result."""
    overloaded = {"at": "0s", "node": "dc1/1", "kind": "overloaded"}
    own = options(threading={"callback": "4ms", "callback_threads": 1})
    done = run(scenario(own, ["1s"] * 2, faults=[overloaded]))
    assert done.outcomes == ["server_error"] * 2
    assert done.latencies == [3 * MS, 7 * MS]


# Limits and selection (151-212) -------------------------------------------------------------------


@pytest.mark.inventory("generic.max-requests.typical")
@pytest.mark.parametrize("most", [1024, 2048])
def test_a_connection_takes_1024_to_2048_requests(most: int) -> None:
    pool = BenchedPool(Settings(max=1, max_requests=most, high=100, low=100))
    answers = [pool.borrow(request) for request in range(most + 1)]
    assert answers[:-1] == ["sent"] * most
    assert answers[-1] == "connection is busy"


def loaded(*loads: int) -> BenchedPool:
    """A pool whose connections have so many in flight."""
    count = len(loads)
    pool = BenchedPool(Settings(core=count, max=count, high=100, selection="round_robin"))
    for request in range(count * max(loads)):
        pool.borrow(request)
    for place, load in enumerate(loads):
        for request in range(place + count * load, count * max(loads), count):
            pool.respond(request)
    pool.world.clients[0].selection = 0
    assert tuple(connection.sent for connection in pool.state.connections) == loads
    return pool


@pytest.mark.inventory("generic.least-loaded.example")
@pytest.mark.parametrize(("loads", "taken"), [((847, 923, 156), 2), ((412, 678), 0)])
def test_the_router_takes_the_third_of_node_a_and_the_first_of_node_b(
    loads: tuple[int, ...], taken: int
) -> None:
    pool = loaded(*loads)
    pool.borrow(100_000)
    after = [connection.sent for connection in pool.state.connections]
    assert after[taken] == loads[taken] + 1
    assert sum(after) == sum(loads) + 1


@pytest.mark.inventory("generic.pool-per-node")
def test_each_node_has_a_pool() -> None:
    text = closed(10, f"{{{FREE}}}").replace("nodes: 1", "nodes: 4")
    results = run_scenario(load_text(text), source="x.yaml", jobs=1)
    timeline = results.replications[0].timeline
    last = timeline[timeline["end_s"] == timeline["end_s"].max()]
    assert sorted(last["node"]) == ["dc1/1", "dc1/2", "dc1/3", "dc1/4"]
    assert list(last["active"]) == [1] * 4


# Pipelining (281-298) -----------------------------------------------------------------------------


@pytest.mark.inventory("generic.pipelining.benefits")
def test_pipelining_gives_throughput_and_latency() -> None:
    pool = "pooling: {local: {max: 1}}"
    with_it = metrics(closed(10, f"{{{pool}, {FREE}}}"))
    without = metrics(closed(10, f"{{{pool}, pipelining: false, {FREE}}}"))
    assert with_it["throughput"] == pytest.approx(10 * without["throughput"], rel=0.01)
    assert with_it["latency.mean"] == pytest.approx(without["latency.mean"] / 10, rel=0.01)


# Ignored backpressure (346-347) -------------------------------------------------------------------


@pytest.mark.inventory("generic.ignored-backpressure")
def test_who_ignores_backpressure_gets_memory_timeouts_and_failures() -> None:
    """Twice of what the node does: with a limit in the application all is well; without it requests
    time out, hold streams and memory, and others are rejected."""
    text = """
duration: 10s
warm_up: 0s
replications: 1
cluster:
  datacenters: {dc1: {nodes: 1}}
  node: {workers: 4, service: {constant: 10ms}}
clients:
  - name: api
    driver: generic
    options: {read_timeout: 1s, pooling: {local: {max: 2}}, backpressure: {queue_timeout: 1s}}
    load: {poisson: {rate: 800/s}}
    LIMIT
"""
    heeds = metrics(text.replace("LIMIT", "limit: {max_concurrent: 8}"))
    ignores = metrics(text.replace("LIMIT", ""))
    assert heeds["errors"] == 0
    assert ignores["client_timeouts"] > 300
    assert ignores["rejected"] > 500
    assert ignores["retries"] > 500, "and each retry is more work for the node"
    assert ignores["memory.max"] > 5 * heeds["memory.max"]


# Memory (392-437) ---------------------------------------------------------------------------------


@pytest.mark.inventory("generic.read-buffer.allocation")
def test_buffers_are_there_from_the_start() -> None:
    found = metrics(closed(1, f"{{pooling: {{local: {{core: 5}}}}, {FREE}}}", service="900ms"))
    assert found["memory.min"] >= 5 * 128_000


@pytest.mark.inventory("generic.read-buffer.growth")
def test_a_read_buffer_expands_for_a_frame_that_is_larger() -> None:
    """Two frames of 100 kB come together: one waits for its callback in a buffer of 64 kB, which
    is not too slow; three do, and the second that waits is."""

    def signals(requests: int) -> int:
        own = options(
            frames={"response": "100kB"},
            threading={"callback": "10ms", "callback_threads": 1},
            pooling={"local": {"max": 1}},
        )
        return len(run(scenario(own, ["1s"] * requests)).notes("read_buffer_full"))

    assert signals(2) == 0
    assert signals(3) == 1


@pytest.mark.inventory(
    "generic.buffers-per-connection", "generic.read-buffer", "generic.write-buffer"
)
def test_a_connections_memory_is_its_two_buffers_of_64_kb() -> None:
    assert OWN.read_buffer == OWN.write_buffer == 64_000
    assert OWN.connection_memory == OWN.read_buffer + OWN.write_buffer == 128_000


def memory_of_five(buffers: str, more: str = "") -> float:
    """Of five connections and one request."""
    own = f"{{pooling: {{local: {{core: 5}}}}, buffers: {{{buffers}}}, {more}{FREE}}}"
    return metrics(closed(1, own, service="900ms"))["memory.max"] - 2_000


@pytest.mark.inventory("generic.read-buffer")
def test_a_larger_read_buffer_takes_more_memory() -> None:
    assert memory_of_five("read: 256kB") == 5 * (256_000 + 64_000)


@pytest.mark.inventory("generic.write-buffer")
def test_a_larger_write_buffer_takes_more_memory() -> None:
    assert memory_of_five("write: 32kB") == 5 * (64_000 + 32_000)


@pytest.mark.inventory("generic.buffers-per-connection")
def test_a_connections_memory_can_be_written_instead() -> None:
    assert memory_of_five("read: 256kB", "memory: {connection: 100kB}, ") == 5 * 100_000


@pytest.mark.inventory("generic.responses.buffer")
def test_each_response_that_waits_for_its_callback_takes_its_frame() -> None:
    """Ten at once, callbacks of a second: one is taken, nine lie in the driver, 100 kB each."""
    own = options(
        frames={"response": "100kB"},
        threading={"callback": "1s", "callback_threads": 1},
        pooling={"local": {"max": 1}},
    )
    results = run_scenario(scenario(own, ["1s"] * 10, duration="20s"), source="x.yaml", jobs=1)
    found = results.replications[0].metrics
    assert found["buffered_responses.max"] == 9
    assert found["memory.max"] == 128_000 + 9 * 100_000


@pytest.mark.inventory("generic.limit.gc")
def test_rarer_pauses_of_the_collector_delay_fewer_requests() -> None:
    """A tenth of the pauses, a tenth of the requests are late."""

    def late(every: str) -> int:
        own = options(gc={"every": every, "pause": "50ms"})
        times = [f"{k}ms" for k in range(0, 40_000, 10)]
        done = run(scenario(own, times, duration="41s"))
        return sum(latency > 4 * MS for latency in done.latencies)

    assert late("1s") == pytest.approx(10 * late("10s"), rel=0.15)


# Practical limits of throughput (489-504) ---------------------------------------------------------


def limited(own: str, **more: Any) -> float:
    """The throughput of 200 requests at a time over eight connections."""
    return metrics(closed(200, f"{{pooling: {{local: {{core: 8}}}}, {own}}}", **more))["throughput"]


@pytest.mark.inventory("generic.limit.server")
def test_the_servers_capacity_limits_throughput() -> None:
    assert limited(FREE, workers=4) == pytest.approx(4 / 0.005, rel=0.01)


@pytest.mark.inventory("generic.limit.network")
def test_the_networks_bandwidth_limits_throughput() -> None:
    """10 Mbit/s carry 1,250 responses of 1,000 B a second."""
    own = f"network: {{bandwidth: 10Mbit/s}}, frames: {{request: 100B, response: 1kB}}, {FREE}"
    assert limited(own) == pytest.approx(1_250, rel=0.01)


@pytest.mark.inventory("generic.limit.serialization")
def test_encoding_limits_throughput() -> None:
    """100 us of an I/O thread for each request, two threads."""
    own = "components: {stream_allocation: 0s, prepared_encoding: 100us, copy: 0s, syscall: 0s}"
    assert limited(own) == pytest.approx(20_000, rel=0.01)


# Latency components, by their typical ranges (479-487) --------------------------------------------


@pytest.mark.inventory("generic.latency.stream-allocation")
def test_allocating_a_stream_takes_less_than_a_microsecond() -> None:
    assert 0 < OWN.stream_allocation_ns < 1 * US


@pytest.mark.inventory("generic.latency.encoding")
def test_encoding_takes_one_to_ten_microseconds() -> None:
    assert 1 * US <= OWN.prepared_encoding_ns <= OWN.encoding_ns <= 10 * US


@pytest.mark.inventory("generic.latency.buffer-copy")
def test_copying_takes_one_to_five_microseconds() -> None:
    assert 1 * US <= OWN.copy_ns <= 5 * US


@pytest.mark.inventory("generic.latency.syscall")
def test_a_system_call_takes_one_to_ten_microseconds_and_batching_shares_it() -> None:
    assert 1 * US <= OWN.syscall_ns <= 10 * US
    own = {"coalescing": {"delay": "1ms"}, "pooling": {"local": {"max": 1}}}
    together = run(scenario(own, ["1s"] * 10, services=["1ms"] * 10))
    alone = run(scenario({**own, "coalescing": {}}, ["1s"] * 10, services=["1ms"] * 10))
    assert together.last("syscalls") < alone.last("syscalls") == 20


@pytest.mark.inventory("generic.max.remote")
def test_a_pool_to_a_remote_node_has_one_or_two_connections() -> None:
    remote = DRIVERS["generic"].defaults(4).remote
    assert (remote.core, remote.max) == (1, 2)
    text = """
duration: 2s
warm_up: 0s
replications: 1
cluster:
  datacenters: {dc1: {nodes: 1}, dc2: {nodes: 1, network: {delay: 1ms}}}
  node: {workers: 100000, service: {constant: 500ms}}
clients:
  - name: api
    driver: generic
    cpu: {issue: 0s}
    options: {load_balancing: {used_hosts_per_remote_dc: 1}}
    load: {bursts: {size: 5000}}
faults: [{at: 0.5s, node: dc1/1, kind: stop}]
"""
    results = run_scenario(load_text(text), source="x.yaml", jobs=1)
    timeline = results.replications[0].timeline
    assert timeline[timeline["node"] == "dc2/1"]["active"].max() == 2
