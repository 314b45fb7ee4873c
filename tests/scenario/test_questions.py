"""Questions that users asked, answered by the shipped scenarios: what changes when the setting in
question does, and the figure that the thread reports where it reports one.

The numbers are those of `demand.md`'s list: 2, 4-8, 11, 12, 14, 15, 30, 32-34.
"""

from __future__ import annotations

from collections import Counter

import pytest

from poolsim.estimation.results import Results
from poolsim.estimation.run import run_scenario
from poolsim.scenario.load import load_text
from poolsim.scenario.templates import templates

TEXTS = {template.name: template.text for template in templates()}


def results_of(template: str, *overrides: str) -> Results:
    scenario = load_text(TEXTS[template], overrides=["replications=1", *overrides])
    return run_scenario(scenario, source=f"{template}.yaml", jobs=1)


def metrics_of(template: str, *overrides: str) -> dict[str, float]:
    return results_of(template, *overrides).replications[0].metrics


def sizes(client: str, connections: int) -> list[str]:
    path = f"clients.{client}.options.pooling.local"
    return [f"{path}.core={connections}", f"{path}.max={connections}"]


def erlang_b(load: float, servers: int) -> float:
    """The share that is lost where `servers` take a load without a queue (Erlang, 1917)."""
    lost = 1.0
    for count in range(1, servers + 1):
        lost = load * lost / (count + load * lost)
    return lost


def test_2_what_holds_alone_does_not_hold_beside_60_per_cent() -> None:
    assert metrics_of("background-load", "clients.others.load.poisson.rate=1/s")["job/errors"] == 0
    assert metrics_of("background-load")["job/errors"] > 100


@pytest.mark.parametrize("limit", [2_000, 100_000])
def test_4_a_semaphore_that_fits_prevents_rejections(limit: int) -> None:
    found = metrics_of("semaphore", f"clients.collector.limit.max_concurrent={limit}")
    assert (found["rejected"] == 0) == (limit == 2_000)


def test_5_a_longer_queue_adds_no_throughput() -> None:
    path = "clients.api.options.pooling.max_queue_size"
    short, long = (metrics_of("queue-size", f"{path}={places}") for places in (256, 4096))
    assert long["rejected"] < short["rejected"]
    assert long["throughput"] == pytest.approx(short["throughput"], rel=0.02)
    assert long["latency.p99"] > short["latency.p99"]


def test_6_twelve_shared_connections_against_twelve_single_ones() -> None:
    found = metrics_of("shards")
    assert found["sharded/rejection_rate"] == pytest.approx(erlang_b(120, 128), abs=0.012)
    assert found["shared/rejection_rate"] < 10 * erlang_b(1440, 1536)
    assert found["shared/rejection_rate"] * 10 < found["sharded/rejection_rate"]


def test_7_five_operations_of_256_are_safe_and_six_are_not() -> None:
    assert metrics_of("nested-fan-out", "clients.james.load.closed.window=1280")["rejected"] == 0
    assert metrics_of("nested-fan-out")["rejected"] > 0


def test_8_a_slow_node_spills_over_and_only_a_loaded_cluster_goes_down_with_it() -> None:
    spilt = metrics_of("slow-node")
    assert spilt["rejected"] > 1_000
    assert spilt["errors"] == 0
    assert metrics_of("slow-node", "clients.api.load.poisson.rate=4500/s")["errors"] > 0


@pytest.mark.parametrize(
    ("connections", "queue", "is_safe"),
    [(1, 64, False), (2, 64, False), (4, 64, True), (1, 256, True)],
)
def test_11_a_recommendation_has_a_range(connections: int, queue: int, is_safe: bool) -> None:
    more = f"clients.product.options.pooling.max_queue_size={queue}"
    found = metrics_of("safe-range", *sizes("product", connections), more)
    assert (found["product/rejected"] == 0) == is_safe


