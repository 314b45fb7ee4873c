"""Memory, the bound of the throughput and signals of backpressure, in the report."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace

import pytest
from rich.console import Console

from poolsim.estimation.generic import most_streams, threads_of, throughput_bound
from poolsim.estimation.results import Results
from poolsim.estimation.run import run_scenario
from poolsim.report.budget import (
    Bound,
    Memory,
    Signal,
    bound_text,
    budgets,
    memory_text,
    signal_text,
    threads_text,
)
from poolsim.report.html import render
from poolsim.report.machine import summary
from poolsim.report.summaries import client_summaries
from poolsim.report.terminal import show
from poolsim.report.units import NO_BREAK
from poolsim.scenario.load import load_text
from poolsim.scenario.scenario import Scenario


def text(connections: int, window: int, service: str, options: str = "") -> str:
    return f"""
name: budget
duration: 2s
warm_up: 1s
replications: 1
cluster:
  datacenters: {{dc1: {{nodes: 1, network: {{delay: 0s}}}}}}
  node: {{workers: 10000, service: {{constant: {service}}}}}
clients:
  - name: api
    driver: generic
    cpu: {{issue: 0s}}
    options:
      pooling: {{local: {{core: {connections}, max: {connections}}}}}
      components: {{stream_allocation: 0s, prepared_encoding: 0s, copy: 0s, syscall: 0s}}
      {options}
    load: {{closed: {{window: {window}}}}}
"""


def scenario(connections: int, window: int, service: str, options: str = "") -> Scenario:
    return load_text(text(connections, window, service, options))


@pytest.fixture(scope="module")
def documents() -> Results:
    """The document's example: 50 connections, 5,000 requests in flight (002:432-434)."""
    return run_scenario(scenario(50, 5_000, "500ms"), source="budget.yaml", jobs=1)


def printed(results: Results) -> str:
    console = Console(file=io.StringIO(), width=160, force_terminal=False)
    show(results, console, None)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


# Memory (002:423-437) -----------------------------------------------------------------------------


@pytest.mark.inventory("generic.memory.connections", "generic.memory.requests")
def test_fifty_connections_take_6_4_mb_and_5000_requests_10_mb(documents: Results) -> None:
    (budget,) = budgets(documents, client_summaries(documents))
    memory = budget.memory
    assert (memory.connections, memory.connection_overhead) == (50, 128_000)
    assert memory.connections * memory.connection_overhead == 6_400_000
    assert (memory.in_flight, memory.request_overhead) == (5_000, 2_000)
    assert memory.in_flight * memory.request_overhead == 10_000_000
    assert memory.total == 16_400_000


@pytest.mark.inventory("generic.synchronous.memory")
def test_a_thread_for_each_request_would_take_a_megabyte_each(documents: Results) -> None:
    (budget,) = budgets(documents, client_summaries(documents))
    assert budget.memory.thread_per_request == 5_000 * 1_000_000


def test_memory_is_a_metric(documents: Results) -> None:
    assert documents.estimates["memory.max"].mean == 16_400_000
    assert documents.estimates["memory.max"].unit == "B"
    assert documents.estimates["thread_memory.max"].mean == 5_000_000_000
    assert documents.estimates["buffered_responses.max"].mean == 0


@pytest.mark.inventory("generic.memory")
def test_the_formula_is_told_with_its_numbers() -> None:
    text = memory_text(Memory(50, 128_000, 5_000, 2_000, 10, 100_000, 17_400_000, 5_000_000_000))
    assert text.replace("\u00a0", " ") == (
        "50 connections \u00d7 128kB + 5,000 in flight \u00d7 2.00kB + 10 results \u00d7 100kB = "
        "17.4MB at most; a thread for each request would take 5.00GB"
    )


@pytest.mark.inventory("generic.memory")
def test_results_that_wait_for_callbacks_take_memory() -> None:
    options = """
      threading: {callback_threads: 1, callback: 1s}
      memory: {result: 64kB}
"""
    results = run_scenario(scenario(1, 20, "100ms", options.strip()), source="x", jobs=1)
    (budget,) = budgets(results, client_summaries(results))
    assert budget.memory.results > 10
    assert budget.memory.total >= budget.memory.results * 64_000 + 128_000


# The bound of the throughput (002:489-504) --------------------------------------------------------


