"""What the drivers' own documents would say to a setting, with the numbers at which they say it."""

from __future__ import annotations

import pytest

from poolsim.planning.evaluate import Task, evaluate
from poolsim.planning.points import from_text
from poolsim.planning.recommend.advice import advice_before, advice_of
from poolsim.planning.recommend.question import ask
from tests.model.whole_runs import TEXT, USUAL


def advice(driver: str, **parts: str) -> list[str]:
    """All sentences about one client, as `poolsim recommend` would give them."""
    parts = {"duration": "500ms"} | parts
    text = TEXT.format(driver=driver, **(USUAL | parts)) + "\nexpect: [errors == 0]\n"
    question = ask(from_text(text, "advice.yaml"), ["clients.app.instances=1"])
    outcome = evaluate(Task(0, question.base, question.metrics, count=1))
    return advice_of(question.base, outcome, question.peak)


@pytest.mark.inventory("java3.saturated-pool")
@pytest.mark.parametrize(("window", "said"), [(95, True), (70, False)])
def test_a_load_near_the_maximum_load_all_the_time_is_a_saturated_pool(
    window: int, said: bool
) -> None:
    """One connection of 100 requests: above 80 of them in flight on average."""
    found = advice(
        "java3",
        options="{pooling: {local: {max_requests: 100}}}",
        load=f"{{closed: {{window: {window}}}}}",
    )
    sentence = "raise max, or max_requests if the nodes bear it"
    assert [sentence in one for one in found] == [True] * said
    if said:
        assert "load is near max load all the time (95 of 100 at the peak" in found[0]


@pytest.mark.inventory("java3.saturated-pool")
def test_max_requests_is_not_to_be_raised_on_v2() -> None:
    """It is at its most there: 120 of 128."""
    found = advice(
        "java3",
        protocol="v2",
        options="{pooling: {local: {core: 1, max: 1}}}",
        load="{closed: {window: 120}}",
    )
    assert len(found) == 1
    assert found[0].startswith("app: load is near max load all the time (120 of 128 at the peak")
    assert found[0].endswith(": raise max")


@pytest.mark.inventory("java3.underused-pool")
@pytest.mark.parametrize(
    ("window", "fewer"), [(100, "1 core connection"), (300, "3 core connections"), (400, "")]
)
def test_a_load_under_core_times_128_need_not_be_under_half_of_it(window: int, fewer: str) -> None:
    """Of four core connections of 128."""
    found = advice(
        "java3",
        protocol="v2",
        options="{pooling: {local: {core: 4, max: 8}}}",
        load=f"{{closed: {{window: {window}}}}}",
    )
    said = f"load stays under core x 128 ({window} of 512 in a pool): {fewer} would do"
    assert [one.removeprefix("app: ") for one in found] == [said] * bool(fewer)


@pytest.mark.inventory("java3.underused-pool")
@pytest.mark.parametrize(("window", "said"), [(120, True), (140, False)])
def test_a_load_under_core_times_128_asks_for_fewer_core_connections(
    window: int, said: bool
) -> None:
    """On v2, whose two core connections hold 256: below half of it one is enough."""
    found = advice("java3", protocol="v2", load=f"{{closed: {{window: {window}}}}}")
    sentence = (
        f"load stays under core x 128 ({window} of 256 in a pool): 1 core connection would do"
    )
    assert [one.removeprefix("app: ") for one in found] == [sentence] * said


@pytest.mark.inventory("java3.io-thread-utilisation")
@pytest.mark.parametrize(("rate", "said"), [("72k/s", "90% busy"), ("56k/s", "")])
def test_a_busy_io_thread_is_named_with_its_utilisation(rate: str, said: str) -> None:
    """A request of 12.5 us: 72,000 a second are 90 % of a thread."""
    found = advice(
        "java3",
        cpu="{issue: 0us, per_request: 12.5us}",
        service="{constant: 1ms}",
        load=f"{{uniform: {{rate: {rate}}}}}",
        duration="100ms",
    )
    assert [said in one for one in found] == [True] * bool(said)
    if said:
        assert "one connection's I/O thread is 90% busy (72,000 requests/s at 12.5us)" in found[0]


@pytest.mark.inventory("java3.io-thread-utilisation", "java3.io-threads")
@pytest.mark.parametrize(("io_threads", "said"), [(1, True), (2, False)])
def test_connections_of_one_io_thread_keep_it_busy_together(io_threads: int, said: bool) -> None:
    """Two connections, 72,000 requests a second of 12.5 us: 90 % of one thread, 45 % of two."""
    found = advice(
        "java3",
        options="{pooling: {local: {core: 2, max: 2}}}",
        cpu=f"{{issue: 0us, per_request: 12.5us, io_threads: {io_threads}}}",
        service="{constant: 1ms}",
        load="{uniform: {rate: 72k/s}}",
        duration="100ms",
    )
    assert (
        found
        == [
            "app: an I/O thread with 2 connections is 90% busy (72,000 requests/s at 12.5us): more "
            "I/O threads"
        ]
        * said
    )


@pytest.mark.inventory("python.high-throughput")
@pytest.mark.parametrize(("rate", "said"), [("20200/s", True), ("19800/s", False)])
def test_more_than_10000_requests_a_second_and_host_ask_for_more_than_settings(
    rate: str, said: bool
) -> None:
    """Of one process to each of two hosts."""
    found = advice(
        "python",
        datacenters="{dc1: {nodes: 2}}",
        service="{constant: 1ms}",
        load=f"{{uniform: {{rate: {rate}}}}}",
        duration="100ms",
    )
    assert ["more than one connection" in one for one in found] == [True] * said
    if said:
        assert "10,100 requests/s per process and host" in found[0]
        assert found[0].endswith("(10,000/s): more instances, more nodes, or sharding")


@pytest.mark.inventory("python.high-throughput")
@pytest.mark.parametrize(("window", "said"), [(30, True), (10, False)])
def test_a_closed_load_is_told_by_what_it_came_to(window: int, said: bool) -> None:
    """So many requests of 1 ms at a time to two hosts: 15,000 a second each, or 5,000."""
    found = advice(
        "python",
        datacenters="{dc1: {nodes: 2}}",
        service="{constant: 500us}",
        cpu="{issue: 0us}",
        options="{tcp_nodelay: true}",
        load=f"{{closed: {{window: {window}}}}}",
        duration="200ms",
    )
    assert ["more than one connection" in one for one in found] == [True] * said


@pytest.mark.parametrize(
    ("setting", "per_request", "named"),
    [
        ("clients.app.instances=1,2", "0s", "instances is chosen"),
        ("clients.app.options.pooling.local.core+max=1,2", "0s", "core and max are chosen"),
        ("clients[0].options.pooling.local.max=1,2", "0s", "max is chosen"),
        ("clients.app.options.pooling.max_queue_size=1,2", "0s", ""),
        ("clients.app.instances=1,2", "50us", ""),
    ],
)
def test_connections_and_instances_need_the_cost_of_a_request(
    setting: str, per_request: str, named: str
) -> None:
    text = TEXT.format(driver="java3", **(USUAL | {"cpu": f"{{per_request: {per_request}}}"}))
    question = ask(from_text(text + "\nexpect: [errors == 0]\n", "advice.yaml"), [setting])
    found = advice_before(question.base, question.space.parameters)
    assert [named in one and "cpu.per_request is 0" in one for one in found] == [True] * bool(named)