def test_12_one_connection_against_eight() -> None:
    """One I/O thread at 125 us a request: 8,000/s; eight connections on four threads carry all."""
    assert metrics_of("io-thread", *sizes("stress", 1))["throughput"] == pytest.approx(
        8_000, rel=0.01
    )
    assert metrics_of("io-thread", *sizes("stress", 8))["throughput"] == pytest.approx(
        12_000, rel=0.03
    )


def test_14_a_connection_for_each_shard_takes_six_processors_instead_of_one() -> None:
    found = metrics_of("many-connections")
    assert found["few/busy_threads"] == pytest.approx(1, abs=0.05)
    assert found["many/busy_threads"] == pytest.approx(6, abs=0.6)
    assert found["few/throughput"] == pytest.approx(found["many/throughput"], rel=0.05)


def test_15_more_io_threads_than_needed_spend_the_time_in_system_calls() -> None:
    one, four, many = (metrics_of("io-threads", *sizes("api", threads)) for threads in (1, 4, 32))
    assert one["throughput"] < 7_000 < four["throughput"]
    assert many["throughput"] == pytest.approx(four["throughput"], rel=0.01)
    assert many["busy_threads"] > 1.25 * four["busy_threads"]
    in_system_calls = many["syscalls"] * 200e-6 / 1.5 / many["busy_threads"]
    assert in_system_calls > 0.7, "a large majority of the time"


def test_30_a_fleet_of_ten_holds_15360_requests_for_a_node() -> None:
    found = metrics_of("fleet-bound")
    assert found["in_flight.max"] + found["request_queue_depth.max"] == 10 * (1024 + 512) == 15_360


def closes(*overrides: str) -> Counter[int]:
    """Connections closed in each second."""
    events = results_of("idle-eviction", *overrides).replications[0].events
    times = events.loc[events["kind"] == "closed", "time_s"]
    return Counter(int(at) for at in times)


POOLING = "clients.api.options.pooling"


def test_32_a_timeout_shorter_than_the_bursts_closes_hundreds_at_once() -> None:
    found = closes()
    assert set(found.values()) == {280}
    assert closes(f"{POOLING}.idle_timeout=100s") == {}


def test_32_timeouts_that_differ_close_them_gradually() -> None:
    spread = closes(f"{POOLING}.idle_check=1s", f"{POOLING}.idle_jitter=50%")
    assert max(spread.values()) < 40
    assert sum(spread.values()) > 800


def test_33_a_session_on_45_far_nodes_takes_ten_seconds_or_less_than_one_and_a_half() -> None:
    serial = metrics_of("cold-start")
    parallel = metrics_of("cold-start", f"{POOLING}.concurrent_opens=45")
    assert serial["pools_ready"] == pytest.approx(10, rel=0.1)
    assert parallel["pools_ready"] < 1.5
    assert parallel["latency.max"] < 0.5 < serial["latency.p99@first"]


def test_33_a_warm_session_has_no_cold_start() -> None:
    warm = metrics_of("cold-start", f"{POOLING}.warming=before_start")
    assert warm["pools_ready"] == 0
    assert warm["latency.max"] < 0.1


def test_34_throughput_is_concurrency_over_latency() -> None:
    found = metrics_of("distance")
    assert found["far/throughput"] == pytest.approx(256 / 0.081, rel=0.01)
    assert found["near/throughput"] == pytest.approx(20 / 0.005, rel=0.02)
    more = metrics_of("distance", "clients.far.limit.max_concurrent=1024")
    assert more["far/throughput"] == pytest.approx(1024 / 0.081, rel=0.02)


def test_watermarks_a_burst_above_1024_is_rejected() -> None:
    assert metrics_of("watermarks")["busy_connections"] == 0
    larger = metrics_of("watermarks", "clients.api.load.bursts.size=3000")
    assert larger["busy_connections"] > 1_000
    rejecting = metrics_of("watermarks", "clients.api.options.backpressure.policy=reject")
    assert rejecting["busy_connections"] > 0
    assert rejecting["wait.max"] == 0