@pytest.mark.inventory("generic.throughput-bound", "generic.throughput-bound.example")
def test_eight_connections_of_1024_streams_at_5_ms_are_1_6_million_a_second() -> None:
    example = scenario(8, 100, "5ms")
    assert most_streams(example, example.clients[0]) == (8, 1024)
    assert throughput_bound(example, example.clients[0], 0.005) == pytest.approx(1.6384e6)


@pytest.mark.inventory("generic.throughput-bound.example")
def test_the_bound_stands_beside_what_was_simulated() -> None:
    results = run_scenario(scenario(8, 100, "5ms"), source="x", jobs=1)
    (budget,) = budgets(results, client_summaries(results))
    assert budget.bound.latency_s == pytest.approx(0.005)
    assert budget.bound.per_second == pytest.approx(1.6384e6)
    assert budget.bound.simulated_per_second == pytest.approx(100 / 0.005, rel=0.01)
    assert results.estimates["throughput_bound"].mean == pytest.approx(1.6384e6)
    assert "1.64M/s in theory; 20.0k/s simulated (1.2% of it)" in printed(results)


def test_without_an_answer_there_is_no_bound() -> None:
    text = bound_text(Bound(8, 1024, math.nan, math.nan, 0.0))
    assert text.replace("\u00a0", " ") == "8 connections \u00d7 1,024 streams / no answer: no bound"


def test_all_local_nodes_and_instances_are_counted() -> None:
    of_a_fleet = load_text("""
duration: 1s
cluster:
  datacenters: {dc1: {nodes: 3}, dc2: {nodes: 2}}
  node: {service: {constant: 1ms}}
clients:
  - {driver: generic, instances: 4, load: {poisson: {rate: 1/s}}}
  - {driver: generic, load: {poisson: {rate: 1/s}},
     options: {load_balancing: {policy: round_robin}}}
""")
    assert most_streams(of_a_fleet, of_a_fleet.clients[0]) == (4 * 3 * 8, 1024)
    assert most_streams(of_a_fleet, of_a_fleet.clients[1]) == (5 * 8, 1024)


# Signals (002:338-347) ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def overloaded() -> Results:
    options = """
      threading: {callback_threads: 1, callback: 2ms}
      buffers: {read: 2kB}
"""
    return run_scenario(scenario(1, 3_000, "100ms", options.strip()), source="x", jobs=1)


@pytest.mark.inventory(
    "generic.signal.queue-full", "generic.signal.high-in-flight", "generic.signal.read-buffer-full"
)
def test_each_signal_is_counted_with_its_meaning_and_action(overloaded: Results) -> None:
    (budget,) = budgets(overloaded, client_summaries(overloaded))
    assert [(one.name, one.meaning, one.action) for one in budget.signals] == [
        ("queue full", "too many pending requests", "slow down submissions"),
        ("high in-flight", "approaching connection limit", "consider more connections"),
        ("read buffer full", "processing too slow", "increase consumer capacity"),
    ]
    assert [one.count > 0 for one in budget.signals] == [True] * 3


def test_signals_are_in_the_terminal_and_in_the_page(overloaded: Results) -> None:
    words = " ".join(printed(overloaded).split())
    assert "too many pending requests: slow down submissions" in words
    assert "approaching connection limit: consider more connections" in words
    page = render(overloaded)
    for text in ("queue full", "consider more connections", "increase consumer capacity"):
        assert text in page


def test_a_signal_that_was_never_given_is_not_printed(documents: Results) -> None:
    assert "read buffer full" not in printed(documents)


def test_a_signal_in_words() -> None:
    text = signal_text(
        Signal("queue full", 3, "too many pending requests", "slow down submissions")
    )
    assert text.replace("\u00a0", " ") == (
        "queue full: 3 times; too many pending requests: slow down submissions"
    )


# Elsewhere ----------------------------------------------------------------------------------------


def test_the_json_document_has_all_of_it(documents: Results) -> None:
    (client,) = json.loads(json.dumps(summary(documents)))["clients"]
    assert client["memory"]["total"] == 16_400_000
    assert client["throughput_bound"]["connections"] == 50
    assert [one["name"] for one in client["signals"]] == [
        "queue full",
        "high in-flight",
        "read buffer full",
    ]


def test_the_page_has_memory_and_bound(documents: Results) -> None:
    page = render(documents)
    assert "16.4MB at most" in page
    assert "in theory" in page


def test_other_drivers_have_none_of_it() -> None:
    java = load_text("""
duration: 1s
replications: 1
cluster:
  datacenters: {dc1: {nodes: 1}}
  node: {service: {constant: 1ms}}
clients: [{driver: java3, load: {poisson: {rate: 100/s}}}]
""")
    results = run_scenario(java, source="x", jobs=1)
    assert "Memory, throughput" not in printed(results)
    assert summary(results)["clients"][0]["memory"] is None
    assert not any(name.startswith("memory") for name in results.estimates)


@pytest.mark.inventory("generic.memory.total")
def test_with_result_buffers_the_total_is_20_to_50_mb() -> None:
    """The example's connections and requests, and 204 results of 64 kB: four are with callbacks of
    10 s, 200 wait for them."""
    options = "threading: {callback_threads: 4, callback: 10s}"
    services = ["9s"] * 5_000 + ["1ms"] * 204
    own = load_text(
        text(50, 5_000, "1ms", f"{options}\n      memory: {{result: 64kB}}").replace(
            "{closed: {window: 5000}}",
            f"{{trace: {{times: {['100ms'] * 5_204}, services: {services}}}}}",
        )
    )
    results = run_scenario(own, source="x", jobs=1)
    (budget,) = budgets(results, client_summaries(results))
    assert budget.memory == Memory(
        connections=50,
        connection_overhead=128_000,
        in_flight=5_000,
        request_overhead=2_000,
        results=200,
        result_overhead=64_000,
        total=29_200_000,
        thread_per_request=budget.memory.thread_per_request,
    )
    assert 20e6 <= budget.memory.total <= 50e6
    assert results.estimates["memory.max"].mean == 29_200_000


@pytest.mark.inventory("generic.synchronous.context-switches", "generic.threads-per-request")
def test_threads_and_context_switches_of_both_ways(documents: Results) -> None:
    """One issues, two do I/O, four run callbacks, whatever the number of requests; a synchronous
    client would have 5,000 threads, and a context switch for each request."""
    (budget,) = budgets(documents, client_summaries(documents))
    threads = budget.threads
    assert threads.threads == 1 + 2 + 4
    assert threads.thread_per_request == 5_000
    assert threads.requests == documents.numbers["requests"]
    assert threads.io_events > 0
    assert f"a thread for each request would be 5,000{NO_BREAK}threads" in threads_text(threads)
    assert "threads: 7" in render(documents)


@pytest.mark.inventory("generic.synchronous", "generic.synchronous.memory")
def test_a_synchronous_client_s_threads_and_their_stacks_stand_beside_it() -> None:
    """A limit of 20 at a time, as 20 threads have: 20 stacks of 1 MB, or of what is written."""
    own = scenario(1, 500, "5ms", "memory: {thread: 2MB}")
    for stack, written in ((1_000_000, scenario(1, 500, "5ms")), (2_000_000, own)):
        client = replace(written.clients[0], max_concurrent=20)
        results = run_scenario(replace(written, clients=(client,)), source="x", jobs=1)
        (budget,) = budgets(results, client_summaries(results))
        assert budget.threads.thread_per_request == 20
        assert budget.memory.thread_per_request == 20 * stack
        assert f"a thread for each request would take {20 * stack // 10**6}.0MB" in printed(
            results
        ).replace(NO_BREAK, " ")


@pytest.mark.inventory("generic.synchronous.context-switches")
def test_a_context_switch_costs_the_thread_that_has_an_event() -> None:
    """10 us at the flush and at the read of each of 100 requests; with a thread for each, one."""
    results = {
        cost: run_scenario(
            load_text(
                text(1, 1, "5ms", f"threading: {{context_switch: {cost}}}").replace(
                    "{closed: {window: 1}}", "{uniform: {rate: 100/s}}"
                )
            ),
            source="x",
            jobs=1,
        )
        for cost in ("0s", "10us")
    }
    free, dear = (one.estimates["latency.mean"].mean for one in results.values())
    assert dear == pytest.approx(free + 20e-6, abs=1e-9)
    (budget,) = budgets(results["10us"], client_summaries(results["10us"]))
    threads = budget.threads
    assert threads.switching_s == pytest.approx(threads.io_events * 10e-6)
    assert threads.thread_per_request_switching_s == pytest.approx(threads.requests * 10e-6)
    assert "of a processor, and" in threads_text(threads)


def test_threads_follow_the_model() -> None:
    for model, threads in (("event_loop", 1), ("thread_pool", 7), ("hybrid", 1 + 7 + 4)):
        own = scenario(50, 10, "1ms", f"threading: {{model: {model}}}")
        assert threads_of(own, own.clients[0]) == threads
